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

// lastWeight is how much more the last frame counts when colours are chosen: it
// is looked at longest, and the noise before it has every colour.
const lastWeight = 4

// WriteGIF writes an animated GIF. All frames share 255 colours and are
// dithered; what stays from one frame to the next is transparent there, which
// costs next to nothing.
func WriteGIF(w io.Writer, a Animation) error {
	if err := a.check(); err != nil {
		return err
	}
	var counted colours
	for i, f := range a.Frames {
		weight := 1
		if i == len(a.Frames)-1 {
			weight = lastWeight
		}
		counted.add(f, weight)
	}
	shared := counted.palette(255)
	q := newQuantiser(shared)
	clear := uint8(len(shared)) // the number of the transparent colour
	shared = append(shared, color.RGBA{})
	out := gif.GIF{Config: image.Config{ColorModel: shared, Width: a.Frames[0].Rect.Dx(), Height: a.Frames[0].Rect.Dy()}}
	var before []uint8
	for i, f := range a.Frames {
		numbers := q.draw(f)
		frame := &image.Paletted{Pix: slices.Clone(numbers), Stride: f.Rect.Dx(), Rect: f.Rect, Palette: shared}
		for k := range before {
			if before[k] == numbers[k] {
				frame.Pix[k] = clear
			}
		}
		before = numbers
		out.Image = append(out.Image, frame)
		out.Delay = append(out.Delay, int(a.delay(i)/(10*time.Millisecond)))
		out.Disposal = append(out.Disposal, gif.DisposalNone)
	}
	if err := gif.EncodeAll(w, &out); err != nil {
		return fmt.Errorf("write GIF: %w", err)
	}
	return nil
}
