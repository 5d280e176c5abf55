package scenes

// A sky is the gradient behind everything, with sun or moon, stars and clouds.
type sky struct {
	top, mid, low rgb
	horizon       float32 // y where low is reached

	sunX, sunY, sunR float32
	crescent         float32 // offset of a crescent's shadow in radii; 0: a full disc
	light            float32 // side of the light: -1 left, 1 right
	disc, glow       rgb
	glowShare        float32 // share of the glow beside the disc
	glowWide         float32 // radius of the glow

	stars   []star
	aurora  *aurora // nil: none
	clouds  []cloud
	streaks []streak
}

type star struct{ x, y, r, shine float32 }

// A cloud is a cumulus with a round top and a flat bottom that fades out.
type cloud struct {
	x, half, base, high float32
	line                ridge // its upper edge
	lit, low            rgb
	share               float32
}

// A streak is a long thin lens: cirrus, a ripple or an ice floe.
type streak struct {
	x, y, half, thick float32
	colour            rgb
	share             float32
}

// An aurora is bright along a wavy lower edge and fades upwards.
type aurora struct {
	lowerEdge, shine, high ridge
	colour, tip            rgb
}

// paintRow fills the row y, in pixels, of an image of size n.
func (s *sky) paintRow(row []float32, y, n int, p *plan) {
	v := (float32(y) + 0.5) / float32(n)
	t := v / s.horizon
	var c rgb
	if t < 0.5 {
		c = mix(s.top, s.mid, smoothstep(-0.25, 0.5, t)*1.13-0.13)
	} else {
		c = mix(s.mid, s.low, smoothstep(0.5, 1.02, t))
	}
	dy := (v - s.sunY) * (v - s.sunY)
	wide := 1 / (s.glowWide * s.glowWide)
	pix := 1 / float32(n)
	for x := 0; x < n; x++ {
		dx := (float32(x)+0.5)*pix - s.sunX
		q := 1 + (0.55*dx*dx+dy)*wide*1.6
		g := s.glowShare / (q * q)
		row[3*x] = c.r + (s.glow.r-c.r)*g
		row[3*x+1] = c.g + (s.glow.g-c.g)*g
		row[3*x+2] = c.b + (s.glow.b-c.b)*g
	}
	for i := range s.stars {
		s.stars[i].paint(row, v, n)
	}
	if s.aurora != nil {
		p.aurora.paint(row, v, n, s.aurora)
	}
	s.paintDisc(row, v, n)
	for i := range s.streaks {
		s.streaks[i].paint(row, v, n)
	}
	for i := range p.clouds {
		p.clouds[i].paint(row, y, n)
	}
}

// blend mixes colour c into pixel x with share a.
func blend(row []float32, x int, c rgb, a float32) {
	px := row[3*x : 3*x+3 : 3*x+3]
	px[0] += (c.r - px[0]) * a
	px[1] += (c.g - px[1]) * a
	px[2] += (c.b - px[2]) * a
}

// pixelRange is the range of pixels whose centres may lie within half of x.
func pixelRange(x, half float32, n int) (from, to int) {
	f := float32(n)
	return max(int((x-half)*f)-1, 0), min(int((x+half)*f)+2, n)
}

func (s *sky) paintDisc(row []float32, v float32, n int) {
	if s.sunR == 0 {
		return
	}
	pix := 1 / float32(n)
	halo := s.sunR * 2.6
	dy := v - s.sunY
	if dy > halo || dy < -halo {
		return
	}
	from, to := pixelRange(s.sunX, halo, n)
	for x := from; x < to; x++ {
		dx := (float32(x)+0.5)*pix - s.sunX
		d := sqrt(dx*dx + dy*dy)
		if d < halo {
			t := 1 - d/halo
			blend(row, x, s.glow, 0.55*s.glowShare*t*t)
		}
		a := clamp01((s.sunR-d)/pix + 0.5)
		if a > 0 && s.crescent != 0 {
			bx := dx - s.crescent*s.sunR
			by := dy + 0.35*s.crescent*s.sunR
			a *= clamp01((sqrt(bx*bx+by*by)-s.sunR*0.94)/pix + 0.5)
		}
		if a > 0 {
			blend(row, x, s.disc, a)
		}
	}
}

func (s *star) paint(row []float32, v float32, n int) {
	dy := v - s.y
	// In a small image a star could fall between pixels: it is enlarged to one pixel, and
	// darkened accordingly.
	r := max(s.r, 0.8/float32(n))
	shine := s.shine * (s.r / r) * (s.r / r)
	if dy > 3*r || dy < -3*r {
		return
	}
	from, to := pixelRange(s.x, 3*r, n)
	for x := from; x < to; x++ {
		dx := (float32(x)+0.5)/float32(n) - s.x
		if q := (dx*dx + dy*dy) / (r * r); q < 9 {
			blend(row, x, rgb{1, 1, 0.96}, shine*gaussian(sqrt(q)))
		}
	}
}

func (s *streak) paint(row []float32, v float32, n int) {
	dy := (v - s.y) / s.thick
	if dy > 1 || dy < -1 {
		return
	}
	half := s.half * sqrt(1-dy*dy)
	edge := max(s.half*0.25, 1.5/float32(n))
	from, to := pixelRange(s.x, half, n)
	for x := from; x < to; x++ {
		d := (float32(x)+0.5)/float32(n) - s.x
		if d < 0 {
			d = -d
		}
		a := smoothstep(0, edge, half-d) * smoothstep(0, 0.5, 1-abs(dy))
		blend(row, x, s.colour, s.share*a)
	}
}

// paintFlat paints the lens as a solid with sharp edges.
func (s *streak) paintFlat(row []float32, v float32, n int) {
	pix := 1 / float32(n)
	dy := abs(v - s.y)
	if dy > s.thick+pix {
		return
	}
	rows := clamp01((s.thick-dy)*float32(n) + 0.5)
	half := s.half * sqrt(max(1-dy*dy/(s.thick*s.thick), 0.02))
	// Near its tips the edge of the lens is almost horizontal: one row has many columns of it.
	slope := max(s.half/s.thick*dy/s.thick*s.half/half, 1)
	from, to := pixelRange(s.x, half+slope*pix, n)
	for x := from; x < to; x++ {
		d := abs((float32(x)+0.5)*pix - s.x)
		blend(row, x, s.colour, s.share*rows*clamp01((half-d)*float32(n)/slope+0.5))
	}
}
