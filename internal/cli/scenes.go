package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sundae/train/scenes"
)

func newScenes(a *app) *cobra.Command {
	var o scenes.Options
	var out string
	cmd := &cobra.Command{
		Use:   "scenes",
		Short: "Draw a set of landscapes to train on",
		Long: `Draw landscapes, one sub-folder a class: ` + scenes.Summary() + `.
The same seed gives the same files, whatever the number of cores; pictures that
are there already are kept.`,
		Example: `  sundae train scenes --out pictures --count 3000 --size 1024 --seed 1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			bar := a.talk.Bar("scenes", int64(o.Count), "pictures")
			defer bar.Done()
			drawn, err := scenes.Write(cmd.Context(), out, o, func(drawn bool) {
				if drawn {
					bar.Add(1)
				} else {
					bar.Skip(1)
				}
			})
			if err != nil {
				return err
			}
			bar.Done()
			fmt.Fprintf(a.out, "%d pictures drawn, %d kept, in %s\n", drawn, o.Count-drawn, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the pictures")
	cmd.Flags().IntVar(&o.Count, "count", 1000, "pictures in all")
	cmd.Flags().IntVar(&o.Size, "size", 1024, "pixels a side")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "another seed, another set")
	cmd.Flags().IntVar(&o.Workers, "workers", 0, "pictures drawn at once (0: one a core)")
	cmd.MarkFlagRequired("out")
	return cmd
}
