package graphics

import (
	"bytes"
	"image"
	"strconv"
	"time"
)

// blocks draws with characters: each cell is split into two colours by the block element that approximates it best:
// halves, eighths or quarters. That keeps edges sharper than half blocks alone. The 16 colours of old consoles, whose
// fonts lack most of these characters, get half blocks; without colours there are braille dots.
type blocks struct {
	colours Colours
	fixed   *palette // the terminal's own colours, nil with true colour
	first   int      // the number of the first of them
}

func newBlocks(colours Colours) *blocks {
	b := &blocks{colours: colours}
	switch colours {
	case Basic:
		b.fixed = fixedPalette(basicColours())
	case Indexed:
		b.fixed, b.first = fixedPalette(cubeAndGreys()), 16 // the 16 before are the user's to choose
	}
	return b
}

func (b *blocks) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	var f Frame
	if b.colours == NoColour {
		f = braille(img, r)
	} else {
		f = b.cells(img, r)
	}
	f.finish(begun)
	return f, nil
}

// Erase and Reset return nothing: the images are text.
func (*blocks) Erase(int) []byte { return nil }
func (*blocks) Reset() []byte    { return nil }

// cellSide is the number of samples across and down a cell.
const cellSide = 8

// cells draws an image of cellSide×cellSide pixels per cell.
func (b *blocks) cells(img image.Image, r Rect) Frame {
	size := img.Bounds()
	w, h := fit(size.Dx(), size.Dy(), r.Cols, r.Rows*2) // cells are about twice as high as wide
	cols, rows := w, (h+1)/2
	p := resize(img, cols*cellSide, rows*cellSide)
	lines := make([][]byte, rows)
	parallel(rows, func(_, from, to int) {
		for y := from; y < to; y++ {
			lines[y] = b.line(p, cols, y)
		}
	})
	return Frame{Text: string(bytes.Join(lines, []byte("\n"))), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
}

func (b *blocks) line(p pixels, cols, y int) []byte {
	out := make([]byte, 0, cols*32)
	front, back := -1, -1
	for x := range cols {
		char, of, under := " ", rgb{}, rgb{}
		if sums := sumsOf(p, x, y); b.colours == Basic {
			char, of, under = "▀", sums.down[4].over(32), sums.all.less(sums.down[4]).over(32)
		} else {
			char, of, under = sums.split()
		}
		if char != " " {
			out, front = b.colour(out, '3', front, of, x, 2*y)
		}
		out, back = b.colour(out, '4', back, under, x, 2*y+1)
		out = append(out, char...)
	}
	return append(out, "\x1b[m"...)
}

// colour appends the escape that sets the foreground ('3') or the background ('4') to a colour, unless it is set
// already, and returns the colour that is set. x and y are the position for the dither of fixed palettes.
func (b *blocks) colour(out []byte, ground byte, set int, c rgb, x, y int) ([]byte, int) {
	if b.fixed == nil {
		number := c[0]<<16 | c[1]<<8 | c[2]
		if number == set {
			return out, set
		}
		out = append(out, '\x1b', '[', ground, '8', ';', '2')
		for _, v := range c {
			out = strconv.AppendInt(append(out, ';'), int64(v), 10)
		}
		return append(out, 'm'), number
	}
	number := b.first + b.fixed.dithered(c, x, y)
	switch {
	case number == set:
		return out, set
	case b.colours == Indexed:
		out = strconv.AppendInt(append(out, '\x1b', '[', ground, '8', ';', '5', ';'), int64(number), 10)
	case number < 8:
		out = append(out, '\x1b', '[', ground, '0'+byte(number))
	case ground == '3':
		out = append(out, '\x1b', '[', '9', '0'+byte(number-8))
	default:
		out = append(out, '\x1b', '[', '1', '0', '0'+byte(number-8))
	}
	return append(out, 'm'), number
}

// braille draws 2×4 dots per cell, set where the image is light.
func braille(img image.Image, r Rect) Frame {
	p, cols, rows := place(img, r, 2, 4)
	noise := blueNoise()
	bits := [8]rune{0, 3, 1, 4, 2, 5, 6, 7} // by dot, left to right and down
	out := make([]rune, 0, (cols+1)*rows)
	for y := range rows {
		if y > 0 {
			out = append(out, '\n')
		}
		for x := range cols {
			cell := rune(0x2800)
			for k, bit := range bits {
				u, v := 2*x+k%2, 4*y+k/2
				if u >= p.w || v >= p.h {
					continue
				}
				c := p.rgb[(v*p.w+u)*3:]
				luma := (299*int(c[0]) + 587*int(c[1]) + 114*int(c[2])) / 1000
				if luma*256/255 > int(noise[v&(noiseSide-1)*noiseSide+u&(noiseSide-1)]) {
					cell |= 1 << bit
				}
			}
			out = append(out, cell)
		}
	}
	return Frame{Text: string(out), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
}
