package cli

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sundae/decoder"
	"sundae/internal/picture"
	"sundae/sampler"
)

func newSample(a *app) *cobra.Command {
	var m modelFlags
	var f samplingFlags
	var n int
	var out string
	cmd := &cobra.Command{
		Use:   "sample",
		Short: "Sample pictures from a model",
		Long: `Sample pictures from a model into OUT/sample-SEED-0000.png, ..., and a sheet of
all of them, OUT/grid.png. The same seed and settings give the same pictures,
whatever --n is.`,
		Example: `  sundae sample --model runs/tiny/bundle --n 4 --seed 7 --out samples
  sundae sample --model runs/tiny/bundle --steps 24 --temperature 1.0:0.6:cosine --class ocean --out samples`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("n") {
				n = a.config.Sampling.N
			}
			b, device, err := m.open(a, cmd)
			if err != nil {
				return err
			}
			settings, err := f.settings(a, cmd, b.Manifest)
			if err != nil {
				return err
			}
			prior, err := sampler.Open(b, device)
			if err != nil {
				return err
			}
			defer prior.Close()
			pictures, err := decoder.Open(b, device)
			if err != nil {
				return err
			}
			defer pictures.Close()
			run, err := prior.Start(sampler.Start{N: n, Settings: settings})
			if err != nil {
				return err
			}
			if err := finish(cmd.Context(), a, run); err != nil {
				return err
			}
			return savePictures(cmd.Context(), a, run, pictures, out)
		},
	}
	m.add(cmd)
	f.add(cmd)
	cmd.Flags().IntVar(&n, "n", 4, "pictures")
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the pictures")
	cmd.MarkFlagRequired("out")
	return cmd
}

// finish takes the run's remaining steps.
func finish(ctx context.Context, a *app, run *sampler.Run) error {
	bar := a.talk.Bar("sampling", int64(run.Settings().Steps), "steps")
	defer bar.Done()
	for !run.Done() {
		stats, err := run.Step(ctx)
		if err != nil {
			return err
		}
		bar.Add(1)
		bar.Note("temperature %.2f  confidence %.2f  %d frozen", stats.Temperature, stats.Confidence, stats.Frozen)
	}
	return nil
}

// gridCell is the widest a picture is shown in the sheet.
const gridCell = 512

// savePictures decodes the last step and writes every picture and the sheet.
func savePictures(ctx context.Context, a *app, run *sampler.Run, pictures *decoder.Decoder, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the folder for the pictures: %w", err)
	}
	rows := run.At(run.Len() - 1).Tokens
	bar := a.talk.Bar("decoding", int64(len(rows)), "pictures")
	defer bar.Done()
	var cells []image.Image
	for i, tokens := range rows {
		p, err := pictures.Decode(ctx, tokens)
		if err != nil {
			return err
		}
		path := filepath.Join(out, fmt.Sprintf("sample-%d-%04d.png", run.Settings().Seed, i))
		if err := picture.Save(path, p); err != nil {
			return err
		}
		fmt.Fprintln(a.out, path)
		cells = append(cells, decoder.Fit(p, min(gridCell, p.Rect.Dx())))
		bar.Add(1)
	}
	grid := filepath.Join(out, "grid.png")
	columns := int(math.Ceil(math.Sqrt(float64(len(cells)))))
	if err := picture.Save(grid, picture.Grid(cells, columns, 4, color.Black)); err != nil {
		return err
	}
	fmt.Fprintln(a.out, grid)
	return nil
}
