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
		Short: "Encode and decode an image, and measure the loss",
		Long: `Encode an image to the model's tokens, decode them, and print the PSNR. That is
how well the model can represent this image at best. The image is first fitted to
the model's size.`,
		Example: `  sundae reconstruct --image hills.jpg --out hills-decoded.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			how, err := fitting(a, fit)
			if err != nil {
				return err
			}
			b, err := m.bundle(cmd.Context(), a)
			if err != nil {
				return err
			}
			done := a.reporter.Wait("reading the image")
			whole, err := picture.Load(from)
			if done(); err != nil {
				return err
			}
			rt, o, err := m.runtime(cmd.Context(), a, b)
			if err != nil {
				return err
			}
			done = a.reporter.Wait("reconstructing")
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
			_, place := how.Place(whole.Rect, d.Size()) // without the black bars
			psnr, err := picture.PSNR(part(original, place), part(again, place))
			if err != nil {
				return err
			}
			if err := picture.Save(out, again); err != nil {
				return err
			}
			done() // before printing to the same terminal
			fmt.Fprintf(a.out, "%s\nPSNR %.2f dB\n", out, psnr)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "image", "", "image `file`: PNG, JPEG, WebP or GIF")
	cmd.Flags().StringVar(&out, "out", "", "PNG `file` for the decoded image")
	cmd.Flags().StringVar(&fit, "fit", "", fitUsage)
	cmd.MarkFlagRequired("image")
	cmd.MarkFlagRequired("out")
	m.add(cmd)
	return cmd
}

func part(img *image.RGBA, r image.Rectangle) *image.RGBA { return img.SubImage(r).(*image.RGBA) }
