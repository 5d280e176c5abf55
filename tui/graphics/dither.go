package graphics

import (
	"math"
	"sync"
)

// noiseSide is the side of the dither's tile in pixels.
const noiseSide = 32

// blueNoise is a tile of thresholds -128..127, each value as often as any other, without low frequencies: dots spread
// evenly, and tiles do not show. Made by Ulichney's void-and-cluster method (1993).
var blueNoise = sync.OnceValue(func() *[noiseSide * noiseSide]int8 {
	const n, sigma = noiseSide * noiseSide, 1.5
	var weight [n]float64 // by offset on the tile, which wraps
	for i := range weight {
		x, y := float64(i%noiseSide), float64(i/noiseSide)
		x, y = min(x, noiseSide-x), min(y, noiseSide-y)
		weight[i] = math.Exp(-(x*x + y*y) / (2 * sigma * sigma))
	}
	var energy [n]float64
	var set [n]bool
	put := func(at int, on bool) {
		set[at] = on
		sign := 1.0
		if !on {
			sign = -1
		}
		ax, ay := at%noiseSide, at/noiseSide
		for i := range energy {
			energy[i] += sign * weight[(i/noiseSide-ay)&(noiseSide-1)*noiseSide+(i%noiseSide-ax)&(noiseSide-1)]
		}
	}
	extreme := func(on bool) int { // the tightest cluster of dots, or the largest void
		best := -1
		for i, e := range energy {
			if set[i] == on && (best < 0 || on && e > energy[best] || !on && e < energy[best]) {
				best = i
			}
		}
		return best
	}
	// A tenth of the dots, moved from clusters to voids until they lie evenly.
	const first = n / 10
	for i := range first {
		put(i*7919%n, true) // prime: all different
	}
	for {
		from := extreme(true)
		put(from, false)
		to := extreme(false)
		put(to, true)
		if from == to {
			break
		}
	}
	var rank [n]int
	begin, beginEnergy := set, energy
	for r := first - 1; r >= 0; r-- {
		at := extreme(true)
		put(at, false)
		rank[at] = r
	}
	set, energy = begin, beginEnergy
	for r := first; r < n; r++ {
		at := extreme(false)
		put(at, true)
		rank[at] = r
	}
	var out [n]int8
	for i, r := range rank {
		out[i] = int8(r*256/n - 128)
	}
	return &out
})

// Colours fewer levels apart than ditherFrom merge without help: dots between them would only cost bytes. Beyond
// ditherUpTo dots are seen as dots.
const ditherFrom, ditherUpTo = 2, 14

// dither gives each pixel's colour number, [h, w]. A threshold moves the pixel by up to half the way to the colour's
// neighbour before the nearest is taken. A pixel's number depends on nothing but its own colour and place: what does
// not change in the picture does not change on screen.
func (p *palette) dither(px pixels, out []uint8) {
	noise := blueNoise()
	amplitude := make([]int32, len(p.spacing))
	for i, s := range p.spacing {
		amplitude[i] = int32(max(0, min(int(s), ditherUpTo)-ditherFrom))
	}
	parallel(px.h, func(worker, from, to int) {
		table := p.nearest[worker]
		for y := from; y < to; y++ {
			line := noise[y&(noiseSide-1)*noiseSide:][:noiseSide]
			row := px.rgb[y*px.w*3 : (y+1)*px.w*3]
			for x, i := 0, 0; i+2 < len(row); x, i = x+1, i+3 {
				r, g, b := row[i], row[i+1], row[i+2]
				n := p.lookUp(table, key(r, g, b))
				if add := amplitude[n] * int32(line[x&(noiseSide-1)]) >> 8; add != 0 {
					n = p.lookUp(table, key(moved(r, add), moved(g, add), moved(b, add)))
				}
				out[y*px.w+x] = uint8(n)
			}
		}
	})
}

func moved(v byte, add int32) byte { return byte(max(0, min(255, int32(v)+add))) }

func (p *palette) lookUp(table []int16, k int) int16 {
	n := table[k]
	if n < 0 {
		n, _ = p.find(keyColour(k))
		table[k] = n
	}
	return n
}
