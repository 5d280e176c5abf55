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
		Short: "Draw landscapes to train on",
		Long: `Draw landscapes, one sub-folder per class: ` + scenes.Summary() + `.
The same seed gives the same files on any machine. Existing files are kept.`,
		Example: `  sundae train scenes --out pictures --count 3000 --size 1024 --seed 1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Check(); err != nil {
				return err
			}
			bar := a.reporter.Bar("drawing", int64(o.Count), "images")
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
			fmt.Fprintf(a.out, "%d images drawn, %d kept, in %s\n", drawn, o.Count-drawn, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the images")
	cmd.Flags().IntVar(&o.Count, "count", 1000, "number of images")
	cmd.Flags().IntVar(&o.Size, "size", 1024, "width and height in pixels")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of all random numbers")
	cmd.Flags().IntVar(&o.Workers, "workers", 0, "images drawn at the same time; 0: one per core")
	cmd.MarkFlagRequired("out")
	return cmd
}
