package sampler

import (
	"encoding/binary"
	"fmt"
	"image"
)

// Rule says how the pixels of a token's f×f patch decide whether the token is
// masked. In a mask image white means masked: inpaint here.
//
// Section 3.5 of 2206.12351 reduces a pixel mask to tokens with a logical AND. That
// mask has the opposite convention, 1 for pixels to keep: the AND keeps a token only
// if every pixel of its patch is kept. In terms of masked pixels that is Any.
type Rule string

// The rules. Any masks a token if at least one pixel of its patch is masked: the
// paper's AND over "keep". All masks it only if the whole patch is masked: the AND
// over "masked".
const (
	Any Rule = "any"
	All Rule = "all"
)

// Mask says which tokens are sampled; the others never change.
type Mask struct {
	Height, Width int
	Masked        []bool // [Height·Width] in raster order
}

// maskFrom is the grey level from which a pixel of a mask counts as white. Being a
// power of two it is also the bit that tells.
const maskFrom = 128

// FromPixels reduces a pixel mask, white where the image is masked, to tokens of f×f
// pixels. Its sides must be multiples of f.
func FromPixels(pixels *image.Gray, f int, rule Rule) (*Mask, error) {
	size := pixels.Rect.Size()
	if f < 1 || size.X%f != 0 || size.Y%f != 0 {
		return nil, fmt.Errorf("a mask of %d×%d pixels cannot be divided into tokens of %d×%d pixels", size.X, size.Y, f, f)
	}
	if rule != Any && rule != All {
		return nil, fmt.Errorf("unknown mask rule %q: the rules are any and all", rule)
	}
	m := &Mask{Height: size.Y / f, Width: size.X / f, Masked: make([]bool, size.X/f*(size.Y/f))}
	for token := range m.Masked {
		some, all := byte(0), byte(maskFrom)
		for y := range f {
			at := pixels.PixOffset(pixels.Rect.Min.X+token%m.Width*f, pixels.Rect.Min.Y+token/m.Width*f+y)
			or, and := bits(pixels.Pix[at : at+f])
			some, all = some|or, all&and
		}
		m.Masked[token] = rule == Any && some != 0 || all != 0
	}
	return m, nil
}

// bits returns maskFrom where any of the pixels is white, and where all of them are,
// else 0. A pixel is white if its highest bit is set, which is tested for eight
// pixels at a time.
func bits(pixels []uint8) (or, and byte) {
	const white = maskFrom * 0x0101010101010101
	some, all := uint64(0), uint64(white)
	for ; len(pixels) >= 8; pixels = pixels[8:] {
		eight := binary.LittleEndian.Uint64(pixels)
		some |= eight & white
		all &= eight
	}
	if some != 0 {
		or = maskFrom
	}
	if all == white {
		and = maskFrom
	}
	for _, v := range pixels {
		or, and = or|v&maskFrom, and&v
	}
	return or, and
}

// Count returns the number of masked tokens.
func (m *Mask) Count() (n int) {
	for _, masked := range m.Masked {
		if masked {
			n++
		}
	}
	return n
}

// Region returns the part of a pixel mask that is sampled, in black and white: its
// white pixels whose token is masked. By the rule Any that is the whole mask, by All
// only the patches that it covers.
func (m *Mask) Region(pixels *image.Gray) *image.Gray {
	size := pixels.Rect.Size()
	out := image.NewGray(image.Rectangle{Max: size})
	for y := range size.Y {
		row := pixels.Pix[pixels.PixOffset(pixels.Rect.Min.X, pixels.Rect.Min.Y+y):][:size.X]
		for x, level := range row {
			if level >= maskFrom && m.Masked[y*m.Height/size.Y*m.Width+x*m.Width/size.X] {
				out.Pix[y*out.Stride+x] = 255
			}
		}
	}
	return out
}
