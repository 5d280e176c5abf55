package scenes

import (
	"image"
	"math"
)

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }
func abs(v float32) float32  { return float32(math.Abs(float64(v))) }

// A plan holds what the painter needs per column at one size.
type plan struct {
	n      int
	clouds []cloudColumns
	aurora auroraColumns
	back   []layerColumns
	front  []layerColumns
	beam   []float32 // how much of the sun's glow reaches column x, 0 to 1
	lit    []float32 // scratch space: light on the columns of one row
}

// layerColumns holds the edge of a layer in pixels, for exact coverage: between the two
// sides of a column the edge is a straight line around top, spread high.
type layerColumns struct {
	*layer
	top    []float32
	spread []float32 // number of rows in which coverage rises from 0 to 1, at least 1
	hidden []int32   // row from which nearer layers cover the column
	first  int       // first row with a part of the layer
	snowAt []float32 // lower edge of the snow
}

// columns measures a ridge line at the sides of every column.
func columns(line ridge, n int) (top, spread []float32, first int) {
	top, spread = make([]float32, n), make([]float32, n)
	f := float32(n)
	a := line(0) * f
	high := a
	for x := range n {
		b := line(float32(x+1)/f) * f
		top[x] = (a + b) / 2
		spread[x] = max(abs(b-a), 1)
		high = min(high, b)
		a = b
	}
	return top, spread, int(math.Floor(float64(high))) - 1
}

func prepare(layers []layer, n int) []layerColumns {
	out := make([]layerColumns, len(layers))
	cover := make([]int32, n)
	for x := range cover {
		cover[x] = int32(n)
	}
	for i := len(layers) - 1; i >= 0; i-- {
		s := &out[i]
		s.layer = &layers[i]
		s.top, s.spread, s.first = columns(s.line, n)
		s.hidden = append([]int32(nil), cover...)
		for x := range cover {
			if s.end > 0 {
				break // layers behind it stay visible below its end
			}
			cover[x] = min(cover[x], int32(math.Ceil(float64(s.top[x]+s.spread[x]/2))))
		}
		if s.snow != nil {
			s.snowAt = make([]float32, n)
			for x := range n {
				s.snowAt[x] = s.snow.line((float32(x)+0.5)/float32(n)) * float32(n)
			}
		}
	}
	return out
}

// paint draws s row by row at n×n pixels.
func paint(s *scene, n int) *image.RGBA {
	p := &plan{n: n, back: prepare(s.back, n), front: prepare(s.front, n),
		beam: make([]float32, n), lit: make([]float32, n)}
	for x := range p.beam {
		p.beam[x] = gaussian(((float32(x)+0.5)/float32(n) - s.sky.sunX) / 0.3)
	}
	p.clouds = measureClouds(s.sky.clouds, n)
	p.aurora = measureAurora(s.sky.aurora, n)

	img := image.NewRGBA(image.Rect(0, 0, n, n))
	row := make([]float32, 3*n)
	shore := n
	var mirror []float32 // rows above the water without the front layers, lowest first
	var depth int
	if s.water != nil {
		shore = int(s.water.y*float32(n) + 0.5)
		depth = min(shore, n-shore)
		mirror = make([]float32, 3*n*depth)
	}
	for y := range n {
		if y < shore {
			s.sky.paintRow(row, y, n, p)
			for i := range p.back {
				p.paintLayer(row, y, &p.back[i], &s.sky)
			}
			if d := shore - 1 - y; d < depth {
				copy(mirror[3*n*d:], row)
			}
		} else {
			s.water.paintRow(row, mirror, y, shore, depth, n, &s.sky)
		}
		for i := range p.front {
			p.paintLayer(row, y, &p.front[i], &s.sky)
		}
		out := img.Pix[y*img.Stride : y*img.Stride+4*n]
		for x := range n {
			px, c := out[4*x:4*x+4:4*x+4], row[3*x:3*x+3:3*x+3]
			px[0], px[1], px[2], px[3] = toByte(c[0]), toByte(c[1]), toByte(c[2]), 255
		}
	}
	return img
}

// paintLayer blends one layer into the row y.
func (p *plan) paintLayer(row []float32, y int, s *layerColumns, sky *sky) {
	if y < s.first {
		return
	}
	n := p.n
	v := (float32(y) + 0.5) / float32(n)
	whole := float32(1) // share of the row above the end of the layer
	if s.end > 0 {
		if whole = clamp01((s.end-v)*float32(n) + 0.5); whole == 0 {
			return
		}
	}
	m := s.mistShare * smoothstep(s.crest, s.foot, v)
	lit, shade := s.lit, s.shade
	if s.bands != nil {
		a := s.bands.at(v, n)
		lit, shade = mix(lit, s.bands.colour, a), mix(shade, s.bands.colour, a*0.5)
	}
	lit, shade = mix(lit, s.mist, m), mix(shade, s.mist, m)
	var snowLit, snowShade rgb
	if s.snow != nil {
		snowLit, snowShade = mix(s.snow.lit, s.mist, m), mix(s.snow.shade, s.mist, m)
	}
	if s.peaks != nil {
		p.light(s, v, sky.light)
	}
	mid := float32(y) + 0.5
	row32 := int32(y)
	for x := range n {
		if s.hidden[x] <= row32 {
			continue
		}
		a := (mid-s.top[x])/s.spread[x] + 0.5
		if a <= 0 {
			continue
		}
		c := lit
		l := float32(1)
		if s.peaks != nil {
			l = p.lit[x]
			c = mix(shade, lit, l)
		}
		if s.snow != nil {
			if w := clamp01(s.snowAt[x] - mid + 0.5); w > 0 {
				c = mix(c, mix(snowShade, snowLit, l), w)
			}
		}
		c = mix(c, sky.glow, s.glow*p.beam[x]*0.75)
		if a > 1 {
			a = 1
		}
		blend(row, x, c, a*whole)
	}
}

// light fills p.lit for the height v: 1 on slopes facing the light, 0 on those facing
// away, both approaching 0.5 further down.
func (p *plan) light(s *layerColumns, v, side float32) {
	n := float32(p.n)
	for i := range s.peaks {
		k := &s.peaks[i]
		from, to := max(int(k.left*n+0.5), 0), min(int(k.right*n+0.5), p.n)
		if from >= to {
			continue
		}
		d := max(v-k.y, 0)
		// The edge is wider where the spine is flat, so that it stays smooth.
		at := k.at(d)
		tilt := max(abs(k.at(d+0.5/n)-k.at(max(d-0.5/n, 0)))*n, 1)
		keep := 1 - smoothstep(0, k.deep, d)
		for x := from; x < to; x++ {
			l := clamp01((float32(x)+0.5-at*n)*side/tilt + 0.5)
			p.lit[x] = 0.5 + (l-0.5)*keep
		}
	}
}

// at is the share of the band's colour at height v.
func (b *bands) at(v float32, n int) float32 {
	var a float32
	soft := 1.5 / float32(n)
	for i := 0; i+1 < len(b.edges); i += 2 {
		a += smoothstep(b.edges[i]-soft, b.edges[i]+soft, v) - smoothstep(b.edges[i+1]-soft, b.edges[i+1]+soft, v)
	}
	return b.share * a
}
