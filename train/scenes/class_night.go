package scenes

// composeNight composes dark hills, often with a lake, under a moon or an aurora.
func composeNight(k *composer) {
	horizon := k.between(0.56, 0.7)
	k.placeSun(horizon-0.1, 0.052)
	k.sky.glowShare, k.sky.glowWide = 0.5, 0.3
	k.sky.disc = mix(k.palette.glow, rgb{1, 1, 1}, 0.3)
	if k.chance(0.45) {
		k.sky.crescent = -0.5 * k.sky.light * k.between(0.7, 1.3)
	}
	k.addStars(50+k.rng.IntN(50), horizon-0.1)
	if k.chance(0.35) {
		k.sky.sunR, k.sky.glowShare = k.sky.sunR*0.6, 0.25
		k.addAurora(k.between(0.3, 0.42), k.between(0.16, 0.26), k.between(0.7, 1), hex(0x4fe0a0), hex(0x4a60c8))
	} else {
		k.addCirrus(2+k.rng.IntN(4), 0.1, horizon-0.15, mix(k.palette.cloud, k.palette.glow, 0.12), 0.6)
	}
	n := 2 + k.rng.IntN(2)
	for i := range n {
		z := lerpAt(i, n, 0.75, 0.3)
		base := lerpAt(i, n, horizon-0.04, horizon+0.05)
		height := lerpAt(i, n, 0.17, 0.22) * k.between(0.7, 1.3)
		if k.chance(0.6) {
			line, peaks := mountains(k.rng, base, height, k.between(0.2, 0.34))
			l := k.land(line, peaks, z, base-height*0.6, base+0.03)
			if k.chance(0.5) {
				l.snow = k.snowOn(base-height*0.6, 0.03, z*0.6+0.35)
			}
			k.back = append(k.back, l)
		} else {
			k.back = append(k.back, k.flat(rolling(k.rng, base-height*0.35, height*0.3, k.between(0.5, 0.9), 3), k.palette.lit, z, base-height, base+0.03))
		}
	}
	if k.chance(0.6) {
		k.back = append(k.back, k.flat(conifers(k.rng, rolling(k.rng, horizon+0.02, 0.008, 0.6, 2), 0.06, 0.85), k.palette.shade, 0.25, horizon-0.04, horizon+0.05))
		k.addWater(horizon+0.03, mix(k.palette.shade, k.palette.top, 0.5), 0.15, 0.55)
		k.addForegroundTrees(k.palette.shade, 0.18)
		return
	}
	for i := range 3 {
		y := lerpAt(i, 3, horizon+0.04, 0.87)
		k.back = append(k.back, k.flat(conifers(k.rng, rolling(k.rng, y, 0.03, k.between(0.6, 1.2), 2), lerpAt(i, 3, 0.07, 0.18), k.between(0.45, 1)), k.palette.shade, lerpAt(i, 3, 0.35, 0), y-0.05, y+0.2))
	}
}
