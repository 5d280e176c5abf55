package scenes

// composeAlpine composes chains of peaks with snow, in front of them a lake or wooded hills.
func composeAlpine(k *composer) {
	horizon := k.between(0.56, 0.68)
	k.placeSun(horizon-0.12, 0.045)
	if k.chance(0.6) {
		k.addCirrus(3+k.rng.IntN(4), 0.08, horizon-0.2, k.palette.cloud, 0.55)
	} else {
		k.addCumulus(2+k.rng.IntN(3), 0.85)
	}
	n := 2 + k.rng.IntN(3)
	for i := range n {
		z := lerpAt(i, n, 0.78, 0.3)
		base := lerpAt(i, n, horizon-0.06, horizon+0.06)
		height := lerpAt(i, n, 0.26, 0.38) * k.between(0.8, 1.15)
		line, peaks := mountains(k.rng, base, height, lerpAt(i, n, 0.2, 0.36)*k.between(0.85, 1.2))
		l := k.land(line, peaks, z, base-height*0.6, base+0.02)
		l.snow = k.snowOn(base-height*k.between(0.3, 0.55), 0.05+0.04*(1-z), z)
		k.back = append(k.back, l)
	}
	wood := mix(k.palette.shade, hex(0x1d3d38), 0.6)
	if k.chance(0.6) {
		k.back = append(k.back, k.flat(conifers(k.rng, rolling(k.rng, horizon+0.005, 0.008, 0.6, 2), 0.05, 0.8), wood, 0.3, horizon-0.05, horizon+0.05))
		k.addWater(horizon+0.02, mix(k.palette.shade, k.palette.top, 0.55), 0.12, 0.55)
		k.addForegroundTrees(wood, 0.16)
		return
	}
	for i := range 3 {
		y := lerpAt(i, 3, horizon+0.03, 0.86) + k.between(-0.02, 0.02)
		z := lerpAt(i, 3, 0.4, 0.02)
		ground := rolling(k.rng, y, 0.035, k.between(0.7, 1.3), 2)
		k.back = append(k.back, k.flat(conifers(k.rng, ground, lerpAt(i, 3, 0.06, 0.17), k.between(0.5, 1)), wood, z, y-0.06, y+0.2))
	}
}

// snowOn is snow above the height y, with a jagged edge of amplitude teeth.
func (k *composer) snowOn(y, teeth, z float32) *snow {
	var line []point
	for x := float32(-0.05); x < 1.08; x += k.between(0.012, 0.034) {
		side := teeth
		if len(line)%2 == 0 {
			side = -teeth
		}
		line = append(line, point{x, y + side*k.between(0.2, 1)})
	}
	lit := mix(k.palette.accent, k.palette.glow, 0.12)
	return &snow{line: polyline(line), lit: mix(lit, k.palette.haze, z*0.75), shade: mix(mix(k.palette.accent, k.palette.shade, 0.42), k.palette.haze, z*0.75)}
}

// addForegroundTrees adds dark trees in one or both lower corners.
func (k *composer) addForegroundTrees(c rgb, height float32) {
	low := k.between(0.9, 0.97)
	rise := k.between(0.05, 0.12)
	at, both := float32(0), k.chance(0.4)
	if k.chance(0.5) {
		at = 1
	}
	edge := rolling(k.rng, 0, 0.008, 0.5, 2)
	ground := func(x float32) float32 {
		d := abs(x - at)
		if both {
			d = min(d, 1-d)
		}
		return low + 0.04 - rise*gaussian(d/0.45) + edge(x)
	}
	l := k.flat(conifers(k.rng, ground, height, 0.75), c.scale(0.7), 0, low, 1.2)
	l.mistShare = 0
	k.front = append(k.front, l)
}
