package scenes

import "math"

// cloudColumns holds the edge of a cloud in pixels, per column.
type cloudColumns struct {
	*cloud
	from, to    int
	top, spread []float32 // of the columns from..to
	first, last int
}

func measureClouds(clouds []cloud, n int) []cloudColumns {
	out := make([]cloudColumns, len(clouds))
	for i := range clouds {
		c := &clouds[i]
		h := cloudColumns{cloud: c}
		h.from, h.to = pixelRange(c.x, c.half, n)
		if h.from < h.to {
			f := float32(n)
			a := c.line(float32(h.from)/f) * f
			for x := h.from; x < h.to; x++ {
				b := c.line(float32(x+1)/f) * f
				h.top = append(h.top, (a+b)/2)
				h.spread = append(h.spread, max(abs(b-a), 1))
				a = b
			}
		}
		h.first = int((c.base-c.high)*float32(n)) - 2
		h.last = int(c.base*float32(n)) + 1
		out[i] = h
	}
	return out
}

func (h *cloudColumns) paint(row []float32, y, n int) {
	if y < h.first || y > h.last || h.from >= h.to {
		return
	}
	v := (float32(y) + 0.5) / float32(n)
	t := smoothstep(h.base-h.high, h.base, v)
	c := mix(h.lit, h.low, t)
	fade := h.share * (1 - smoothstep(h.base-0.45*h.high, h.base, v))
	for x := h.from; x < h.to; x++ {
		a := (float32(y)+0.5-h.top[x-h.from])/h.spread[x-h.from] + 0.5
		if a > 0 {
			blend(row, x, c, fade*min(a, 1))
		}
	}
}

// addCloud adds a cumulus cloud of overlapping discs on a horizontal base.
func (k *composer) addCloud(x, base, half, high float32, share float32) {
	type puff struct{ x, y, r float32 }
	var puffs []puff
	n := 5 + k.rng.IntN(4)
	for i := range n {
		t := lerpAt(i, n, -1, 1)
		r := high * (0.28 + 0.3*(1-t*t)) * k.between(0.75, 1.2)
		puffs = append(puffs, puff{x + t*(half-r), base - (high-r)*(1-t*t)*k.between(0.55, 1), r})
	}
	k.sky.clouds = append(k.sky.clouds, cloud{
		x: x, half: half, base: base, high: high, share: share,
		lit: mix(k.palette.cloud, k.palette.glow, 0.15), low: mix(k.palette.cloud, k.palette.mid, 0.6),
		line: func(at float32) float32 {
			y := base + 0.1
			for _, p := range puffs {
				d := at - p.x
				if d < p.r && d > -p.r {
					y = min(y, p.y-float32(math.Sqrt(float64(p.r*p.r-d*d))))
				}
			}
			return y
		},
	})
}

// addCumulus scatters n cumulus clouds, smaller towards the horizon.
func (k *composer) addCumulus(n int, share float32) {
	for i := range n {
		t := lerpAt(i, n, 0.85, 0.3) * k.between(0.85, 1.15) // height in the sky, far clouds first
		size := 0.35 + 0.65*(1-t)
		k.addCloud(k.between(0, 1), k.sky.horizon*t, k.between(0.13, 0.24)*size, k.between(0.07, 0.13)*size, share)
	}
}

// addCloudBank puts a row of cumulus clouds on the horizon.
func (k *composer) addCloudBank(y, high, share float32) {
	for x := k.between(-0.1, 0.1); x < 1.1; x += k.between(0.1, 0.26) {
		k.addCloud(x, y, k.between(0.12, 0.24), high*k.between(0.5, 1.1), share)
	}
}

// addCirrus adds n long streaks of cloud between the heights a and b.
func (k *composer) addCirrus(n int, a, b float32, c rgb, share float32) {
	for range n {
		y := k.between(a, b)
		far := smoothstep(a, b, y)
		k.sky.streaks = append(k.sky.streaks, streak{
			x: k.between(0, 1), y: y, half: k.between(0.14, 0.4), thick: k.between(0.006, 0.016) * (1.4 - 0.8*far),
			colour: c, share: share * k.between(0.5, 1),
		})
	}
}

// addStars scatters n stars over the sky above the height low.
func (k *composer) addStars(n int, low float32) {
	for range n {
		big := k.rng.Float32()
		k.sky.stars = append(k.sky.stars, star{
			x: k.rng.Float32(), y: low * k.rng.Float32(),
			r: 0.0011 + 0.0017*big*big*big, shine: 0.4 + 0.6*big,
		})
	}
}

// auroraColumns holds an aurora per column, relative to the side of the image.
type auroraColumns struct{ lowerEdge, shine, high []float32 }

func measureAurora(a *aurora, n int) auroraColumns {
	if a == nil {
		return auroraColumns{}
	}
	c := auroraColumns{make([]float32, n), make([]float32, n), make([]float32, n)}
	for x := range n {
		at := (float32(x) + 0.5) / float32(n)
		c.lowerEdge[x], c.shine[x], c.high[x] = a.lowerEdge(at), clamp01(a.shine(at)), max(a.high(at), 0.03)
	}
	return c
}

func (c *auroraColumns) paint(row []float32, v float32, n int, a *aurora) {
	for x := range n {
		d := (c.lowerEdge[x] - v) / c.high[x] // above the lower edge: positive
		if d < -0.25 || d > 2 {
			continue
		}
		var s float32
		if d < 0 {
			s = 1 - smoothstep(0, 0.25, -d)
		} else {
			s = (1 - d/2) * (1 - d/2)
		}
		blend(row, x, mix(a.colour, a.tip, clamp01(d)), 0.8*s*c.shine[x])
	}
}

// addAurora adds an aurora around the height y.
func (k *composer) addAurora(y, high, share float32, colour, tip rgb) {
	shine := rolling(k.rng, 0.55, 0.35, k.between(0.4, 0.9), 2)
	k.sky.aurora = &aurora{
		lowerEdge: rolling(k.rng, y, 0.05, k.between(0.5, 1.1), 3),
		shine:     func(x float32) float32 { return share * shine(x) },
		high:      rolling(k.rng, high, high*0.3, 0.35, 2),
		colour:    colour, tip: tip,
	}
}
