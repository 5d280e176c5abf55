package graphics

import "sort"

// palette is up to 256 colours fitted to a picture: median cut the first time, then two rounds of k-means from the
// colours of the step before. Colours keep their numbers from step to step, so a picture does not shimmer; a table of
// 32 x 32 x 32 colours finds the nearest one.
type palette struct {
	colours [][3]byte
	nearest [1 << 15]uint8
}

// bin is one cell of the colour histogram, 5 bits a channel.
type bin struct {
	sum   [3]int // of the pixels' channels
	count int
}

func (b bin) mean() [3]byte {
	return [3]byte{byte(b.sum[0] / b.count), byte(b.sum[1] / b.count), byte(b.sum[2] / b.count)}
}

func key(r, g, b byte) int { return int(r>>3)<<10 | int(g>>3)<<5 | int(b>>3) }

// adoptAbove is the mean squared error, in 8-bit levels over three channels, above which the old colours are given up:
// a picture that different shows other shimmer anyway.
const adoptAbove = 400

// fitTo moves the palette to the picture and rebuilds the table. Colours that would move less than two levels stay as
// they are: that little is noise, and keeping them keeps unchanged areas byte for byte.
func (p *palette) fitTo(px pixels, n int) {
	bins := histogram(px)
	if len(p.colours) != n || p.index(bins) > adoptAbove {
		p.colours = medianCut(bins, n)
		p.index(bins)
		p.refine(bins, 0)
		p.index(bins)
	}
	p.refine(bins, 2)
	p.index(bins)
	p.complete()
}

func histogram(px pixels) []bin {
	all := make([]bin, 1<<15)
	for i := 0; i+2 < len(px.rgb); i += 6 { // every second pixel is plenty
		r, g, b := px.rgb[i], px.rgb[i+1], px.rgb[i+2]
		c := &all[key(r, g, b)]
		c.sum[0] += int(r)
		c.sum[1] += int(g)
		c.sum[2] += int(b)
		c.count++
	}
	used := all[:0]
	for _, b := range all {
		if b.count > 0 {
			used = append(used, b)
		}
	}
	return used
}

// index points each bin's table entry at its nearest colour and returns the mean squared distance.
func (p *palette) index(bins []bin) float64 {
	type total struct{ squares, count int }
	totals := make([]total, bands)
	share := (len(bins) + bands - 1) / bands
	parallel(bands, func(from, to int) {
		for band := from; band < to; band++ {
			var t total
			for _, b := range bins[min(band*share, len(bins)):min((band+1)*share, len(bins))] {
				c := b.mean()
				best, d := p.find(c)
				p.nearest[key(c[0], c[1], c[2])] = best
				t.squares += d * b.count
				t.count += b.count
			}
			totals[band] = t
		}
	})
	squares, count := 0, 0
	for _, t := range totals {
		squares, count = squares+t.squares, count+t.count
	}
	return float64(squares) / float64(max(1, count))
}

func (p *palette) find(c [3]byte) (uint8, int) {
	best, distance := 0, 1<<30
	for i, q := range p.colours {
		r, g, b := int(c[0])-int(q[0]), int(c[1])-int(q[1]), int(c[2])-int(q[2])
		if d := r*r + g*g + b*b; d < distance {
			best, distance = i, d
		}
	}
	return uint8(best), distance
}

// refine moves each colour to the mean of its bins, if that is at least slack levels away in some channel.
func (p *palette) refine(bins []bin, slack int) {
	sums := make([]bin, len(p.colours))
	for _, b := range bins {
		c := b.mean()
		s := &sums[p.nearest[key(c[0], c[1], c[2])]]
		for i := range 3 {
			s.sum[i] += b.sum[i]
		}
		s.count += b.count
	}
	for i, s := range sums {
		if s.count == 0 {
			continue
		}
		m := s.mean()
		far := 0
		for k := range 3 {
			far = max(far, int(m[k])-int(p.colours[i][k]), int(p.colours[i][k])-int(m[k]))
		}
		if far >= slack {
			p.colours[i] = m
		}
	}
}

// complete fills the whole table, since dithering reaches colours the picture does not hold.
func (p *palette) complete() {
	parallel(1<<15, func(from, to int) {
		for k := from; k < to; k++ {
			p.nearest[k], _ = p.find([3]byte{byte(k>>10)<<3 | 4, byte(k>>5&31)<<3 | 4, byte(k&31)<<3 | 4})
		}
	})
}

// medianCut splits the box of colours with the largest spread times weight until there are n, and returns their means;
// fewer colours than n repeat the last.
func medianCut(bins []bin, n int) [][3]byte {
	boxes := [][]bin{append([]bin(nil), bins...)}
	scores := []int{0}
	axes := []int{0}
	scores[0], axes[0] = spread(boxes[0])
	for len(boxes) < n {
		widest := 0
		for i := range boxes {
			if scores[i] > scores[widest] {
				widest = i
			}
		}
		if scores[widest] == 0 {
			break
		}
		box, axis := boxes[widest], axes[widest]
		sort.Slice(box, func(i, j int) bool { return box[i].mean()[axis] < box[j].mean()[axis] })
		total := 0
		for _, b := range box {
			total += b.count
		}
		cut, seen := 0, 0
		for cut < len(box)-1 && seen*2 < total {
			seen += box[cut].count
			cut++
		}
		boxes[widest] = box[:cut]
		boxes = append(boxes, box[cut:])
		scores[widest], axes[widest] = spread(box[:cut])
		s, a := spread(box[cut:])
		scores, axes = append(scores, s), append(axes, a)
	}
	out := make([][3]byte, 0, n)
	for _, box := range boxes {
		var all bin
		for _, b := range box {
			for k := range 3 {
				all.sum[k] += b.sum[k]
			}
			all.count += b.count
		}
		out = append(out, all.mean())
	}
	for len(out) < n {
		out = append(out, out[len(out)-1])
	}
	return out
}

// spread is a box's sum of squared distances along its widest axis, and that axis; 0 when it cannot be cut.
func spread(box []bin) (score, axis int) {
	if len(box) < 2 {
		return 0, 0
	}
	for k := range 3 {
		sum, squares, count := 0, 0, 0
		for _, b := range box {
			v := int(b.mean()[k])
			sum, squares, count = sum+v*b.count, squares+v*v*b.count, count+b.count
		}
		if s := squares - sum*sum/count; s > score {
			score, axis = s, k
		}
	}
	return score, axis
}
