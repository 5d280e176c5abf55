package graphics

import (
	"image"
	"strconv"
	"time"
)

// sixelDriver draws DEC sixels: a palette, then bands of six rows, each band once per colour in it.
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
	// An image that reaches below the last row of the screen would scroll it: only whole sixel bands stay inside r.
	if limit := r.Rows * ch / 6 * 6; p.h > limit && limit > 0 {
		p.h, p.rgb = limit, p.rgb[:limit*p.w*3]
	}
	pal := s.palettes[slot]
	if pal == nil {
		pal = newPalette(s.scratch)
		s.palettes[slot] = pal
	}
	n := s.terminal.Registers
	if n < 2 || n > maxColours {
		n = maxColours
	}
	pal.fitTo(p, n)
	index := make([]uint8, p.w*p.h)
	pal.dither(p, index)
	f := Frame{Text: blanks(cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Overlay = s.pane.at(r, encodeSixel(p.w, p.h, pal.colours, index))
	f.finish(begun)
	return f, nil
}

// Erase returns nothing: text written over a sixel image replaces it.
func (*sixelDriver) Erase(int) []byte { return nil }

// Reset returns nothing: leaving the alternate screen removes the images.
func (*sixelDriver) Reset() []byte { return nil }

// encodeSixel writes the colours and the image. P2=1 leaves unset pixels alone, since every pixel is set by some
// colour.
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
		b := newBand(w)
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

// band turns six rows of colour numbers into sixels: runs of equal columns for each colour, gathered into segments,
// and segments arranged in as few passes over the band as possible.
type band struct {
	w        int
	bits     [256]uint8 // by colour: its rows in the present column
	open     [256]int32 // by colour: its newest segment, -1 without
	runs     []run
	segments []segment // by start, since columns are taken in order
	left     []int32   // segments not yet written
}

// run is n columns from x on with the same bits of one colour.
type run struct {
	x, n, next int32 // next: the segment's next run, -1 at its end
	bits       uint8
}

// segment is a sequence of runs of one colour with only small gaps between them.
type segment struct {
	x, end      int32 // columns
	first, last int32 // runs
	colour      uint8
}

// gap is the number of empty columns that separates two segments: skipping as many costs as much as selecting a
// colour.
const gap = 8

func newBand(w int) *band { return &band{w: w} }

// encode appends one band's sixels to out; index holds up to six rows of colour numbers.
func (b *band) encode(index []uint8, out []byte) []byte {
	b.collect(index)
	b.left = b.left[:0]
	for i := range b.segments {
		b.left = append(b.left, int32(i))
	}
	for started := false; len(b.left) > 0; started = true {
		if started {
			out = append(out, '$') // back to the band's left end
		}
		x, later := int32(0), b.left[:0]
		for _, number := range b.left {
			s := &b.segments[number]
			if s.x < x {
				later = append(later, number)
				continue
			}
			out = strconv.AppendInt(append(out, '#'), int64(s.colour), 10)
			for i := s.first; i >= 0; i = b.runs[i].next {
				r := &b.runs[i]
				out = repeat(out, '?', int(r.x-x))
				out = repeat(out, '?'+r.bits, int(r.n))
				x = r.x + r.n
			}
		}
		b.left = later
	}
	return out
}

// collect finds the band's runs and segments.
func (b *band) collect(index []uint8) {
	b.runs, b.segments = b.runs[:0], b.segments[:0]
	for i := range b.open {
		b.open[i] = -1
	}
	rows := len(index) / b.w
	before, since := ^uint64(0), 0 // the column before, and where it began
	for x := range b.w {
		column := uint64(0)
		for row, i := 0, x; row < rows; row, i = row+1, i+b.w {
			column |= uint64(index[i]) << (8 * row)
		}
		if column != before {
			b.add(before, rows, since, x)
			before, since = column, x
		}
	}
	b.add(before, rows, since, b.w)
}

// add adds a column that is the same from x to end.
func (b *band) add(column uint64, rows, x, end int) {
	if x == end {
		return
	}
	var colours [6]uint8
	n := 0
	for row := range rows {
		c := uint8(column >> (8 * row))
		if b.bits[c] == 0 {
			colours[n] = c
			n++
		}
		b.bits[c] |= 1 << row
	}
	for _, c := range colours[:n] {
		bits := b.bits[c]
		b.bits[c] = 0
		number := int32(len(b.runs))
		new := run{int32(x), int32(end - x), -1, bits}
		if at := b.open[c]; at >= 0 && int32(x)-b.segments[at].end <= gap {
			s := &b.segments[at]
			last := &b.runs[s.last]
			if s.end == int32(x) && last.bits == bits {
				last.n += new.n
				s.end = int32(end)
				continue
			}
			last.next = number
			s.last, s.end = number, int32(end)
		} else {
			b.open[c] = int32(len(b.segments))
			b.segments = append(b.segments, segment{int32(x), int32(end), number, number, c})
		}
		b.runs = append(b.runs, new)
	}
}

// repeat appends the sixel c n times, as a repeat sequence where that is shorter.
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
