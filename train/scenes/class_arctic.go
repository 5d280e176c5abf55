package scenes

// composeArctic composes ice mountains with a pale sea and floes, or snowfields.
func composeArctic(k *composer) {
	horizon := k.between(0.5, 0.62)
	k.placeSun(horizon, 0.05)
	k.addCirrus(3+k.rng.IntN(5), 0.06, horizon-0.08, k.palette.cloud, 0.6)
	n := 1 + k.rng.IntN(3)
	for i := range n {
		z := lerpAt(i, n, 0.72, 0.25)
		height := lerpAt(i, n, 0.12, 0.22) * k.between(0.7, 1.3)
		line, peaks := mountains(k.rng, horizon+0.03, height, k.between(0.14, 0.3))
		k.back = append(k.back, k.land(line, peaks, z, horizon-height*0.6, horizon+0.04))
	}
	if k.chance(0.6) {
		k.addWater(horizon+0.01, mix(hex(0x4f9cb8), k.palette.top, 0.5), 0.2, 0.6)
		for range 6 + k.rng.IntN(8) {
			t := k.rng.Float32()
			y := horizon + 0.05 + (0.93-horizon)*t*t
			half := k.between(0.05, 0.15) * (0.4 + 1.4*t)
			floe := streak{x: k.between(0, 1), y: y, half: half, thick: half * 0.13, colour: mix(k.palette.accent, k.palette.haze, 0.25*(1-t)), share: 1}
			under := floe
			under.y += half * 0.07
			under.colour = mix(k.palette.shade, k.water.tint, 0.35)
			k.water.floes = append(k.water.floes, under, floe)
		}
		if k.chance(0.6) {
			k.addIceberg(horizon)
		}
		return
	}
	for i := range 3 {
		y := lerpAt(i, 3, horizon+0.03, 0.84) + k.between(-0.02, 0.02)
		line, peaks := dunes(k.rng, y+0.03, lerpAt(i, 3, 0.04, 0.1), lerpAt(i, 3, 0.5, 0.9))
		k.back = append(k.back, k.land(line, peaks, lerpAt(i, 3, 0.4, 0), y-0.03, y+0.2))
	}
}

// addIceberg puts an iceberg into the water.
func (k *composer) addIceberg(horizon float32) {
	base := horizon + k.between(0.05, 0.12)
	x, half, h := k.between(0.2, 0.8), k.between(0.1, 0.2), k.between(0.1, 0.2)
	line := []point{{x - half, base + 0.003}, {x - half*0.8, base - h*0.35}, {x - half*0.35, base - h*k.between(0.5, 0.7)},
		{x + half*k.between(-0.1, 0.2), base - h}, {x + half*0.5, base - h*k.between(0.4, 0.6)}, {x + half*0.85, base - h*0.3}, {x + half, base + 0.003}}
	top := line[3]
	p := peak{x: top.x, y: top.y, left: x - half, right: x + half, deep: h * 3, spine: zigzag(k.rng, 18, 0.3*(k.rng.Float32()-0.5), 0.012)}
	edge := polyline(line)
	l := k.land(func(at float32) float32 {
		if at <= x-half || at >= x+half {
			return 2
		}
		return edge(at)
	}, []peak{p}, 0.12, base-h, base+0.1)
	l.end = base
	k.front = append(k.front, l)
}
