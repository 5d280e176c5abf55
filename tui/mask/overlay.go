package mask

import (
	"image"
	"image/color"

	"sundae/sampler"
)

// Overlay returns the picture with the mask half-transparent over it, and a line
// around the tokens that will really be made anew: always whole ones. Picture and
// pixels have one size.
func Overlay(picture *image.RGBA, pixels *image.Gray, tokens *sampler.Mask, tint color.RGBA) *image.RGBA {
	w, h := picture.Rect.Dx(), picture.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		from := picture.Pix[picture.PixOffset(picture.Rect.Min.X, picture.Rect.Min.Y+y):][:4*w]
		row := out.Pix[y*out.Stride:][:4*w]
		copy(row, from)
		for x, level := range pixels.Pix[y*pixels.Stride:][:w] {
			if level >= 128 {
				p := row[4*x : 4*x+3 : 4*x+3]
				p[0], p[1], p[2] = half(p[0], tint.R), half(p[1], tint.G), half(p[2], tint.B)
			}
		}
	}
	outline(out, tokens, tint)
	return out
}

func half(a, b uint8) uint8 { return uint8((int(a) + int(b)) / 2) }

// outline draws the border between tokens made anew and tokens kept.
func outline(out *image.RGBA, tokens *sampler.Mask, c color.RGBA) {
	fw, fh := out.Rect.Dx()/tokens.Width, out.Rect.Dy()/tokens.Height
	thick := max(1, fw/16)
	is := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < tokens.Width && y < tokens.Height && tokens.Masked[y*tokens.Width+x]
	}
	fill := func(r image.Rectangle) {
		r = r.Intersect(out.Rect)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				out.SetRGBA(x, y, c)
			}
		}
	}
	for y := range tokens.Height {
		for x := range tokens.Width {
			if !is(x, y) {
				continue
			}
			cell := image.Rect(x*fw, y*fh, (x+1)*fw, (y+1)*fh)
			if !is(x-1, y) {
				fill(image.Rect(cell.Min.X, cell.Min.Y, cell.Min.X+thick, cell.Max.Y))
			}
			if !is(x+1, y) {
				fill(image.Rect(cell.Max.X-thick, cell.Min.Y, cell.Max.X, cell.Max.Y))
			}
			if !is(x, y-1) {
				fill(image.Rect(cell.Min.X, cell.Min.Y, cell.Max.X, cell.Min.Y+thick))
			}
			if !is(x, y+1) {
				fill(image.Rect(cell.Min.X, cell.Max.Y-thick, cell.Max.X, cell.Max.Y))
			}
		}
	}
}
