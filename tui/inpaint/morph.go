package inpaint

import "math/bits"

// grow masks every pixel within radius of a masked one.
func (e *editor) grow(radius int) { e.do(func() { e.dilate(radius, masked) }) }

// shrink unmasks every pixel within radius of a kept one. The outside of the image counts as masked, so that a mask that
// touches the border keeps doing so.
func (e *editor) shrink(radius int) { e.do(func() { e.dilate(radius, kept) }) }

// dilate gives the value to every pixel within radius of one that has it: an exact dilation by a disc. A disc is a stack
// of rows, so each row of the mask is widened by the disc's half width dy rows off its centre, and added to the rows dy
// above and below. Rows are bits in words, 64 pixels at a time.
func (e *editor) dilate(radius int, value uint8) {
	w, h := e.pixels.Rect.Dx(), e.pixels.Rect.Dy()
	words := (w + 63) / 64
	from, to := make([]uint64, words*h), make([]uint64, words*h)
	for y := range h {
		pack(from[y*words:][:words], e.pixels.Pix[y*e.pixels.Stride:][:w], value)
	}
	wide, scratch := make([]uint64, words), make([]uint64, words)
	for y := range h {
		row := from[y*words:][:words]
		if !anySet(row) {
			continue
		}
		copy(wide, row)
		reached := 0
		for dy := radius; dy >= 0; dy-- { // the narrow rows of the disc first
			half := halfWidth(radius, dy)
			widen(wide, scratch, reached, half-reached)
			reached = half
			for _, at := range [...]int{y - dy, y + dy} {
				if at >= 0 && at < h {
					for i, v := range wide {
						to[at*words+i] |= v
					}
				}
			}
		}
	}
	for y := range h {
		unpack(e.pixels.Pix[y*e.pixels.Stride:][:w], to[y*words:][:words], value)
	}
}

// pack sets the bits of the pixels that have the value, the first pixel in the lowest bit.
func pack(to []uint64, row []uint8, value uint8) {
	for i := range to {
		var v uint64
		for k, p := range row[64*i : min(len(row), 64*i+64)] {
			v |= uint64(p&1^value&1^1) << k // a pixel is 0 or 255, odd
		}
		to[i] = v
	}
}

// unpack gives the value to the pixels whose bits are set.
func unpack(row []uint8, from []uint64, value uint8) {
	for i, v := range from {
		part := row[64*i : min(len(row), 64*i+64)]
		for ; v != 0; v &= v - 1 {
			if k := bits.TrailingZeros64(v); k < len(part) {
				part[k] = value
			}
		}
	}
}

func anySet(row []uint64) bool {
	for _, v := range row {
		if v != 0 {
			return true
		}
	}
	return false
}

// widen extends every bit by n to both sides, where each has been extended by reached before. Shifting a row by up to
// 2·reached+1 and combining it with itself leaves no gaps, so a few shifts reach far.
func widen(row, scratch []uint64, reached, n int) {
	for n > 0 {
		by := min(n, 2*reached+1)
		copy(scratch, row)
		shiftInto(row, scratch, by)
		reached += by
		n -= by
	}
}

// shiftInto combines row with from, shifted by so many bits both ways.
func shiftInto(row, from []uint64, by int) {
	word, bit := by/64, by%64
	for i := range row {
		if j := i - word; j >= 0 {
			row[i] |= from[j] << bit
			if j > 0 {
				row[i] |= from[j-1] >> (64 - bit) // a shift by 64 gives 0
			}
		}
		if j := i + word; j < len(from) {
			row[i] |= from[j] >> bit
			if j+1 < len(from) {
				row[i] |= from[j+1] << (64 - bit)
			}
		}
	}
}
