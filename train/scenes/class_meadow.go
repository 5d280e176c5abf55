package scenes

// composeMeadow composes green hills with round trees and flowers under cumulus clouds.
func composeMeadow(k *composer) {
	horizon := k.between(0.5, 0.62)
	k.placeSun(horizon, 0.05)
	if k.chance(0.75) {
		k.addCumulus(3+k.rng.IntN(4), 0.95)
	} else {
		k.addCirrus(4+k.rng.IntN(3), 0.08, horizon-0.06, k.palette.cloud, 0.6)
	}
	if k.chance(0.5) {
		line, peaks := mountains(k.rng, horizon+0.04, k.between(0.1, 0.2), k.between(0.2, 0.36))
		l := k.land(line, peaks, 0.72, horizon-0.08, horizon+0.06)
		blue := mix(k.palette.mid, k.palette.shade, 0.35)
		l.lit, l.shade = mix(l.lit, blue, 0.6), mix(l.shade, blue, 0.7)
		k.back = append(k.back, l)
	}
	n := 3 + k.rng.IntN(3)
	wet := k.chance(0.3)
	for i := range n {
		t := lerpAt(i, n, 0, 1)
		y := horizon + (0.84-horizon)*t*(0.6+0.4*t)
		if wet {
			y = horizon + 0.1*t
		}
		z := lerpAt(i, n, 0.62, 0.05)
		c := mix(k.palette.lit, k.palette.shade, k.between(0, 0.35))
		if k.chance(0.3) {
			c = mix(c, k.palette.accent, k.between(0.4, 0.75))
		}
		line := rolling(k.rng, y, lerpAt(i, n, 0.02, 0.05), k.between(0.6, 1.4), 2)
		if wet {
			line = rolling(k.rng, y-0.02, 0.015, k.between(0.6, 1.2), 2)
		}
		wood := mix(k.palette.shade, k.palette.lit, 0.12)
		if k.chance(0.7) {
			trees := k.flat(broadleaves(k.rng, line, lerpAt(i, n, 0.035, 0.15), 2+k.rng.IntN(6-min(i, 4))), wood, z*0.85, y-0.1, y+0.1)
			trees.mistShare *= 0.4
			k.back = append(k.back, trees)
		}
		l := k.flat(line, c, z, y-0.03, y+0.26)
		// Grass gets darker towards the viewer.
		l.mist, l.mistShare = mix(mix(c, k.palette.shade, 0.65), k.palette.haze, z*0.6), 0.8
		k.back = append(k.back, l)
	}
	if wet {
		k.addWater(horizon+0.11, mix(k.palette.mid, k.palette.shade, 0.4), 0.15, 0.5)
		y := k.between(0.86, 0.94)
		slant := k.between(-0.2, 0.2)
		edge := rolling(k.rng, y, 0.02, 0.8, 2)
		bank := func(x float32) float32 { return edge(x) + slant*(x-0.5) }
		k.front = append(k.front, k.flat(broadleaves(k.rng, bank, 0.12, 2), mix(k.palette.shade, k.palette.lit, 0.1), 0, y, 1.2))
		l := k.flat(bank, mix(k.palette.lit, k.palette.shade, 0.2), 0, y-0.02, 1.05)
		l.mist, l.mistShare = k.palette.shade, 0.7
		k.front = append(k.front, l)
	}
}
