package scenes

// Water mirrors what stands above it: its row d below the shore shows the row d
// above it, with the water's own colour growing towards the viewer.
type water struct {
	y         float32 // the shore
	tint      rgb
	near      float32 // how much tint the mirror has at the shore, and at the
	far       float32 // lower edge of the picture
	ripples   []streak
	floes     []streak // ice, over everything on the water
	lineShare float32  // brightness of the thin light line along the shore
}

// paintRow paints the row y. mirror holds the depth rows above the shore, the
// lowest first; below its end the highest is repeated.
func (w *water) paintRow(row, mirror []float32, y, shore, depth, n int, s *sky) {
	d := y - shore
	from := min(d, depth-1)
	copy(row[:3*n], mirror[3*n*from:3*n*(from+1)])
	v := (float32(y) + 0.5) / float32(n)
	t := (v - w.y) / (1 - w.y)
	a := w.near + (w.far-w.near)*t*(2-t)
	for x := range n {
		over(row, x, w.tint, a)
	}
	if w.lineShare > 0 {
		if e := 1 - float32(d)/(0.006*float32(n)+1); e > 0 {
			for x := range n {
				over(row, x, s.low, w.lineShare*e)
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

// lake lays water from the height y down, with the sun's glitter below the disc.
func (k *composer) lake(y float32, tint rgb, near, far float32) {
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
	// A few long bands of sky further off the glitter.
	for range 5 + k.rng.IntN(5) {
		t := k.rng.Float32()
		at := y + (1-y)*t
		c := mix(k.m.low, k.m.mid, 0.5)
		if k.chance(0.5) {
			c = tint.scale(0.9)
		}
		w.ripples = append(w.ripples, streak{x: k.between(0, 1), y: at, half: k.between(0.12, 0.3), thick: 0.003 + 0.008*t, colour: c, share: 0.4})
	}
	k.water = w
}
