package graphics

import (
	"math"
	"sync"
)

// noiseSide is the side of the dither's tile in pixels.
const noiseSide = 32

// blueNoise is a tile of thresholds from 0 to 255, each value equally often, without low frequencies: dots are spread
// evenly, and the tiling is invisible. It is made by Ulichney's void-and-cluster method (1993).
var blueNoise = sync.OnceValue(func() *[noiseSide * noiseSide]uint8 {
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
	// A tenth of the dots, moved from clusters to voids until they are spread evenly.
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
	var out [n]uint8
	for i, r := range rank {
		out[i] = uint8(r * 256 / n)
	}
	return &out
})

// Colours less than ditherFrom levels apart blend without dither: dots between them would only cost bytes. Dots
// between colours more than ditherUpTo levels apart would be visible.
const ditherFrom, ditherUpTo = 2, 14

// ditherReach is the largest amount added or subtracted, in levels.
const ditherReach = (ditherUpTo-ditherFrom)/2 + 1

// dither returns the colour number of each pixel, [h, w]. A threshold moves the pixel by up to half the distance to
// its colour's neighbour before the nearest colour is taken. The number depends only on the pixel's own colour and
// position, so what does not change in the image does not change on screen.
func (p *palette) dither(px pixels, out []uint8) {
	noise := blueNoise()
	// By colour and threshold: what to add, from 0 to twice ditherReach.
	moves := make([][256]uint8, len(p.spacing))
	for i, s := range p.spacing {
		amplitude := max(0, min(int(s), ditherUpTo)-ditherFrom)
		for k := range moves[i] {
			moves[i][k] = uint8(ditherReach + amplitude*(k-128)>>8)
		}
	}
	var bits [256 + 2*ditherReach]uint32 // a channel's part of a key, after adding and clamping
	for i := range bits {
		bits[i] = uint32(max(0, min(255, i-ditherReach))) >> 2
	}
	parallel(px.h, func(worker, from, to int) {
		table := (*[keys]uint8)(p.nearest[worker])
		for y := from; y < to; y++ {
			line := (*[noiseSide]uint8)(noise[y&(noiseSide-1)*noiseSide:])
			row := px.rgb[y*px.w*3 : (y+1)*px.w*3]
			numbers := out[y*px.w : (y+1)*px.w]
			for x := range numbers {
				c := (*[3]byte)(row[x*3:])
				k := uint32(key(c[0], c[1], c[2]))
				n := table[k%keys]
				if n == unknown {
					n = p.lookUp(table, k)
				}
				add := uint32(moves[n][line[x%noiseSide]])
				k = bits[uint32(c[0])+add]<<12 | bits[uint32(c[1])+add]<<6 | bits[uint32(c[2])+add]
				if n = table[k%keys]; n == unknown {
					n = p.lookUp(table, k)
				}
				numbers[x] = n
			}
		}
	})
}

func (p *palette) lookUp(table *[keys]uint8, k uint32) uint8 {
	n, _ := p.find(keyColour(int(k)))
	table[k] = uint8(n)
	return uint8(n)
}
