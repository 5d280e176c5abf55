package scenes

// composeAlpine: chains of faceted peaks with snow, then a lake or wooded hills.
func composeAlpine(k *composer) {
	horizon := k.between(0.56, 0.68)
	k.sun(horizon-0.12, 0.045)
	if k.chance(0.6) {
		k.veil(3+k.rng.IntN(4), 0.08, horizon-0.2, k.m.cloud, 0.55)
	} else {
		k.cumulus(2+k.rng.IntN(3), 0.85)
	}
	n := 2 + k.rng.IntN(3)
	for i := range n {
		z := along(i, n, 0.78, 0.3)
		base := along(i, n, horizon-0.06, horizon+0.06)
		height := along(i, n, 0.26, 0.38) * k.between(0.8, 1.15)
		line, peaks := mountains(k.rng, base, height, along(i, n, 0.2, 0.36)*k.between(0.85, 1.2))
		l := k.land(line, peaks, z, base-height*0.6, base+0.02)
		l.snow = k.snowOn(base-height*k.between(0.3, 0.55), 0.05+0.04*(1-z), z)
		k.back = append(k.back, l)
	}
	wood := mix(k.m.shade, hex(0x1d3d38), 0.6)
	if k.chance(0.6) {
		k.back = append(k.back, k.flat(spruces(k.rng, rolling(k.rng, horizon+0.005, 0.008, 0.6, 2), 0.05, 0.8), wood, 0.3, horizon-0.05, horizon+0.05))
		k.lake(horizon+0.02, mix(k.m.shade, k.m.top, 0.55), 0.12, 0.55)
		k.shore(wood, 0.16)
		return
	}
	for i := range 3 {
		y := along(i, 3, horizon+0.03, 0.86) + k.between(-0.02, 0.02)
		z := along(i, 3, 0.4, 0.02)
		ground := rolling(k.rng, y, 0.035, k.between(0.7, 1.3), 2)
		k.back = append(k.back, k.flat(spruces(k.rng, ground, along(i, 3, 0.06, 0.17), k.between(0.5, 1)), wood, z, y-0.06, y+0.2))
	}
}

// snowOn is snow down to about the height y, with teeth reaching further.
func (k *composer) snowOn(y, teeth, z float32) *snow {
	var line []point
	for x := float32(-0.05); x < 1.08; x += k.between(0.012, 0.034) {
		side := teeth
		if len(line)%2 == 0 {
			side = -teeth
		}
		line = append(line, point{x, y + side*k.between(0.2, 1)})
	}
	lit := mix(k.m.accent, k.m.glow, 0.12)
	return &snow{line: polyline(line), lit: mix(lit, k.m.haze, z*0.75), shade: mix(mix(k.m.accent, k.m.shade, 0.42), k.m.haze, z*0.75)}
}

// shore closes the picture with dark trees at one or both lower corners.
func (k *composer) shore(c rgb, height float32) {
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
		return low + 0.04 - rise*bell(d/0.45) + edge(x)
	}
	l := k.flat(spruces(k.rng, ground, height, 0.75), c.scale(0.7), 0, low, 1.2)
	l.mistShare = 0
	k.front = append(k.front, l)
}

// composeArctic: snowfields and ice mountains over a pale sea with floes.
func composeArctic(k *composer) {
	horizon := k.between(0.5, 0.62)
	k.sun(horizon, 0.05)
	k.veil(3+k.rng.IntN(5), 0.06, horizon-0.08, k.m.cloud, 0.6)
	n := 1 + k.rng.IntN(3)
	for i := range n {
		z := along(i, n, 0.72, 0.25)
		height := along(i, n, 0.12, 0.22) * k.between(0.7, 1.3)
		line, peaks := mountains(k.rng, horizon+0.03, height, k.between(0.14, 0.3))
		k.back = append(k.back, k.land(line, peaks, z, horizon-height*0.6, horizon+0.04))
	}
	if k.chance(0.6) {
		k.lake(horizon+0.01, mix(hex(0x4f9cb8), k.m.top, 0.5), 0.2, 0.6)
		for range 6 + k.rng.IntN(8) {
			t := k.rng.Float32()
			y := horizon + 0.05 + (0.93-horizon)*t*t
			half := k.between(0.05, 0.15) * (0.4 + 1.4*t)
			floe := streak{x: k.between(0, 1), y: y, half: half, thick: half * 0.13, colour: mix(k.m.accent, k.m.haze, 0.25*(1-t)), share: 1}
			under := floe
			under.y += half * 0.07
			under.colour = mix(k.m.shade, k.water.tint, 0.35)
			k.water.floes = append(k.water.floes, under, floe)
		}
		if k.chance(0.6) {
			k.iceberg(horizon)
		}
		return
	}
	for i := range 3 {
		y := along(i, 3, horizon+0.03, 0.84) + k.between(-0.02, 0.02)
		line, peaks := dunes(k.rng, y+0.03, along(i, 3, 0.04, 0.1), along(i, 3, 0.5, 0.9))
		k.back = append(k.back, k.land(line, peaks, along(i, 3, 0.4, 0), y-0.03, y+0.2))
	}
}

// iceberg stands one or two faceted bergs in the water.
func (k *composer) iceberg(horizon float32) {
	base := horizon + k.between(0.05, 0.12)
	x, half, h := k.between(0.2, 0.8), k.between(0.1, 0.2), k.between(0.1, 0.2)
	line := []point{{x - half, base + 0.003}, {x - half*0.8, base - h*0.35}, {x - half*0.35, base - h*k.between(0.5, 0.7)},
		{x + half*k.between(-0.1, 0.2), base - h}, {x + half*0.5, base - h*k.between(0.4, 0.6)}, {x + half*0.85, base - h*0.3}, {x + half, base + 0.003}}
	top := line[3]
	p := peak{x: top.x, y: top.y, left: x - half, right: x + half, deep: h * 3, spine: crooked(k.rng, 18, 0.3*(k.rng.Float32()-0.5), 0.012)}
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

// composeNight: a moon or an aurora over dark hills, often with a lake.
func composeNight(k *composer) {
	horizon := k.between(0.56, 0.7)
	k.sun(horizon-0.1, 0.052)
	k.sky.glowShare, k.sky.glowWide = 0.5, 0.3
	k.sky.disc = mix(k.m.glow, rgb{1, 1, 1}, 0.3)
	if k.chance(0.45) {
		k.sky.bite = -0.5 * k.sky.light * k.between(0.7, 1.3)
	}
	k.starry(50+k.rng.IntN(50), horizon-0.1)
	if k.chance(0.35) {
		k.sky.sunR, k.sky.glowShare = k.sky.sunR*0.6, 0.25
		k.northern(k.between(0.3, 0.42), k.between(0.16, 0.26), k.between(0.7, 1), hex(0x4fe0a0), hex(0x4a60c8))
	} else {
		k.veil(2+k.rng.IntN(4), 0.1, horizon-0.15, mix(k.m.cloud, k.m.glow, 0.12), 0.6)
	}
	n := 2 + k.rng.IntN(2)
	for i := range n {
		z := along(i, n, 0.75, 0.3)
		base := along(i, n, horizon-0.04, horizon+0.05)
		height := along(i, n, 0.17, 0.22) * k.between(0.7, 1.3)
		if k.chance(0.6) {
			line, peaks := mountains(k.rng, base, height, k.between(0.2, 0.34))
			l := k.land(line, peaks, z, base-height*0.6, base+0.03)
			if k.chance(0.5) {
				l.snow = k.snowOn(base-height*0.6, 0.03, z*0.6+0.35)
			}
			k.back = append(k.back, l)
		} else {
			k.back = append(k.back, k.flat(rolling(k.rng, base-height*0.35, height*0.3, k.between(0.5, 0.9), 3), k.m.lit, z, base-height, base+0.03))
		}
	}
	if k.chance(0.6) {
		k.back = append(k.back, k.flat(spruces(k.rng, rolling(k.rng, horizon+0.02, 0.008, 0.6, 2), 0.06, 0.85), k.m.shade, 0.25, horizon-0.04, horizon+0.05))
		k.lake(horizon+0.03, mix(k.m.shade, k.m.top, 0.5), 0.15, 0.55)
		k.shore(k.m.shade, 0.18)
		return
	}
	for i := range 3 {
		y := along(i, 3, horizon+0.04, 0.87)
		k.back = append(k.back, k.flat(spruces(k.rng, rolling(k.rng, y, 0.03, k.between(0.6, 1.2), 2), along(i, 3, 0.07, 0.18), k.between(0.45, 1)), k.m.shade, along(i, 3, 0.35, 0), y-0.05, y+0.2))
	}
}
