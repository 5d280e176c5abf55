package sampler

import (
	"encoding/binary"
	"fmt"
	"image"
)

// Rule says when a token is made anew: Any masked pixel in its patch, or All of
// them.
type Rule string

// Any keeps a token only if every pixel of its patch is kept, which is the
// paper's reading; All makes one anew only if its whole patch is masked.
const (
	Any Rule = "any"
	All Rule = "all"
)

// Mask says which tokens are made anew; the others never change.
type Mask struct {
	Height, Width int
	Anew          []bool // [Height·Width] in raster order
}

// maskFrom is the grey level from which a mask's pixel counts as white. It is a
// bit, too.
const maskFrom = 128

// FromPixels reduces a pixel mask, white where the picture is to be made anew,
// to tokens of f×f pixels.
func FromPixels(pixels *image.Gray, f int, rule Rule) (*Mask, error) {
	size := pixels.Rect.Size()
	if f < 1 || size.X%f != 0 || size.Y%f != 0 {
		return nil, fmt.Errorf("a mask of %d×%d pixels does not divide into tokens of %d", size.X, size.Y, f)
	}
	if rule != Any && rule != All {
		return nil, fmt.Errorf("no mask rule %q; there are any and all", rule)
	}
	m := &Mask{Height: size.Y / f, Width: size.X / f, Anew: make([]bool, size.X/f*(size.Y/f))}
	for token := range m.Anew {
		some, all := byte(0), byte(maskFrom)
		for y := range f {
			at := pixels.PixOffset(pixels.Rect.Min.X+token%m.Width*f, pixels.Rect.Min.Y+token/m.Width*f+y)
			or, and := bits(pixels.Pix[at : at+f])
			some, all = some|or, all&and
		}
		m.Anew[token] = rule == Any && some != 0 || all != 0
	}
	return m, nil
}

// bits is whether any of some pixels is white, and whether all are: a pixel is
// white if its highest bit is set, which eight at a time show.
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

// Count is how many tokens are made anew.
func (m *Mask) Count() (n int) {
	for _, anew := range m.Anew {
		if anew {
			n++
		}
	}
	return n
}

// Region is the part of a pixel mask that is really made anew, in black and
// white: its white pixels whose token is. By the rule Any that is the whole mask,
// by All only the patches that it covers.
func (m *Mask) Region(pixels *image.Gray) *image.Gray {
	size := pixels.Rect.Size()
	out := image.NewGray(image.Rectangle{Max: size})
	for y := range size.Y {
		row := pixels.Pix[pixels.PixOffset(pixels.Rect.Min.X, pixels.Rect.Min.Y+y):][:size.X]
		for x, level := range row {
			if level >= maskFrom && m.Anew[y*m.Height/size.Y*m.Width+x*m.Width/size.X] {
				out.Pix[y*out.Stride+x] = 255
			}
		}
	}
	return out
}
