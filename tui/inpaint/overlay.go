package inpaint

import (
	"image"
	"image/color"
	"math"

	"sundae/sampler"
)

// tint is the mask's colour over the image.
var tint = color.RGBA{255, 70, 150, 255}

// overlay returns the image with the mask half transparent over it, and a line around the tokens that will be sampled:
// the model works on whole tokens. The image and the mask have the same size.
func overlay(picture *image.RGBA, pixels *image.Gray, tokens *sampler.Mask) *image.RGBA {
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
	drawTokenBorders(out, tokens)
	return out
}

func half(a, b uint8) uint8 { return uint8((int(a) + int(b)) / 2) }

// drawTokenBorders draws a line between masked and kept tokens. Where a token is a pixel the
// mask itself shows them, and a line would hide them.
func drawTokenBorders(out *image.RGBA, tokens *sampler.Mask) {
	fw, fh := out.Rect.Dx()/tokens.Width, out.Rect.Dy()/tokens.Height
	if fw == 1 && fh == 1 {
		return
	}
	thick := max(1, fw/16)
	isMasked := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < tokens.Width && y < tokens.Height && tokens.Masked[y*tokens.Width+x]
	}
	fill := func(r image.Rectangle) {
		r = r.Intersect(out.Rect)
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				out.SetRGBA(x, y, tint)
			}
		}
	}
	for y := range tokens.Height {
		for x := range tokens.Width {
			if !isMasked(x, y) {
				continue
			}
			cell := image.Rect(x*fw, y*fh, (x+1)*fw, (y+1)*fh)
			if !isMasked(x-1, y) {
				fill(image.Rect(cell.Min.X, cell.Min.Y, cell.Min.X+thick, cell.Max.Y))
			}
			if !isMasked(x+1, y) {
				fill(image.Rect(cell.Max.X-thick, cell.Min.Y, cell.Max.X, cell.Max.Y))
			}
			if !isMasked(x, y-1) {
				fill(image.Rect(cell.Min.X, cell.Min.Y, cell.Max.X, cell.Min.Y+thick))
			}
			if !isMasked(x, y+1) {
				fill(image.Rect(cell.Min.X, cell.Max.Y-thick, cell.Max.X, cell.Max.Y))
			}
		}
	}
}

// drawBrush draws a circle, white inside black, visible on any image.
func drawBrush(out *image.RGBA, at image.Point, radius int) {
	thick := float64(max(1, out.Rect.Dx()/256))
	reach := radius + 3*int(thick)
	box := image.Rect(at.X-reach, at.Y-reach, at.X+reach+1, at.Y+reach+1).Intersect(out.Rect)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			switch off := math.Abs(math.Hypot(float64(x-at.X), float64(y-at.Y)) - float64(radius)); {
			case off <= thick:
				out.SetRGBA(x, y, color.RGBA{255, 255, 255, 255})
			case off <= 2*thick:
				out.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
			}
		}
	}
}

// drawRectangle draws the border of a rectangle in white.
func drawRectangle(out *image.RGBA, r image.Rectangle) {
	thick := max(1, out.Rect.Dx()/256)
	inner := r.Inset(thick)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if p := image.Pt(x, y); !p.In(inner) && p.In(out.Rect) {
				out.SetRGBA(x, y, color.RGBA{255, 255, 255, 255})
			}
		}
	}
}
