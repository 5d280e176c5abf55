package graphics

import (
	"image"
	"strconv"
	"time"
)

// blocks draws with characters: each cell's four quarters in two colours, by the block element that comes nearest. That
// holds half blocks, and is better than them alone by 0.5 to 2 dB. The 16 colours of old consoles, whose fonts lack the
// quarters, get half blocks; no colour at all gets braille dots.
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

// Erase and Reset have nothing to send: the pictures are text.
func (*blocks) Erase(int) []byte { return nil }
func (*blocks) Reset() []byte    { return nil }

// rgb is a colour's channels, or their sums.
type rgb [3]int

func (c rgb) add(o rgb) rgb { return rgb{c[0] + o[0], c[1] + o[1], c[2] + o[2]} }

// over is c / n, rounded.
func (c rgb) over(n int) rgb { return rgb{(c[0] + n/2) / n, (c[1] + n/2) / n, (c[2] + n/2) / n} }

func (c rgb) squares() int { return c[0]*c[0] + c[1]*c[1] + c[2]*c[2] }

// quarters are block elements by the quarters in the foreground's colour: bit 0 upper left, 1 upper right, 2 lower left,
// 3 lower right. The others are these with the colours exchanged; 0 is a plain cell.
var quarters = [8]string{0: " ", 1: "▘", 2: "▝", 3: "▀", 4: "▖", 5: "▌", 6: "▞", 7: "▛"}

// cells draws 2 x 2 pixels a cell.
func (b *blocks) cells(img image.Image, r Rect) Frame {
	size := img.Bounds()
	w, h := fit(size.Dx(), size.Dy(), r.Cols*2, r.Rows*4) // cells are about twice as high as wide
	cols, rows := (w+1)/2, (h+3)/4
	p := resize(img, cols*2, rows*2)
	out := make([]byte, 0, cols*rows*24)
	for y := range rows {
		if y > 0 {
			out = append(out, '\n')
		}
		front, back := -1, -1
		for x := range cols {
			shape, colours := b.split(p, x, y)
			if shape != 0 {
				out, front = b.colour(out, '3', front, colours[1], x, 2*y)
			}
			out, back = b.colour(out, '4', back, colours[0], x, 2*y+1)
			out = append(out, quarters[shape]...)
		}
		out = append(out, "\x1b[m"...)
	}
	return Frame{Text: string(out), Cols: cols, Rows: rows, Width: cols * 2, Height: rows * 2}
}

// split parts a cell's quarters in two so that their means come nearest, and gives the background's and the foreground's.
func (b *blocks) split(p pixels, x, y int) (shape int, colours [2]rgb) {
	var quarter [4]rgb
	for k := range quarter {
		c := p.rgb[((2*y+k/2)*p.w+2*x+k%2)*3:]
		quarter[k] = rgb{int(c[0]), int(c[1]), int(c[2])}
	}
	upper, lower := quarter[0].add(quarter[1]), quarter[2].add(quarter[3])
	all := upper.add(lower)
	if b.colours == Basic {
		return 3, [2]rgb{lower.over(2), upper.over(2)}
	}
	// The squared error falls by as much as squared sums over their counts grow.
	best := all.squares() * 3 // times 12, which every count divides
	for s := 1; s < len(quarters); s++ {
		var sum rgb
		n := 0
		for k, q := range quarter {
			if s>>k&1 == 1 {
				sum, n = sum.add(q), n+1
			}
		}
		rest := rgb{all[0] - sum[0], all[1] - sum[1], all[2] - sum[2]}
		if gain := sum.squares()*(12/n) + rest.squares()*(12/(4-n)); gain > best {
			best, shape = gain, s
			colours = [2]rgb{rest.over(4 - n), sum.over(n)}
		}
	}
	if shape == 0 {
		colours = [2]rgb{all.over(4), all.over(4)}
	}
	return shape, colours
}

// colour appends the escape that sets a colour, '3' for the foreground's or '4' for the background's, unless it is set
// already, and gives what is set. x and y place the dither of fixed colours.
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

// braille draws 2 x 4 dots a cell, light where the picture is light.
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
