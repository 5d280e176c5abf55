package scenes

import (
	"math"
	"math/rand/v2"
)

// conifers puts conifers on a ridge: slender triangles with slightly concave sides.
// share is the share of the ground with trees, 0 to 1.
func conifers(rng *rand.Rand, ground ridge, height, share float32) ridge {
	type tree struct{ x, y, h, half float32 }
	var all []tree
	cover := rolling(rng, 0.5, 0.5, 0.7, 2)
	for x := float32(-0.05); x < 1.05; x += height * (0.16 + 0.22*rng.Float32()) {
		if t := cover(x); t > share*1.15 && rng.Float32() > 0.08 {
			continue
		}
		h := height * (0.55 + 0.45*rng.Float32())
		all = append(all, tree{x, ground(x) + 0.006, h, h * (0.17 + 0.07*rng.Float32())})
	}
	return bumps(ground, len(all), func(i int) (x, half float32) { return all[i].x, all[i].half },
		func(i int, d float32) float32 {
			t := 1 - d/all[i].half
			return all[i].y - all[i].h*t*(0.75+0.25*t)
		})
}

// broadleaves puts round trees and bushes on a ridge, in n groups.
func broadleaves(rng *rand.Rand, ground ridge, height float32, n int) ridge {
	type tree struct{ x, y, r float32 }
	var all []tree
	for range n {
		at := rng.Float32()
		for range 1 + rng.IntN(4) {
			x := at + height*1.6*(rng.Float32()-0.5)
			r := height * (0.3 + 0.3*rng.Float32())
			all = append(all, tree{x, ground(x) - r*(0.3+0.4*rng.Float32()), r})
		}
	}
	return bumps(ground, len(all), func(i int) (x, half float32) { return all[i].x, all[i].r },
		func(i int, d float32) float32 {
			r := all[i].r
			return all[i].y - float32(math.Sqrt(float64(max(r*r-d*d, 0))))
		})
}

// bumps raises ground by n shapes. span returns the centre and the half width of shape i,
// top its upper edge at the distance d from the centre. Shapes are sorted into cells, so
// that a column only looks at shapes close to it.
func bumps(ground ridge, n int, span func(int) (x, half float32), top func(i int, d float32) float32) ridge {
	const cells = 128
	var near [cells][]int
	for i := range n {
		x, half := span(i)
		for c := max(int((x-half)*cells), 0); c <= min(int((x+half)*cells), cells-1); c++ {
			near[c] = append(near[c], i)
		}
	}
	return func(x float32) float32 {
		y := ground(x)
		for _, i := range near[min(max(int(x*cells), 0), cells-1)] {
			at, half := span(i)
			if d := float32(math.Abs(float64(x - at))); d < half {
				y = min(y, top(i, d))
			}
		}
		return y
	}
}
