package tui

import (
	"image"
	"image/color"
	"image/draw"

	"sundae/internal/bundle"
	"sundae/sampler"
)

// look says what is painted over a picture.
type look int

const (
	plain look = iota
	changedTokens
	confidence
)

// changedTint marks tokens that changed in the step on show.
var changedTint = color.RGBA{255, 64, 160, 255}

// paintChanged dims the picture and tints the tokens that differ between two
// steps, so that the eye finds them.
func paintChanged(picture *image.RGBA, latent bundle.Latent, before, after []uint16) *image.RGBA {
	out := clone(picture)
	each(out, latent, func(cell image.Rectangle, token int) {
		if before[token] != after[token] {
			blend(out, cell, changedTint, 110)
		} else {
			blend(out, cell, color.RGBA{0, 0, 0, 255}, 70)
		}
	})
	return out
}

// paintConfidence lays a heat map of the tokens' confidence, 0 to 1, over the
// picture: dark violet is a guess, yellow is certain.
func paintConfidence(picture *image.RGBA, latent bundle.Latent, of []float32) *image.RGBA {
	out := clone(picture)
	each(out, latent, func(cell image.Rectangle, token int) { blend(out, cell, heat(of[token]), 150) })
	return out
}

// heat runs from violet over red to yellow, rising in lightness all the way.
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

func clone(picture *image.RGBA) *image.RGBA {
	out := image.NewRGBA(picture.Rect)
	draw.Draw(out, out.Rect, picture, picture.Rect.Min, draw.Src)
	return out
}

// each visits every token's patch.
func each(picture *image.RGBA, latent bundle.Latent, visit func(image.Rectangle, int)) {
	w, h := picture.Rect.Dx()/latent.Width, picture.Rect.Dy()/latent.Height
	for token := range latent.Tokens() {
		x, y := token%latent.Width*w, token/latent.Width*h
		visit(image.Rect(x, y, x+w, y+h).Add(picture.Rect.Min), token)
	}
}

// blend mixes a colour into a rectangle, alpha of 255.
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

// paint returns what a tile shows: the picture, or one with its tokens marked.
func paint(picture *image.RGBA, how look, latent bundle.Latent, before, after *sampler.Frame, sample int) image.Image {
	switch {
	case how == changedTokens && before != nil:
		return paintChanged(picture, latent, before.Tokens[sample], after.Tokens[sample])
	case how == confidence && after != nil && after.Confidence != nil && after.Confidence[sample] != nil:
		return paintConfidence(picture, latent, after.Confidence[sample])
	}
	return picture
}
