package picture

import (
	"fmt"
	"image"
)

// white is the grey level from which a mask's pixel counts as masked. In a mask
// white means: sample here.
const white = 128

// RectMask returns a black mask of a size with white rectangles. Every rectangle
// must lie in it at least in part.
func RectMask(size image.Point, rects []image.Rectangle) (*image.Gray, error) {
	mask := image.NewGray(image.Rectangle{Max: size})
	for _, r := range rects {
		inside := r.Intersect(mask.Rect)
		if inside.Empty() {
			return nil, fmt.Errorf("the rectangle %d,%d,%d,%d lies outside the image of %d×%d pixels", r.Min.X, r.Min.Y, r.Dx(), r.Dy(), size.X, size.Y)
		}
		for y := inside.Min.Y; y < inside.Max.Y; y++ {
			row := mask.Pix[mask.PixOffset(inside.Min.X, y):][:inside.Dx()]
			for x := range row {
				row[x] = 255
			}
		}
	}
	return mask, nil
}

// UniteMasks returns a mask that is white where one of two masks of the same size
// is.
func UniteMasks(a, b *image.Gray) *image.Gray {
	out := image.NewGray(a.Rect)
	for i := range out.Pix {
		out.Pix[i] = max(a.Pix[i], b.Pix[i])
	}
	return out
}

// FitMask makes the square of a mask that [Fit] makes of the image under it, in
// black and white. A pixel becomes white if it contains any white pixel of the mask,
// so that no masked pixel is lost. The bars of Letterbox are black.
func FitMask(mask *image.Gray, side int, f Fitting) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, side, side))
	from, to := f.Place(mask.Rect, side)
	scaleMask(out, to, mask, from)
	return out
}

// AlignMask fits a mask like the image of a size that it was made for. A mask of
// the fitted image's size, a square of side pixels, is taken to be fitted already.
// A mask of any other size is stretched to the image's, which stretched reports.
func AlignMask(mask *image.Gray, size image.Point, side int, f Fitting) (aligned *image.Gray, stretched bool) {
	switch mask.Rect.Size() {
	case size:
		return FitMask(mask, side, f), false
	case image.Pt(side, side):
		return ScaleMask(mask, mask.Rect.Size()), false // black and white
	}
	return FitMask(ScaleMask(mask, size), side, f), true
}

// ScaleMask stretches a mask to a size, in black and white by the rule of [FitMask].
func ScaleMask(mask *image.Gray, size image.Point) *image.Gray {
	out := image.NewGray(image.Rectangle{Max: size})
	scaleMask(out, out.Rect, mask, mask.Rect)
	return out
}

func scaleMask(out *image.Gray, to image.Rectangle, mask *image.Gray, from image.Rectangle) {
	for y := range to.Dy() {
		top, bottom := span(y, to.Dy(), from.Dy())
		row := out.Pix[out.PixOffset(to.Min.X, to.Min.Y+y):][:to.Dx()]
		for v := top; v < bottom; v++ {
			line := mask.Pix[mask.PixOffset(from.Min.X, from.Min.Y+v):][:from.Dx()]
			for x := range row {
				left, right := span(x, to.Dx(), from.Dx())
				for _, level := range line[left:right] {
					if level >= white {
						row[x] = 255
					}
				}
			}
		}
	}
}

// span returns the pixels that pixel i of a row of to pixels covers, at least in
// part, in a row of from pixels.
func span(i, to, from int) (first, end int) {
	return i * from / to, ((i+1)*from + to - 1) / to
}
