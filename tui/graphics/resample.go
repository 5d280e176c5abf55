package graphics

import (
	"encoding/binary"
	"image"
	"math"
)

// span is what one pixel of a scaled row is made of: the pixels from `from` on, and their weights, which add up to
// one.
type span struct {
	from    int
	weights []int64
}

// Weights are fixed-point numbers. Rows that are scaled horizontally but not yet vertically have 8 extra bits.
const (
	weightBits = 14
	one        = 1 << weightBits
	extraBits  = 8
)

// spans returns the weights that scale n pixels to m: area averages when m is smaller, else the Catmull-Rom cubic,
// which repeats the pixels at the borders.
func spans(n, m int) []span {
	out := make([]span, m)
	ratio := float64(n) / float64(m)
	for i := range out {
		if m <= n {
			left, right := float64(i)*ratio, float64(i+1)*ratio
			from, to := int(left), min(n, int(math.Ceil(right-1e-9)))
			exact := make([]float64, max(1, to-from))
			for k := range exact {
				exact[k] = (min(right, float64(from+k+1)) - max(left, float64(from+k))) / ratio
			}
			out[i] = span{from, fixed(exact)}
			continue
		}
		centre := (float64(i)+0.5)*ratio - 0.5
		from := int(math.Floor(centre)) - 1
		first, last := max(0, from), min(n-1, from+3)
		exact := make([]float64, last-first+1)
		for k := from; k < from+4; k++ {
			exact[max(first, min(last, k))-first] += catmullRom(math.Abs(float64(k) - centre))
		}
		out[i] = span{first, fixed(exact)}
	}
	return out
}

// catmullRom is the weight of a pixel at distance d: Keys' cubic convolution with a = -1/2.
func catmullRom(d float64) float64 {
	switch {
	case d < 1:
		return (1.5*d-2.5)*d*d + 1
	case d < 2:
		return ((-0.5*d+2.5)*d-4)*d + 2
	}
	return 0
}

// fixed rounds weights so that they add up to exactly one: flat areas keep their colour.
func fixed(exact []float64) []int64 {
	out := make([]int64, len(exact))
	left, largest := int64(one), 0
	for i, w := range exact {
		out[i] = int64(math.Round(w * one))
		left -= out[i]
		if w > exact[largest] {
			largest = i
		}
	}
	out[largest] += left
	return out
}

// lanes holds red and blue, 32 bits apart, and green, so that one multiplication weighs two channels. A bias keeps
// the sum of each lane above zero, so that negative weights do not borrow from the lane above.
type lanes struct{ redBlue, green uint64 }

const (
	bias     = 1 << 29
	biasBoth = bias<<32 | bias
)

// resample fills rows [from, to) of out: source rows are scaled horizontally, one at a time, and added up.
func resample(out pixels, src *image.RGBA, across, down []span, from, to int) {
	b := src.Bounds()
	sum := make([]lanes, out.w)
	scaled := map[int][]lanes{} // source rows in use
	var spare [][]lanes
	for y := from; y < to; y++ {
		s := down[y]
		for v, line := range scaled {
			if v < s.from {
				delete(scaled, v)
				spare = append(spare, line)
			}
		}
		for x := range sum {
			sum[x] = lanes{biasBoth, bias}
		}
		for k, weight := range s.weights {
			v := s.from + k
			line := scaled[v]
			if line == nil {
				if len(spare) > 0 {
					line, spare = spare[len(spare)-1], spare[:len(spare)-1]
				} else {
					line = make([]lanes, out.w)
				}
				scaleAcross(line, src.Pix[src.PixOffset(b.Min.X, b.Min.Y+v):], across)
				scaled[v] = line
			}
			w := uint64(weight)
			line = line[:len(sum)]
			for x := range sum {
				sum[x].redBlue += w * line[x].redBlue
				sum[x].green += w * line[x].green
			}
		}
		row := out.rgb[y*out.w*3 : (y+1)*out.w*3]
		for x, i := 0, 0; i+2 < len(row); x, i = x+1, i+3 {
			row[i] = narrow(int64(sum[x].redBlue & math.MaxUint32))
			row[i+1] = narrow(int64(sum[x].green))
			row[i+2] = narrow(int64(sum[x].redBlue >> 32))
		}
	}
}

// narrow removes bias and fixed point from a lane that was scaled both ways.
func narrow(v int64) byte {
	const bits = weightBits + extraBits
	return byte(max(0, min(255, (v-bias+1<<(bits-1))>>bits)))
}

// scaleAcross scales one row of RGBA horizontally.
func scaleAcross(out []lanes, row []byte, across []span) {
	for x, s := range across {
		redBlue, green := uint64(biasBoth), uint64(bias)
		pix := row[s.from*4 : (s.from+len(s.weights))*4]
		for k, w := range s.weights {
			c := uint64(binary.LittleEndian.Uint32(pix[k*4:]))
			redBlue += uint64(w) * (c&0xff | c>>16&0xff<<32)
			green += uint64(w) * (c >> 8 & 0xff)
		}
		out[x] = lanes{
			redBlue: widen(int64(redBlue&math.MaxUint32)) | widen(int64(redBlue>>32))<<32,
			green:   widen(int64(green)),
		}
	}
}

// widen removes the bias from a lane and keeps the extra bits.
func widen(v int64) uint64 {
	const bits = weightBits - extraBits
	return uint64(max(0, min(255<<extraBits, (v-bias+1<<(bits-1))>>bits)))
}
