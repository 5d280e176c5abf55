package picture

import (
	"fmt"
	"image"
	"math"
)

// PSNR returns the peak signal-to-noise ratio of two images of one size in dB, over
// red, green and blue: 10·log10(255² / mean squared error). It is +Inf for equal
// images.
func PSNR(a, b *image.RGBA) (float64, error) {
	if a.Rect.Size() != b.Rect.Size() || a.Rect.Empty() {
		return 0, fmt.Errorf("compare images: sizes %v and %v differ", a.Rect.Size(), b.Rect.Size())
	}
	var squares float64
	for y := range a.Rect.Dy() {
		one := a.Pix[a.PixOffset(a.Rect.Min.X, a.Rect.Min.Y+y):]
		two := b.Pix[b.PixOffset(b.Rect.Min.X, b.Rect.Min.Y+y):]
		var row int
		for x := range a.Rect.Dx() {
			for c := range 3 {
				d := int(one[4*x+c]) - int(two[4*x+c])
				row += d * d
			}
		}
		squares += float64(row)
	}
	mean := squares / float64(3*a.Rect.Dx()*a.Rect.Dy())
	return 10 * math.Log10(255*255/mean), nil
}
