package cli

import (
	"fmt"
	"image"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/internal/picture"
	"sundae/sampler"
)

func newInpaint(a *app) *cobra.Command {
	var m modelFlags
	var f samplingFlags
	var o outputFlags
	var w inpaintFlags
	cmd := &cobra.Command{
		Use:   "inpaint",
		Short: "Inpaint the masked part of an image",
		Long: `Inpaint the masked part of an image in --n variants, and write them to
OUT/inpaint-SEED-0000.png, ..., with a sheet of the image and all variants,
OUT/grid.png. The rest of the image stays as it is.

The mask is an image of the same size, white where the image is to be inpainted; or
one of the model's size, which is applied to the fitted image. A mask of any other
size is stretched. Rectangles are in pixels of the image.`,
		Example: `  sundae inpaint --image hills.png --mask sky.png --n 4 --out skies
  sundae inpaint --image hills.jpg --rect 0,0,1024,400 --class night --seed 3 --out nights
  sundae inpaint --image wide.webp --fit letterbox --rect 10,10,80,60 --feather 24 --out patched`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(a, cmd); err != nil {
				return err
			}
			r := rendering{name: "inpaint", outputFlags: o}
			b, err := r.begin(a, cmd, &m, &f)
			if err != nil {
				return err
			}
			task, err := w.prepare(a, b.Manifest)
			if err != nil {
				return err
			}
			r.original, r.finish = task.original, task.finish
			r.record.Image, r.record.Rule = filepath.Base(w.image), sampler.Rule(w.rule)
			if r.opened, err = m.load(cmd.Context(), a, b); err != nil {
				return err
			}
			defer r.Close()
			done := a.reporter.Wait("encoding")
			tokens, err := r.pictures.Encode(cmd.Context(), task.original)
			if done(); err != nil {
				return err
			}
			r.from = sampler.Inpainting{Tokens: slices.Repeat([][]uint16{tokens}, r.n), Mask: task.mask}
			return r.run(cmd.Context(), a)
		},
	}
	w.add(cmd)
	m.add(cmd)
	f.add(cmd)
	o.add(cmd)
	return cmd
}

// inpaintFlags say which part of an image is inpainted, and how the result is composed.
type inpaintFlags struct {
	image, mask, rule string
	rects             rectangles
	composite, fit    string
	feather           float64

	fitting picture.Fitting
	compose bool
}

func (f *inpaintFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.image, "image", "", "image `file`: PNG, JPEG, WebP or GIF")
	cmd.Flags().StringVar(&f.mask, "mask", "", "mask `file`, white where the image is to be inpainted")
	cmd.Flags().Var(&f.rects, "rect", "rectangle to inpaint, in pixels of the image; may be repeated")
	cmd.Flags().StringVar(&f.rule, "mask-rule", "", "`rule` by which pixels mask a token: any of its pixels, or all (default from the settings)")
	cmd.Flags().StringVar(&f.composite, "composite", "", "keep the original's pixels outside the mask: on or off (default from the settings)")
	cmd.Flags().Float64Var(&f.feather, "feather", 0, "width in `pixels` of the blend between original and inpainted pixels (default from the settings)")
	cmd.Flags().StringVar(&f.fit, "fit", "", fitUsage)
	cmd.MarkFlagRequired("image")
	cmd.MarkFlagsOneRequired("mask", "rect")
}

// check completes the flags with the settings, and checks them.
func (f *inpaintFlags) check(a *app, cmd *cobra.Command) error {
	if f.rule == "" {
		f.rule = a.config.Mask.Rule
	}
	if !slices.Contains(config.Rules, f.rule) {
		return fmt.Errorf("--mask-rule must be any or all, not %q", f.rule)
	}
	f.compose = a.config.Mask.Composite
	if f.composite != "" {
		var err error
		if f.compose, err = onOff("composite", f.composite); err != nil {
			return err
		}
	}
	if !cmd.Flags().Changed("feather") {
		f.feather = a.config.Mask.Feather
	}
	if !(f.feather >= 0 && f.feather <= config.MaxFeather) {
		return fmt.Errorf("--feather must be 0 to %d pixels, not %g", config.MaxFeather, f.feather)
	}
	var err error
	f.fitting, err = fitting(a, f.fit)
	return err
}

// fitUsage is the help of --fit.
const fitUsage = "how an image of another shape becomes a square: crop or letterbox (default from the settings)"

// fitting reads --fit, or the setting if word is empty.
func fitting(a *app, word string) (picture.Fitting, error) {
	if word == "" {
		word = a.config.Pictures.Fit
	}
	f, err := picture.ParseFitting(word)
	if err != nil {
		return "", fmt.Errorf("--fit %w", err)
	}
	return f, nil
}

// inpainting is an image of the model's size with the tokens to inpaint.
type inpainting struct {
	original *image.RGBA
	mask     *sampler.Mask
	finish   func(decoded *image.RGBA) *image.RGBA // composes the result
}

// prepare reads the image and the mask, and fits both to the model.
func (f *inpaintFlags) prepare(a *app, m bundle.Manifest) (inpainting, error) {
	defer a.reporter.Wait("reading the image")()
	whole, err := picture.Load(f.image)
	if err != nil {
		return inpainting{}, err
	}
	pixels, err := f.pixels(a, whole.Rect.Size(), m.ImageSize)
	if err != nil {
		return inpainting{}, err
	}
	t := inpainting{original: picture.Fit(whole, m.ImageSize, f.fitting)}
	if t.mask, err = sampler.FromPixels(pixels, m.Downsample, sampler.Rule(f.rule)); err != nil {
		return inpainting{}, err
	}
	switch {
	case !slices.Contains(pixels.Pix, 255):
		return inpainting{}, fmt.Errorf("the mask is empty: no white pixel is in the part of the image that --fit %s keeps", f.fitting)
	case !slices.Contains(t.mask.Masked, true):
		return inpainting{}, fmt.Errorf("the mask is empty: it covers no whole token of %d×%d pixels; --mask-rule any masks tokens that it touches", m.Downsample, m.Downsample)
	}
	region := t.mask.Region(pixels)
	t.finish = func(decoded *image.RGBA) *image.RGBA {
		if !f.compose {
			return decoded
		}
		return picture.Compose(t.original, decoded, region, f.feather)
	}
	return t, nil
}

// pixels returns the mask of an image of a size, fitted to the model, in black and
// white: the rectangles and the mask file together.
func (f *inpaintFlags) pixels(a *app, size image.Point, side int) (*image.Gray, error) {
	rects, err := picture.RectMask(size, f.rects)
	if err != nil {
		return nil, err
	}
	rects = picture.FitMask(rects, side, f.fitting)
	if f.mask == "" {
		return rects, nil
	}
	mask, err := picture.LoadMask(f.mask)
	if err != nil {
		return nil, err
	}
	aligned, stretched := picture.AlignMask(mask, size, side, f.fitting)
	if stretched {
		given := mask.Rect.Size()
		a.reporter.Printf("the mask has %d×%d pixels and the image %d×%d: the mask is stretched", given.X, given.Y, size.X, size.Y)
	}
	return picture.UniteMasks(rects, aligned), nil
}
