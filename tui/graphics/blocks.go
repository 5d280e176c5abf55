package graphics

import (
	"image"
	"strconv"
	"time"
)

// blocks draws two pixels a cell with upper half blocks: the foreground is the upper pixel, the background the lower.
type blocks struct{ colours Colours }

// shades go from dark to light, for terminals without colour.
const shades = " .:-=+*#%@"

func (b *blocks) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	p, cols, rows := place(img, r, 1, 2)
	out := make([]byte, 0, cols*rows*20)
	for y := range rows {
		if y > 0 {
			out = append(out, '\n')
		}
		last := [2]int{-1, -1}
		for x := range cols {
			upper := p.at(x, 2*y)
			lower := p.at(x, min(2*y+1, p.h-1))
			switch b.colours {
			case NoColour:
				level := (luma(upper) + luma(lower)) / 2
				out = append(out, shades[level*len(shades)/256])
				continue
			case Indexed:
				cell := [2]int{index256(upper), index256(lower)}
				if cell[0] != last[0] {
					out = strconv.AppendInt(append(out, "\x1b[38;5;"...), int64(cell[0]), 10)
					out = append(out, 'm')
				}
				if cell[1] != last[1] {
					out = strconv.AppendInt(append(out, "\x1b[48;5;"...), int64(cell[1]), 10)
					out = append(out, 'm')
				}
				last = cell
			default:
				cell := [2]int{pack(upper), pack(lower)}
				if cell[0] != last[0] {
					out = appendRGB(append(out, "\x1b[38;2;"...), upper)
				}
				if cell[1] != last[1] {
					out = appendRGB(append(out, "\x1b[48;2;"...), lower)
				}
				last = cell
			}
			out = append(out, "▀"...)
		}
		if b.colours != NoColour {
			out = append(out, "\x1b[m"...)
		}
	}
	f := Frame{Text: string(out), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.finish(begun)
	return f, nil
}

func (*blocks) Erase(int) []byte { return nil }
func (*blocks) Reset() []byte    { return nil }

func (p pixels) at(x, y int) [3]byte { return [3]byte(p.rgb[(y*p.w+x)*3:]) }

func pack(c [3]byte) int { return int(c[0])<<16 | int(c[1])<<8 | int(c[2]) }

func luma(c [3]byte) int { return (299*int(c[0]) + 587*int(c[1]) + 114*int(c[2])) / 1000 }

func appendRGB(out []byte, c [3]byte) []byte {
	for i, v := range c {
		if i > 0 {
			out = append(out, ';')
		}
		out = strconv.AppendInt(out, int64(v), 10)
	}
	return append(out, 'm')
}

// index256 is the nearest of the 256-colour palette's cube (16..231) and greys (232..255).
func index256(c [3]byte) int {
	levels := [6]int{0, 95, 135, 175, 215, 255}
	var cube [3]int
	distance := 0
	for i, v := range c {
		best := 1 << 30
		for k, level := range levels {
			if d := (int(v) - level) * (int(v) - level); d < best {
				best, cube[i] = d, k
			}
		}
		distance += best
	}
	grey := min(23, max(0, (luma(c)-3)/10))
	greyDistance := 0
	for _, v := range c {
		d := int(v) - (8 + 10*grey)
		greyDistance += d * d
	}
	if greyDistance < distance {
		return 232 + grey
	}
	return 16 + 36*cube[0] + 6*cube[1] + cube[2]
}
