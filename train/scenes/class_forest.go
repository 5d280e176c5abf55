package scenes

// composeForest composes rows of conifers, fading into mist.
func composeForest(k *composer) {
	horizon := k.between(0.38, 0.5)
	k.placeSun(horizon, 0.05)
	k.sky.glowShare, k.sky.glowWide = k.sky.glowShare*0.9, 0.5
	if k.chance(0.5) {
		k.addCirrus(2+k.rng.IntN(4), 0.06, horizon-0.08, k.palette.cloud, 0.5)
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
		t := lerpAt(i, n, 0, 1)
		y := horizon + 0.03 + (last-horizon)*t*(0.7+0.3*t)
		hill := rolling(k.rng, y, lerpAt(i, n, 0.04, 0.025), k.between(0.7, 1.4), 2)
		if wet && i == n-1 {
			hill = rolling(k.rng, last, 0.006, 0.7, 2)
		}
		near := lerpAt(i, n, 0.72, 0.03)
		if wet {
			near = lerpAt(i, n, 0.72, 0.22)
		}
		c := mix(k.palette.lit, k.palette.shade, t)
		if k.chance(0.2) {
			c = mix(c, k.palette.accent, 0.6)
		}
		l := k.flat(conifers(k.rng, hill, lerpAt(i, n, 0.05, 0.24)*k.between(0.85, 1.1), k.between(0.7, 1.1)), c, near, y-0.07, y+lerpAt(i, n, 0.09, 0.25))
		l.mistShare = min(l.mistShare+0.25*(1-t), 0.9)
		k.back = append(k.back, l)
	}
	if wet {
		k.addWater(last+0.01, mix(k.palette.shade, k.palette.lit, 0.6), 0.15, 0.5)
		k.addForegroundTrees(k.palette.shade, 0.26)
	}
}
