package tui

import (
	"image"
	"image/color"
	"image/draw"

	"sundae/internal/bundle"
	"sundae/sampler"
)

// look is what is painted over an image.
type look int

const (
	plain look = iota
	changedTokens
	confidence
)

// changedTint marks tokens that changed in the step shown.
var changedTint = color.RGBA{255, 64, 160, 255}

// paintChanged dims an image and tints the tokens that differ between two steps.
func paintChanged(img *image.RGBA, latent bundle.Latent, before, after []uint16) *image.RGBA {
	out := clone(img)
	each(out, latent, func(cell image.Rectangle, token int) {
		if before[token] != after[token] {
			blend(out, cell, changedTint, 110)
		} else {
			blend(out, cell, color.RGBA{0, 0, 0, 255}, 70)
		}
	})
	return out
}

// paintConfidence draws a heat map of the tokens' confidence, 0 to 1, over an image: dark violet is a guess, yellow is
// certain.
func paintConfidence(img *image.RGBA, latent bundle.Latent, of []float32) *image.RGBA {
	out := clone(img)
	each(out, latent, func(cell image.Rectangle, token int) { blend(out, cell, heat(of[token]), 150) })
	return out
}

// heat is a colour map from violet over red to yellow, with rising lightness.
func heat(x float32) color.RGBA {
	stops := [...][3]float32{{20, 11, 52}, {132, 32, 107}, {229, 92, 48}, {252, 255, 164}}
	x = max(0, min(1, x)) * float32(len(stops)-1)
	i := min(int(x), len(stops)-2)
	share := x - float32(i)
	var c [3]uint8
	for k := range c {
		c[k] = uint8(stops[i][k] + share*(stops[i+1][k]-stops[i][k]))
	}
	return color.RGBA{c[0], c[1], c[2], 255}
}

func clone(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	draw.Draw(out, out.Rect, img, img.Rect.Min, draw.Src)
	return out
}

// each visits the patch of every token.
func each(img *image.RGBA, latent bundle.Latent, visit func(image.Rectangle, int)) {
	w, h := img.Rect.Dx()/latent.Width, img.Rect.Dy()/latent.Height
	for token := range latent.Tokens() {
		x, y := token%latent.Width*w, token/latent.Width*h
		visit(image.Rect(x, y, x+w, y+h).Add(img.Rect.Min), token)
	}
}

// blend mixes a colour into a rectangle, with an alpha of 0 to 255.
func blend(out *image.RGBA, r image.Rectangle, c color.RGBA, alpha int) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := out.Pix[out.PixOffset(r.Min.X, y) : out.PixOffset(r.Max.X-1, y)+4]
		for i := 0; i < len(row); i += 4 {
			row[i] = mix(row[i], c.R, alpha)
			row[i+1] = mix(row[i+1], c.G, alpha)
			row[i+2] = mix(row[i+2], c.B, alpha)
		}
	}
}

func mix(a, b uint8, alpha int) uint8 { return uint8((int(a)*(255-alpha) + int(b)*alpha) / 255) }

// paint returns an image with its tokens marked, or the image itself. before and after are the frames of the step.
func paint(img *image.RGBA, how look, latent bundle.Latent, before, after *sampler.Frame, sample int) image.Image {
	switch {
	case how == changedTokens && before != nil:
		return paintChanged(img, latent, before.Tokens[sample], after.Tokens[sample])
	case how == confidence && after != nil && after.Confidence != nil && after.Confidence[sample] != nil:
		return paintConfidence(img, latent, after.Confidence[sample])
	}
	return img
}
