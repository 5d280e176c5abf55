package cli

import (
	"image"

	"github.com/spf13/cobra"

	"sundae/sampler"
)

func newSample(a *app) *cobra.Command {
	var m modelFlags
	var f samplingFlags
	var o outputFlags
	cmd := &cobra.Command{
		Use:   "sample",
		Short: "Sample images from a model",
		Long: `Sample images from a model and write them to OUT/sample-SEED-0000.png, ..., with a
sheet of all of them, OUT/grid.png. The same seed and settings give the same images
for any --n. With --history the image of every step is written to
sample-SEED-0000-step-05.png, ..., and the run as an animation.

Each PNG file stores the settings that it was sampled with. --like FILE samples it
again: that sample, or all samples of a sheet.`,
		Example: `  sundae sample --n 4 --seed 7 --out samples
  sundae sample --class ocean --steps 24 --temperature 1.0:0.6:cosine --out samples
  sundae sample --n 1 --seed 7 --history --animation apng --out run
  sundae sample --like samples/sample-7-0002.png --temperature 0.8 --out calmer`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := rendering{name: "sample", outputFlags: o, from: sampler.Noise{}, finish: func(img *image.RGBA) *image.RGBA { return img }}
			b, err := r.begin(a, cmd, &m, &f)
			if err != nil {
				return err
			}
			if r.like != nil && r.like.Image != "" {
				a.reporter.Printf("%s was inpainted into %s; its settings are used without that image", f.like, r.like.Image)
			}
			if r.opened, err = m.load(cmd.Context(), a, b); err != nil {
				return err
			}
			defer r.Close()
			return r.run(cmd.Context(), a)
		},
	}
	m.add(cmd)
	f.add(cmd)
	o.add(cmd)
	return cmd
}
