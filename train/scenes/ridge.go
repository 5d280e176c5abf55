package scenes

import (
	"math"
	"math/rand/v2"
	"sort"
)

// A ridge is the upper edge of a layer: its y at x, both relative to the side of the
// image. Everything below the edge belongs to the layer.
type ridge func(x float32) float32

// A point of a line, relative to the side of the image.
type point struct{ x, y float32 }

// polyline joins points, sorted by x, with straight lines.
func polyline(p []point) ridge {
	return func(x float32) float32 {
		i := sort.Search(len(p), func(i int) bool { return p[i].x > x })
		if i == 0 {
			return p[0].y
		}
		if i == len(p) {
			return p[i-1].y
		}
		a, b := p[i-1], p[i]
		return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
	}
}

// rolling is a smooth line around base: a sum of sine waves whose lengths start at wave
// and halve, and whose amplitudes start at amp and decrease faster.
func rolling(rng *rand.Rand, base, amp, wave float32, octaves int) ridge {
	type part struct{ k, phase, amp float64 }
	parts := make([]part, octaves)
	a, w := float64(amp), float64(wave)
	for i := range parts {
		parts[i] = part{2 * math.Pi / (w * (0.8 + 0.4*rng.Float64())), 2 * math.Pi * rng.Float64(), a}
		a *= 0.42
		w *= 0.5
	}
	return func(x float32) float32 {
		y := float64(base)
		for _, p := range parts {
			y += p.amp * math.Sin(p.k*float64(x)+p.phase)
		}
		return float32(y)
	}
}

// A peak is a summit with its spine, the line down from it that separates the lit side
// from the shaded one.
type peak struct {
	x, y  float32
	left  float32 // x where its slopes end
	right float32
	deep  float32   // depth below the summit down to which light and shade differ
	spine []float32 // offset of the spine from x, every spineStep below the summit
}

// spineStep is the height between two points of a spine.
const spineStep = 1.0 / 40

// at is the x of the spine at depth d below the summit.
func (p *peak) at(d float32) float32 {
	f := d / spineStep
	i := int(f)
	if i >= len(p.spine)-1 {
		return p.x + p.spine[len(p.spine)-1]
	}
	return p.x + p.spine[i] + (p.spine[i+1]-p.spine[i])*(f-float32(i))
}

// zigzag makes a spine of n points that leans and zigzags.
func zigzag(rng *rand.Rand, n int, lean, zig float32) []float32 {
	s := make([]float32, n)
	side := float32(1)
	if rng.IntN(2) == 0 {
		side = -1
	}
	for i := 1; i < n; i++ {
		side = -side
		s[i] = lean*float32(i)*spineStep + side*zig*(0.4+rng.Float32())
	}
	return s
}

// mountains is a jagged chain of summits and saddles. The slopes between them are
// roughened by midpoint displacement.
func mountains(rng *rand.Rand, base, height, spacing float32) (ridge, []peak) {
	var line []point
	var peaks []peak
	x := -spacing * (0.6 + rng.Float32())
	grand := rng.Float32() // x where the chain is highest
	for x < 1+spacing*2 {
		rise := height * (0.45 + 0.55*rng.Float32())
		rise *= 0.62 + 0.5*gaussian((x-grand)*2)
		foot := base - height*0.22*rng.Float32()
		line = append(line, point{x, max(foot, base-rise*0.5)})
		step := spacing * (0.65 + 0.7*rng.Float32())
		top := point{x + step*(0.38+0.24*rng.Float32()), base - rise}
		line = append(line, top)
		peaks = append(peaks, peak{x: top.x, y: top.y, left: x, right: x + step})
		x += step
	}
	line = append(line, point{x, base})
	for i := range peaks {
		p := &peaks[i]
		p.deep = max(line[2*i].y, line[2*i+2].y) - p.y + 0.06
		p.spine = zigzag(rng, 18, 0.5*(rng.Float32()-0.5), 0.012)
	}
	rough := float32(0.16)
	for range 4 {
		next := make([]point, 0, 2*len(line))
		for i := 0; i+1 < len(line); i++ {
			a, b := line[i], line[i+1]
			off := (rng.Float32() - 0.5) * rough * (b.x - a.x) * 2
			next = append(next, a, point{(a.x + b.x) / 2, (a.y+b.y)/2 + off})
		}
		line = append(next, line[len(line)-1])
		rough *= 0.9
	}
	return polyline(line), peaks
}

// dunes is a chain of smooth humps with sharp tops, whose spines are curved.
func dunes(rng *rand.Rand, base, height, spacing float32) (ridge, []peak) {
	var peaks []peak
	x := -spacing * rng.Float32()
	for x < 1+spacing {
		step := spacing * (0.7 + 0.6*rng.Float32())
		p := peak{x: x + step*(0.3+0.4*rng.Float32()), y: base - height*(0.5+0.5*rng.Float32()), left: x, right: x + step, deep: 0.5}
		sweep := spacing * (0.5 + 0.9*rng.Float32())
		if rng.IntN(2) == 0 {
			sweep = -sweep
		}
		bend := 0.5 + 0.5*rng.Float32()
		p.spine = make([]float32, 24)
		for i := range p.spine {
			t := float64(i) / 23
			p.spine[i] = sweep * float32(math.Sin(math.Pi*t*float64(bend))*math.Pow(t, 0.7))
		}
		peaks = append(peaks, p)
		x += step
	}
	return func(x float32) float32 {
		y := base
		for i := range peaks {
			p := &peaks[i]
			d := p.x - x
			reach := (p.x - p.left) * 1.7
			if d < 0 {
				d = -d
				reach = (p.right - p.x) * 1.7
			}
			if d >= reach {
				continue
			}
			t := 1 - d/reach
			// Steep at the top, flat at the foot.
			y = min(y, base-(base-p.y)*t*t*(1.45-0.45*t))
		}
		return y
	}, peaks
}

// mesas is a row of table mountains with flat tops, cliffs, and slopes of rubble.
func mesas(rng *rand.Rand, base, height, spacing float32) (ridge, []peak) {
	type table struct{ x, half, top, foot float32 }
	var all []table
	var peaks []peak
	x := -spacing * rng.Float32()
	for x < 1+spacing {
		step := spacing * (0.6 + 0.9*rng.Float32())
		h := height * (0.4 + 0.6*rng.Float32())
		c := x + step/2
		half := step * (0.16 + 0.24*rng.Float32())
		all = append(all, table{c, half, h, h * (0.3 + 0.25*rng.Float32())})
		if rng.IntN(3) > 0 { // a lower shoulder
			all = append(all, table{c + half*(rng.Float32()*2-1), half * (1 + 0.5*rng.Float32()), h * (0.55 + 0.25*rng.Float32()), h * 0.3})
		}
		p := peak{x: c + half*(rng.Float32()-0.5), y: base - h, left: x, right: x + step, deep: height * 1.4}
		p.spine = zigzag(rng, 18, 0.25*(rng.Float32()-0.5), 0.006)
		peaks = append(peaks, p)
		x += step
	}
	wave := rolling(rng, 0, height*0.03, 0.5, 2)
	return func(x float32) float32 {
		y := base
		for _, t := range all {
			d := float32(math.Abs(float64(x - t.x)))
			var h float32
			cliff := (t.top - t.foot) * 0.12 // cliffs lean a little
			switch {
			case d < t.half:
				h = t.top
			case d < t.half+cliff:
				h = t.top - (d-t.half)/cliff*(t.top-t.foot)
			default:
				h = t.foot - (d-t.half-cliff)*0.75
			}
			y = min(y, base-h)
		}
		return y + wave(x)
	}, peaks
}
