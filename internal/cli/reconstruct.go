package cli

import (
	"fmt"
	"image"

	"github.com/spf13/cobra"

	"sundae/decoder"
	"sundae/internal/picture"
)

func newReconstruct(a *app) *cobra.Command {
	var m modelFlags
	var from, out, fit string
	cmd := &cobra.Command{
		Use:   "reconstruct",
		Short: "Turn a picture into tokens and back, and measure what is lost",
		Long: `Turn a picture into the model's tokens and back, and print the PSNR: how close
the model's pictures can come to this one at best. The picture is fitted first.`,
		Example: `  sundae reconstruct --image hills.jpg --out hills-again.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			how, err := fitting(a, fit)
			if err != nil {
				return err
			}
			b, err := m.bundle(a)
			if err != nil {
				return err
			}
			done := a.talk.Wait("reading the picture")
			whole, err := picture.Load(from)
			if done(); err != nil {
				return err
			}
			rt, o, err := m.runtime(cmd.Context(), a)
			if err != nil {
				return err
			}
			done = a.talk.Wait("reconstructing")
			defer done()
			d, err := decoder.Open(b, rt.Opener(o))
			if err != nil {
				return err
			}
			defer d.Close()
			original := picture.Fit(whole, d.Size(), how)
			again, err := d.Reconstruct(cmd.Context(), original)
			if err != nil {
				return err
			}
			_, place := how.Place(whole.Rect, d.Size()) // bars tell nothing of the model
			psnr, err := picture.PSNR(part(original, place), part(again, place))
			if err != nil {
				return err
			}
			if err := picture.Save(out, again); err != nil {
				return err
			}
			done() // before the result, which comes on the same terminal
			fmt.Fprintf(a.out, "%s\nPSNR %.2f dB\n", out, psnr)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "image", "", "picture `file`: PNG, JPEG, WebP or GIF")
	cmd.Flags().StringVar(&out, "out", "", "PNG `file` for the picture that comes back")
	cmd.Flags().StringVar(&fit, "fit", "", "fit a picture of another shape by crop or letterbox (default from the settings)")
	cmd.MarkFlagRequired("image")
	cmd.MarkFlagRequired("out")
	m.add(cmd)
	return cmd
}

func part(p *image.RGBA, r image.Rectangle) *image.RGBA { return p.SubImage(r).(*image.RGBA) }
