package graphics

import (
	"image"
	"strconv"
	"time"
)

// sixelDriver draws with DEC sixels: a palette, then bands of six rows, each band once per colour in it.
type sixelDriver struct {
	terminal Terminal
	pane     *pane
	palettes map[int]*palette // by slot, kept from step to step
}

func (s *sixelDriver) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	p, cols, rows := place(img, r, s.terminal.CellWidth, s.terminal.CellHeight)
	// The last row of the screen would scroll when a picture reaches below it: whole sixel bands stay inside r.
	if limit := r.Rows * s.terminal.CellHeight / 6 * 6; p.h > limit && limit > 0 {
		p.h, p.rgb = limit, p.rgb[:limit*p.w*3]
	}
	pal := s.palettes[slot]
	if pal == nil {
		pal = &palette{}
		s.palettes[slot] = pal
	}
	n := s.terminal.Registers
	if n < 2 || n > 256 {
		n = 256
	}
	pal.fitTo(p, n)
	f := Frame{Text: blanks(cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Overlay = s.pane.at(r, encodeSixel(p.w, p.h, pal.colours, pal.dither(p)))
	f.finish(begun)
	return f, nil
}

// Erase has nothing to send: text drawn over a sixel picture replaces it.
func (*sixelDriver) Erase(int) []byte { return nil }

// Reset has nothing to send either: leaving the alternate screen takes the pictures along.
func (*sixelDriver) Reset() []byte { return nil }

// bayer is an 8 x 8 ordered dither matrix, values 0..63.
var bayer = func() (m [64]int) {
	for y := range 8 {
		for x := range 8 {
			v := 0
			for bit := range 3 {
				xb, yb := x>>bit&1, y>>bit&1
				v |= (xb^yb)<<(2*(2-bit)+1) | yb<<(2*(2-bit))
			}
			m[y*8+x] = v
		}
	}
	return m
}()

// ditherLevels is the dither's reach in 8-bit levels: about the distance between neighbours among 256 fitted colours.
const ditherLevels = 8

// dither gives each pixel's colour number, [h, w]. It is ordered, so a pixel's number depends on nothing but its own
// colour and place: what does not change in the picture does not change on screen.
func (p *palette) dither(px pixels) []uint8 {
	out := make([]uint8, px.w*px.h)
	parallel(px.h, func(from, to int) {
		for y := from; y < to; y++ {
			for x := range px.w {
				i := y*px.w + x
				add := bayer[y&7<<3|x&7]*ditherLevels/64 - ditherLevels/2
				c := px.rgb[i*3 : i*3+3 : i*3+3]
				out[i] = p.nearest[key(clamp(int(c[0])+add), clamp(int(c[1])+add), clamp(int(c[2])+add))]
			}
		}
	})
	return out
}

func clamp(v int) byte { return byte(max(0, min(255, v))) }

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
			out = strconv.AppendInt(append(out, ';'), (int64(v)*100+127)/255, 10)
		}
	}
	rows := (h + 5) / 6
	parts := make([][]byte, rows)
	parallel(rows, func(from, to int) {
		b := newBand(w, len(colours))
		for row := from; row < to; row++ {
			parts[row] = b.encode(index[row*6*w:min((row+1)*6, h)*w], nil)
		}
	})
	for _, part := range parts {
		out = append(append(out, part...), '-')
	}
	return append(out, "\x1b\\"...)
}

// band is the working memory for six rows: per colour the columns' six bits, and the span where it occurs.
type band struct {
	w           int
	bits        []byte // [colours, w]
	first, last []int  // by colour, -1 when absent
}

func newBand(w, colours int) *band {
	b := &band{w: w, bits: make([]byte, w*colours), first: make([]int, colours), last: make([]int, colours)}
	for i := range b.first {
		b.first[i] = -1
	}
	return b
}

// encode appends one band's sixels to out; index holds up to six rows of colour numbers.
func (b *band) encode(index []uint8, out []byte) []byte {
	for x := range b.w {
		for y, i := 0, x; i < len(index); y, i = y+1, i+b.w {
			c := int(index[i])
			b.bits[c*b.w+x] |= 1 << y
			if b.first[c] < 0 {
				b.first[c] = x
			}
			b.last[c] = x
		}
	}
	// Colours that do not overlap share one pass over the band: fewer returns, fewer blanks, fewer bytes.
	for started := false; ; started = true {
		x, any := 0, false
		for {
			next := -1
			for c, f := range b.first {
				if f >= x && (next < 0 || f < b.first[next]) {
					next = c
				}
			}
			if next < 0 {
				break
			}
			if started && !any {
				out = append(out, '$')
			}
			any = true
			out = strconv.AppendInt(append(out, '#'), int64(next), 10)
			out = repeat(out, '?', b.first[next]-x)
			row := b.bits[next*b.w : (next+1)*b.w]
			end := b.last[next] + 1
			for from := b.first[next]; from < end; {
				to := from + 1
				for to < end && row[to] == row[from] {
					to++
				}
				out = repeat(out, '?'+row[from], to-from)
				from = to
			}
			clear(row[b.first[next]:end])
			x, b.first[next] = end, -1
		}
		if !any {
			return out
		}
	}
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
