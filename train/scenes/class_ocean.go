package scenes

// composeOcean composes open water with clouds, islands, and waves or a beach.
func composeOcean(k *composer) {
	horizon := k.between(0.42, 0.6)
	k.placeSun(horizon, 0.058)
	switch k.rng.IntN(3) {
	case 0:
		k.addCloudBank(horizon+0.02, k.between(0.09, 0.2), 0.95)
		k.addCirrus(2, 0.06, horizon-0.2, k.palette.cloud, 0.5)
	case 1:
		k.addCumulus(3+k.rng.IntN(4), 0.95)
	default:
		k.addCirrus(4+k.rng.IntN(5), 0.06, horizon-0.04, k.palette.cloud, 0.6)
	}
	rock := mix(k.palette.shade, hex(0x2c4a4c), 0.5)
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
	k.addWater(horizon, mix(k.palette.shade, k.palette.lit, 0.45), 0.3, 0.82)
	k.water.lineShare = 0.25
	if k.chance(0.5) {
		k.addWaves(horizon)
	} else {
		k.addBeach()
	}
	if k.chance(0.45) {
		k.addSailboat(horizon)
	}
}

// addWaves adds waves in the foreground, each a smooth crest, darker below.
func (k *composer) addWaves(horizon float32) {
	n := 3 + k.rng.IntN(3)
	for i := range n {
		t := lerpAt(i, n, 0, 1)
		y := horizon + 0.16 + (0.76-horizon)*t
		l := k.flat(rolling(k.rng, y, 0.006+0.02*t, 0.25+0.5*t, 3), mix(k.palette.lit, k.palette.mid, 0.25), lerpAt(i, n, 0.3, 0), y-0.02, y+0.12)
		l.mist, l.mistShare, l.glow = mix(k.palette.shade, k.palette.lit, 0.3*(1-t)), 0.85, 0.25
		k.front = append(k.front, l)
	}
}

// addBeach ends the water with a line of foam and sand.
func (k *composer) addBeach() {
	y := k.between(0.8, 0.9)
	slant := k.between(-0.16, 0.16)
	edge := rolling(k.rng, y, 0.02, 0.8, 2)
	for i, c := range []rgb{mix(k.palette.accent, k.palette.lit, 0.45), mix(k.palette.accent, rgb{1, 1, 1}, 0.4), mix(hex(0xc8a878), k.palette.haze, 0.2), mix(hex(0xe8cc98), k.palette.glow, 0.2)} {
		off := []float32{0, 0.022, 0.036, 0.075}[i]
		l := k.flat(func(x float32) float32 { return edge(x) + slant*(x-0.5) + off }, c, 0, y, 1.3)
		l.mistShare, l.glow = 0, 0.1
		k.front = append(k.front, l)
	}
}

// addSailboat puts a boat on the water: two triangles over a low hull.
func (k *composer) addSailboat(horizon float32) {
	size := k.between(0.04, 0.1)
	x, y := k.between(0.15, 0.85), horizon+0.01+size*0.5
	c := mix(mix(rgb{1, 1, 1}, k.palette.glow, 0.5), k.palette.shade, 0.12)
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
	}, k.palette.shade.scale(0.8), y+size*0.11)
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
