package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"slices"
	"time"
)

// lastWeight is the weight of the last frame for the choice of colours. It is shown
// longest, and the noise of the first frames has every colour.
const lastWeight = 4

// WriteGIF writes an animated GIF. All frames share 255 colours and are dithered.
// Pixels that do not change from one frame to the next are transparent, which
// compresses well.
func WriteGIF(w io.Writer, a Animation) error {
	if err := a.check(); err != nil {
		return err
	}
	var counted histogram
	for i, f := range a.Frames {
		weight := 1
		if i == len(a.Frames)-1 {
			weight = lastWeight
		}
		counted.add(f, weight)
	}
	shared := counted.palette(255)
	q := newQuantiser(shared)
	transparent := uint8(len(shared))
	shared = append(shared, color.RGBA{})
	out := gif.GIF{Config: image.Config{ColorModel: shared, Width: a.Frames[0].Rect.Dx(), Height: a.Frames[0].Rect.Dy()}}
	var before []uint8
	for i, f := range a.Frames {
		indices := q.indices(f)
		frame := &image.Paletted{Pix: slices.Clone(indices), Stride: f.Rect.Dx(), Rect: f.Rect, Palette: shared}
		for k := range before {
			if before[k] == indices[k] {
				frame.Pix[k] = transparent
			}
		}
		before = indices
		out.Image = append(out.Image, frame)
		out.Delay = append(out.Delay, int(a.delay(i)/(10*time.Millisecond)))
		out.Disposal = append(out.Disposal, gif.DisposalNone)
	}
	if err := gif.EncodeAll(w, &out); err != nil {
		return fmt.Errorf("write GIF: %w", err)
	}
	return nil
}
