package scenes

// composeCanyon composes table mountains with banded cliffs, framed by rock in the foreground.
func composeCanyon(k *composer) {
	horizon := k.between(0.56, 0.68)
	k.placeSun(horizon-0.1, 0.05)
	if k.chance(0.5) {
		k.addCirrus(3+k.rng.IntN(4), 0.06, horizon-0.2, k.palette.cloud, 0.55)
	} else {
		k.addCumulus(2+k.rng.IntN(3), 0.9)
	}
	n := 3 + k.rng.IntN(2)
	for i := range n {
		z := lerpAt(i, n, 0.7, 0.12)
		base := lerpAt(i, n, horizon, horizon+0.15)
		height := lerpAt(i, n, 0.17, 0.34) * k.between(0.8, 1.2)
		line, peaks := mesas(k.rng, base, height, lerpAt(i, n, 0.24, 0.5)*k.between(0.85, 1.3))
		l := k.land(line, peaks, z, base-height*0.5, base+0.03)
		l.bands = k.strata(base-height, base+0.02, height, z)
		k.back = append(k.back, l)
	}
	if k.chance(0.4) {
		k.addWater(horizon+0.14, mix(hex(0x2f7f8c), k.palette.top, 0.35), 0.2, 0.55)
	} else {
		y := horizon + 0.12
		k.back = append(k.back, k.flat(rolling(k.rng, y, 0.012, 0.8, 2), mix(k.palette.lit, k.palette.accent, 0.5), 0.22, y, 1.1))
	}
	if k.chance(0.75) { // a near cliff at one side
		wall := k.between(0.12, 0.26)
		at := float32(0)
		if k.sky.light < 0 {
			at = 1
		}
		top := k.between(0.3, 0.55)
		edge := rolling(k.rng, 0, 0.006, 0.3, 2)
		line := func(x float32) float32 {
			d := abs(x - at)
			switch {
			case d < wall:
				return top + edge(x)
			case d < wall+0.03:
				return top + edge(x) + (d-wall)/0.03*(0.8-top)
			}
			return 0.8 + edge(x) + (d-wall-0.03)*0.75
		}
		side := 1 - 2*at
		p := peak{x: at + side*wall*0.55, y: top, left: -0.1, right: 1.1, deep: 1.2, spine: zigzag(k.rng, 28, 0.2*side, 0.008)}
		l := k.land(line, []peak{p}, 0, top, 1.3)
		l.bands = k.strata(top, 1, 0.3, 0)
		l.mistShare = 0
		k.front = append(k.front, l)
	}
	y := k.between(0.88, 0.95)
	l := k.flat(broadleaves(k.rng, rolling(k.rng, y, 0.02, 0.7, 2), 0.04, 3), mix(k.palette.shade, k.palette.lit, 0.25), 0, y, 1.3)
	l.mistShare = 0
	k.front = append(k.front, l)
}

// strata makes bands between the heights top and foot.
func (k *composer) strata(top, foot, height, z float32) *bands {
	b := &bands{colour: mix(k.palette.accent, k.palette.haze, z), share: 0.6}
	for y := top + height*k.between(0.05, 0.15); y < foot; y += height * k.between(0.08, 0.2) {
		b.edges = append(b.edges, y)
	}
	b.edges = b.edges[:len(b.edges)/2*2]
	return b
}
