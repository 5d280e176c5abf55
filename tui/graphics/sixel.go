package graphics

import (
	"image"
	"slices"
	"strconv"
	"time"
)

// sixelDriver draws with DEC sixels: a palette, then bands of six rows, each band once per colour in it.
type sixelDriver struct {
	terminal Terminal
	pane     *pane
	palettes map[int]*palette // by slot, kept from step to step
	scratch  *histogram
}

func (s *sixelDriver) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	cw, ch := s.terminal.CellWidth, s.terminal.CellHeight
	if s.terminal.MaxWidth > 0 && s.terminal.MaxHeight > 0 { // larger ones are cut off or not shown at all
		r.Cols, r.Rows = max(1, min(r.Cols, s.terminal.MaxWidth/cw)), max(1, min(r.Rows, s.terminal.MaxHeight/ch))
	}
	p, cols, rows := place(img, r, cw, ch)
	// The last row of the screen would scroll when a picture reaches below it: whole sixel bands stay inside r.
	if limit := r.Rows * ch / 6 * 6; p.h > limit && limit > 0 {
		p.h, p.rgb = limit, p.rgb[:limit*p.w*3]
	}
	pal := s.palettes[slot]
	if pal == nil {
		pal = newPalette(s.scratch)
		s.palettes[slot] = pal
	}
	n := s.terminal.Registers
	if n < 2 || n > 256 {
		n = 256
	}
	pal.fitTo(p, n)
	index := make([]uint8, p.w*p.h)
	pal.dither(p, index)
	f := Frame{Text: blanks(cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Overlay = s.pane.at(r, encodeSixel(p.w, p.h, pal.colours, index))
	f.finish(begun)
	return f, nil
}

// Erase has nothing to send: text drawn over a sixel picture replaces it.
func (*sixelDriver) Erase(int) []byte { return nil }

// Reset has nothing to send either: leaving the alternate screen takes the pictures along.
func (*sixelDriver) Reset() []byte { return nil }

// encodeSixel writes the colours and the picture. P2=1 leaves unset pixels alone, since all are set by some colour.
func encodeSixel(w, h int, colours [][3]byte, index []uint8) []byte {
	out := []byte("\x1bP0;1;0q\"1;1;")
	out = strconv.AppendInt(out, int64(w), 10)
	out = append(out, ';')
	out = strconv.AppendInt(out, int64(h), 10)
	for i, c := range colours {
		out = strconv.AppendInt(append(out, '#'), int64(i), 10)
		out = append(out, ";2"...)
		for _, v := range c {
			out = strconv.AppendInt(append(out, ';'), int64(percent(v)), 10)
		}
	}
	rows := (h + 5) / 6
	parts := make([][]byte, rows)
	parallel(rows, func(_, from, to int) {
		b := newBand(w, len(colours))
		for row := from; row < to; row++ {
			parts[row] = b.encode(index[row*6*w:min((row+1)*6, h)*w], nil)
		}
	})
	for i, part := range parts {
		if i > 0 {
			out = append(out, '-') // to the next band; not after the last, which could scroll the screen
		}
		out = append(out, part...)
	}
	return append(out, "\x1b\\"...)
}

// band turns six rows of colour numbers into sixels: for each colour runs of equal columns, gathered into segments, and
// segments laid into as few passes over the band as possible.
type band struct {
	w        int
	bits     []uint8   // by colour: its rows in the present column
	runs     [][]run   // by colour
	present  []int     // colours in this band
	segments []segment // of all colours, by start
	left     []segment // that did not fit into the pass
}

// run is n columns from x on with the same bits.
type run struct {
	x, n int32
	bits uint8
}

// segment is some runs of one colour with only small gaps between them.
type segment struct {
	x, end int32 // columns
	colour int
	runs   []run
}

// gap is how many empty columns part two segments: skipping costs as much as naming a colour anew.
const gap = 8

func newBand(w, colours int) *band {
	return &band{w: w, bits: make([]uint8, colours), runs: make([][]run, colours)}
}

// encode appends one band's sixels to out; index holds up to six rows of colour numbers.
func (b *band) encode(index []uint8, out []byte) []byte {
	b.collect(index)
	for started := false; len(b.segments) > 0; started = true {
		if started {
			out = append(out, '$') // back to the band's left end
		}
		b.left = b.left[:0]
		x := int32(0)
		for _, s := range b.segments {
			if s.x < x {
				b.left = append(b.left, s)
				continue
			}
			out = strconv.AppendInt(append(out, '#'), int64(s.colour), 10)
			for _, r := range s.runs {
				out = repeat(out, '?', int(r.x-x))
				out = repeat(out, '?'+r.bits, int(r.n))
				x = r.x + r.n
			}
		}
		b.segments, b.left = b.left, b.segments
	}
	return out
}

// collect finds the band's segments.
func (b *band) collect(index []uint8) {
	for _, c := range b.present {
		b.runs[c] = b.runs[c][:0]
	}
	b.present = b.present[:0]
	var inColumn [6]uint8
	for x := range b.w {
		n := 0
		for bit, i := uint8(1), x; i < len(index); bit, i = bit<<1, i+b.w {
			c := index[i]
			if b.bits[c] == 0 {
				inColumn[n] = c
				n++
			}
			b.bits[c] |= bit
		}
		for _, c := range inColumn[:n] {
			bits := b.bits[c]
			b.bits[c] = 0
			runs := b.runs[c]
			if last := len(runs) - 1; last >= 0 && runs[last].bits == bits && runs[last].x+runs[last].n == int32(x) {
				runs[last].n++
				continue
			} else if last < 0 {
				b.present = append(b.present, int(c))
			}
			b.runs[c] = append(runs, run{int32(x), 1, bits})
		}
	}
	b.segments = b.segments[:0]
	for _, c := range b.present {
		runs := b.runs[c]
		from := 0
		for i := 1; i <= len(runs); i++ {
			if i == len(runs) || runs[i].x-(runs[i-1].x+runs[i-1].n) > gap {
				b.segments = append(b.segments, segment{runs[from].x, runs[i-1].x + runs[i-1].n, c, runs[from:i]})
				from = i
			}
		}
	}
	slices.SortFunc(b.segments, func(a, c segment) int { return int(a.x - c.x) })
}

// repeat appends n times the sixel c, as a repeat where that is shorter.
func repeat(out []byte, c byte, n int) []byte {
	if n > 3 {
		out = strconv.AppendInt(append(out, '!'), int64(n), 10)
		return append(out, c)
	}
	for range n {
		out = append(out, c)
	}
	return out
}
