package scenes

// Water mirrors the image above it: the row d below the shore shows the row d above it,
// with more of the water's own colour towards the viewer.
type water struct {
	y         float32 // of the shore
	tint      rgb
	near      float32 // share of the tint at the shore
	far       float32 // share of the tint at the lower edge of the image
	ripples   []streak
	floes     []streak // ice, over everything else on the water
	lineShare float32  // brightness of the thin line along the shore
}

// paintRow paints the row y. mirror holds the depth rows above the shore, lowest first;
// beyond them the highest is repeated.
func (w *water) paintRow(row, mirror []float32, y, shore, depth, n int, s *sky) {
	d := y - shore
	from := min(d, depth-1)
	copy(row[:3*n], mirror[3*n*from:3*n*(from+1)])
	v := (float32(y) + 0.5) / float32(n)
	t := (v - w.y) / (1 - w.y)
	a := w.near + (w.far-w.near)*t*(2-t)
	for x := range n {
		blend(row, x, w.tint, a)
	}
	if w.lineShare > 0 {
		if e := 1 - float32(d)/(0.006*float32(n)+1); e > 0 {
			for x := range n {
				blend(row, x, s.low, w.lineShare*e)
			}
		}
	}
	for i := range w.ripples {
		w.ripples[i].paint(row, v, n)
	}
	for i := range w.floes {
		w.floes[i].paintFlat(row, v, n)
	}
}

// addWater adds water below the height y, with the reflection of the sun.
func (k *composer) addWater(y float32, tint rgb, near, far float32) {
	w := &water{y: y, tint: tint, near: near, far: far, lineShare: 0.5}
	glitter := mix(k.sky.glow, rgb{1, 1, 1}, 0.15)
	low := 1 - k.height*0.55
	n := 9 + k.rng.IntN(5)
	for i := range n {
		t := (float32(i) + k.between(0.2, 0.8)) / float32(n)
		at := y + (1-y)*t*(0.35+0.65*t)
		w.ripples = append(w.ripples, streak{
			x: k.sky.sunX + k.between(-0.02, 0.02)*(1+2*t), y: at,
			half: k.between(0.035, 0.075) * (0.7 + 1.7*t), thick: 0.003 + 0.0075*t,
			colour: glitter, share: 0.75 * low * (1 - 0.55*t),
		})
	}
	// A few long bands of sky beside the reflection.
	for range 5 + k.rng.IntN(5) {
		t := k.rng.Float32()
		at := y + (1-y)*t
		c := mix(k.palette.low, k.palette.mid, 0.5)
		if k.chance(0.5) {
			c = tint.scale(0.9)
		}
		w.ripples = append(w.ripples, streak{x: k.between(0, 1), y: at, half: k.between(0.12, 0.3), thick: 0.003 + 0.008*t, colour: c, share: 0.4})
	}
	k.water = w
}
