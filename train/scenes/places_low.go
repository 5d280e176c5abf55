package scenes

// composeDunes: crests of sand, lit on one side, under a large sun.
func composeDunes(k *composer) {
	horizon := k.between(0.46, 0.58)
	k.sun(horizon, 0.075)
	k.veil(2+k.rng.IntN(5), 0.08, horizon-0.05, k.m.cloud, 0.5)
	if k.chance(0.5) {
		line, peaks := mesas(k.rng, horizon+0.02, k.between(0.06, 0.13), 0.3)
		k.back = append(k.back, k.land(line, peaks, 0.72, horizon-0.08, horizon+0.04))
	}
	n := 4 + k.rng.IntN(3)
	for i := range n {
		t := along(i, n, 0, 1)
		base := horizon + 0.05 + (0.9-horizon)*t*(0.55+0.45*t)
		height := along(i, n, 0.06, 0.26) * k.between(0.8, 1.2)
		line, peaks := dunes(k.rng, base+0.02, height, along(i, n, 0.3, 1)*k.between(0.8, 1.25))
		k.back = append(k.back, k.land(line, peaks, along(i, n, 0.62, 0), base-height*0.6, base+0.14))
	}
}

// composeCanyon: table mountains with banded cliffs, framed by near rock.
func composeCanyon(k *composer) {
	horizon := k.between(0.56, 0.68)
	k.sun(horizon-0.1, 0.05)
	if k.chance(0.5) {
		k.veil(3+k.rng.IntN(4), 0.06, horizon-0.2, k.m.cloud, 0.55)
	} else {
		k.cumulus(2+k.rng.IntN(3), 0.9)
	}
	n := 3 + k.rng.IntN(2)
	for i := range n {
		z := along(i, n, 0.7, 0.12)
		base := along(i, n, horizon, horizon+0.15)
		height := along(i, n, 0.17, 0.34) * k.between(0.8, 1.2)
		line, peaks := mesas(k.rng, base, height, along(i, n, 0.24, 0.5)*k.between(0.85, 1.3))
		l := k.land(line, peaks, z, base-height*0.5, base+0.03)
		l.bands = k.strata(base-height, base+0.02, height, z)
		k.back = append(k.back, l)
	}
	if k.chance(0.4) {
		k.lake(horizon+0.14, mix(hex(0x2f7f8c), k.m.top, 0.35), 0.2, 0.55)
	} else {
		y := horizon + 0.12
		k.back = append(k.back, k.flat(rolling(k.rng, y, 0.012, 0.8, 2), mix(k.m.lit, k.m.accent, 0.5), 0.22, y, 1.1))
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
		p := peak{x: at + side*wall*0.55, y: top, left: -0.1, right: 1.1, deep: 1.2, spine: crooked(k.rng, 28, 0.2*side, 0.008)}
		l := k.land(line, []peak{p}, 0, top, 1.3)
		l.bands = k.strata(top, 1, 0.3, 0)
		l.mistShare = 0
		k.front = append(k.front, l)
	}
	y := k.between(0.88, 0.95)
	l := k.flat(crowns(k.rng, rolling(k.rng, y, 0.02, 0.7, 2), 0.04, 3), mix(k.m.shade, k.m.lit, 0.25), 0, y, 1.3)
	l.mistShare = 0
	k.front = append(k.front, l)
}

// strata lays bands over the heights from top to foot.
func (k *composer) strata(top, foot, height, z float32) *bands {
	b := &bands{colour: mix(k.m.accent, k.m.haze, z), share: 0.6}
	for y := top + height*k.between(0.05, 0.15); y < foot; y += height * k.between(0.08, 0.2) {
		b.edges = append(b.edges, y)
	}
	b.edges = b.edges[:len(b.edges)/2*2]
	return b
}

// composeOcean: open water to a far horizon, clouds, islands, perhaps a beach.
func composeOcean(k *composer) {
	horizon := k.between(0.42, 0.6)
	k.sun(horizon, 0.058)
	switch k.rng.IntN(3) {
	case 0:
		k.cloudBank(horizon+0.02, k.between(0.09, 0.2), 0.95)
		k.veil(2, 0.06, horizon-0.2, k.m.cloud, 0.5)
	case 1:
		k.cumulus(3+k.rng.IntN(4), 0.95)
	default:
		k.veil(4+k.rng.IntN(5), 0.06, horizon-0.04, k.m.cloud, 0.6)
	}
	rock := mix(k.m.shade, hex(0x2c4a4c), 0.5)
	for i := range k.rng.IntN(4) {
		z := 0.7 - 0.18*float32(i)
		x, half, h := k.between(0, 1), k.between(0.08, 0.25), k.between(0.03, 0.13)
		edge := rolling(k.rng, 0, 0.2, 0.12, 3)
		sea := horizon + 0.004
		k.back = append(k.back, k.flat(func(at float32) float32 {
			d := abs(at-x) / half
			if d > 1 {
				return sea
			}
			return sea - h*(1-d*d)*(0.8+edge(at))
		}, rock, z, sea-h, sea+0.02))
	}
	k.lake(horizon, mix(k.m.shade, k.m.lit, 0.45), 0.3, 0.82)
	k.water.lineShare = 0.25
	if k.chance(0.5) {
		k.swell(horizon)
	} else {
		k.beach()
	}
	if k.chance(0.45) {
		k.sail(horizon)
	}
}

// swell rolls waves towards the viewer, each a smooth crest, darker below.
func (k *composer) swell(horizon float32) {
	n := 3 + k.rng.IntN(3)
	for i := range n {
		t := along(i, n, 0, 1)
		y := horizon + 0.16 + (0.76-horizon)*t
		l := k.flat(rolling(k.rng, y, 0.006+0.02*t, 0.25+0.5*t, 3), mix(k.m.lit, k.m.mid, 0.25), along(i, n, 0.3, 0), y-0.02, y+0.12)
		l.mist, l.mistShare, l.glow = mix(k.m.shade, k.m.lit, 0.3*(1-t)), 0.85, 0.25
		k.front = append(k.front, l)
	}
}

// beach ends the water in a line of foam and sand.
func (k *composer) beach() {
	y := k.between(0.8, 0.9)
	slant := k.between(-0.16, 0.16)
	edge := rolling(k.rng, y, 0.02, 0.8, 2)
	for i, c := range []rgb{mix(k.m.accent, k.m.lit, 0.45), mix(k.m.accent, rgb{1, 1, 1}, 0.4), mix(hex(0xc8a878), k.m.haze, 0.2), mix(hex(0xe8cc98), k.m.glow, 0.2)} {
		off := []float32{0, 0.022, 0.036, 0.075}[i]
		l := k.flat(func(x float32) float32 { return edge(x) + slant*(x-0.5) + off }, c, 0, y, 1.3)
		l.mistShare, l.glow = 0, 0.1
		k.front = append(k.front, l)
	}
}

// sail puts a boat on the water: two triangles over a low hull.
func (k *composer) sail(horizon float32) {
	size := k.between(0.04, 0.1)
	x, y := k.between(0.15, 0.85), horizon+0.01+size*0.5
	c := mix(mix(rgb{1, 1, 1}, k.m.glow, 0.5), k.m.shade, 0.12)
	boat := func(line func(d float32) float32, c rgb, end float32) {
		l := k.flat(func(at float32) float32 { return line((at - x) / size) }, c, 0.1, 0, 1)
		l.mistShare, l.end = 0, end
		k.front = append([]layer{l}, k.front...)
	}
	boat(func(d float32) float32 {
		if abs(d) > 0.5 {
			return 2
		}
		return y + size*max(0, (abs(d)-0.38)*0.9)
	}, k.m.shade.scale(0.8), y+size*0.11)
	boat(func(d float32) float32 {
		switch {
		case d > -0.42 && d <= 0:
			return y - size*0.06 - size*1.1*(d+0.42)/0.42*0.78
		case d > 0.04 && d < 0.46:
			return y - size*0.06 - size*1.2*(0.46-d)/0.42
		}
		return 2
	}, c, y-size*0.05)
}

// composeForest: row behind row of conifers, fading into mist.
func composeForest(k *composer) {
	horizon := k.between(0.38, 0.5)
	k.sun(horizon, 0.05)
	k.sky.glowShare, k.sky.glowWide = k.sky.glowShare*0.9, 0.5
	if k.chance(0.5) {
		k.veil(2+k.rng.IntN(4), 0.06, horizon-0.08, k.m.cloud, 0.5)
	}
	if k.chance(0.6) {
		line, peaks := mountains(k.rng, horizon+0.06, k.between(0.14, 0.28), k.between(0.25, 0.4))
		k.back = append(k.back, k.land(line, peaks, 0.8, horizon-0.12, horizon+0.08))
	}
	n := 4 + k.rng.IntN(3)
	wet := k.chance(0.4)
	last := float32(0.9)
	if wet {
		last = k.between(0.62, 0.7)
		n--
	}
	for i := range n {
		t := along(i, n, 0, 1)
		y := horizon + 0.03 + (last-horizon)*t*(0.7+0.3*t)
		hill := rolling(k.rng, y, along(i, n, 0.04, 0.025), k.between(0.7, 1.4), 2)
		if wet && i == n-1 {
			hill = rolling(k.rng, last, 0.006, 0.7, 2)
		}
		near := along(i, n, 0.72, 0.03)
		if wet {
			near = along(i, n, 0.72, 0.22)
		}
		c := mix(k.m.lit, k.m.shade, t)
		if k.chance(0.2) {
			c = mix(c, k.m.accent, 0.6)
		}
		l := k.flat(spruces(k.rng, hill, along(i, n, 0.05, 0.24)*k.between(0.85, 1.1), k.between(0.7, 1.1)), c, near, y-0.07, y+along(i, n, 0.09, 0.25))
		l.mistShare = min(l.mistShare+0.25*(1-t), 0.9)
		k.back = append(k.back, l)
	}
	if wet {
		k.lake(last+0.01, mix(k.m.shade, k.m.lit, 0.6), 0.15, 0.5)
		k.shore(k.m.shade, 0.26)
	}
}

// composeMeadow: rolling green with round trees and flowers under heap clouds.
func composeMeadow(k *composer) {
	horizon := k.between(0.5, 0.62)
	k.sun(horizon, 0.05)
	if k.chance(0.75) {
		k.cumulus(3+k.rng.IntN(4), 0.95)
	} else {
		k.veil(4+k.rng.IntN(3), 0.08, horizon-0.06, k.m.cloud, 0.6)
	}
	if k.chance(0.5) {
		line, peaks := mountains(k.rng, horizon+0.04, k.between(0.1, 0.2), k.between(0.2, 0.36))
		l := k.land(line, peaks, 0.72, horizon-0.08, horizon+0.06)
		blue := mix(k.m.mid, k.m.shade, 0.35)
		l.lit, l.shade = mix(l.lit, blue, 0.6), mix(l.shade, blue, 0.7)
		k.back = append(k.back, l)
	}
	n := 3 + k.rng.IntN(3)
	wet := k.chance(0.3)
	for i := range n {
		t := along(i, n, 0, 1)
		y := horizon + (0.84-horizon)*t*(0.6+0.4*t)
		if wet {
			y = horizon + 0.1*t
		}
		z := along(i, n, 0.62, 0.05)
		c := mix(k.m.lit, k.m.shade, k.between(0, 0.35))
		if k.chance(0.3) {
			c = mix(c, k.m.accent, k.between(0.4, 0.75))
		}
		line := rolling(k.rng, y, along(i, n, 0.02, 0.05), k.between(0.6, 1.4), 2)
		if wet {
			line = rolling(k.rng, y-0.02, 0.015, k.between(0.6, 1.2), 2)
		}
		wood := mix(k.m.shade, k.m.lit, 0.12)
		if k.chance(0.7) {
			trees := k.flat(crowns(k.rng, line, along(i, n, 0.035, 0.15), 2+k.rng.IntN(6-min(i, 4))), wood, z*0.85, y-0.1, y+0.1)
			trees.mistShare *= 0.4
			k.back = append(k.back, trees)
		}
		l := k.flat(line, c, z, y-0.03, y+0.26)
		// Grass darkens towards the viewer instead of fading.
		l.mist, l.mistShare = mix(mix(c, k.m.shade, 0.65), k.m.haze, z*0.6), 0.8
		k.back = append(k.back, l)
	}
	if wet {
		k.lake(horizon+0.11, mix(k.m.mid, k.m.shade, 0.4), 0.15, 0.5)
		y := k.between(0.86, 0.94)
		slant := k.between(-0.2, 0.2)
		edge := rolling(k.rng, y, 0.02, 0.8, 2)
		bank := func(x float32) float32 { return edge(x) + slant*(x-0.5) }
		k.front = append(k.front, k.flat(crowns(k.rng, bank, 0.12, 2), mix(k.m.shade, k.m.lit, 0.1), 0, y, 1.2))
		l := k.flat(bank, mix(k.m.lit, k.m.shade, 0.2), 0, y-0.02, 1.05)
		l.mist, l.mistShare = k.m.shade, 0.7
		k.front = append(k.front, l)
	}
}
