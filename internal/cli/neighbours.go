package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"sundae/internal/picture"
	"sundae/train/dataset"
	"sundae/train/neighbours"
)

func newNeighbours(a *app) *cobra.Command {
	var samples, out string
	var data []string
	cmd := &cobra.Command{
		Use:   "neighbours",
		Short: "Show the nearest training image of each sample",
		Long: `Find the nearest training image of each sample, comparing images scaled down to
32×32 pixels, and write a sheet of the samples with their nearest neighbours below.
Where both look alike, the model has memorised the image.`,
		Example: `  sundae train neighbours --samples samples --data pictures --out neighbours.png
  sundae train neighbours --samples samples --data pictures --data more --out neighbours.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			made, err := dataset.Open(samples)
			if err != nil {
				return err
			}
			known, err := dataset.Open(data...)
			if err != nil {
				return err
			}
			bar := a.reporter.Bar("comparing", int64(len(known.Files)), "images")
			defer bar.Done()
			pairs, err := neighbours.Find(cmd.Context(), withoutSheets(made.Files), known.Files, func() { bar.Add(1) })
			if err != nil {
				return err
			}
			bar.Done()
			sheet, err := neighbours.Sheet(pairs, 8, 192)
			if err != nil {
				return err
			}
			if err := picture.Save(out, sheet); err != nil {
				return err
			}
			for _, p := range pairs {
				fmt.Fprintf(a.out, "%s %s %.1f\n", p.Sample.Path, p.Training.Path, p.Distance)
			}
			fmt.Fprintln(a.out, out)
			return nil
		},
	}
	cmd.Flags().StringVar(&samples, "samples", "", "`folder` of samples")
	cmd.Flags().StringArrayVar(&data, "data", nil, "`folder` or IDX file of training images; may be repeated")
	cmd.Flags().StringVar(&out, "out", "neighbours.png", "PNG `file` for the sheet")
	for _, flag := range []string{"samples", "data"} {
		cmd.MarkFlagRequired(flag)
	}
	return cmd
}

// withoutSheets removes the sheet that `sundae sample` writes with its samples.
func withoutSheets(files []dataset.File) []dataset.File {
	var out []dataset.File
	for _, file := range files {
		if filepath.Base(file.Path) != "grid.png" {
			out = append(out, file)
		}
	}
	return out
}
