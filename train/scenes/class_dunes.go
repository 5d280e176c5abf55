package scenes

// composeDunes composes crests of sand, lit on one side, under a large sun.
func composeDunes(k *composer) {
	horizon := k.between(0.46, 0.58)
	k.placeSun(horizon, 0.075)
	k.addCirrus(2+k.rng.IntN(5), 0.08, horizon-0.05, k.palette.cloud, 0.5)
	if k.chance(0.5) {
		line, peaks := mesas(k.rng, horizon+0.02, k.between(0.06, 0.13), 0.3)
		k.back = append(k.back, k.land(line, peaks, 0.72, horizon-0.08, horizon+0.04))
	}
	n := 4 + k.rng.IntN(3)
	for i := range n {
		t := lerpAt(i, n, 0, 1)
		base := horizon + 0.05 + (0.9-horizon)*t*(0.55+0.45*t)
		height := lerpAt(i, n, 0.06, 0.26) * k.between(0.8, 1.2)
		line, peaks := dunes(k.rng, base+0.02, height, lerpAt(i, n, 0.3, 1)*k.between(0.8, 1.25))
		k.back = append(k.back, k.land(line, peaks, lerpAt(i, n, 0.62, 0), base-height*0.6, base+0.14))
	}
}
