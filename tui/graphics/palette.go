package graphics

import (
	"math"
	"slices"
)

// palette is up to 255 colours fitted to an image, and a table that finds the nearest of them. The first image splits
// the box of its colours along the widest axis until there are enough (Heckbert's median cut, at the mean), and
// k-means refines them. A later image keeps the colours while they fit it nearly as well, so that parts of the image
// that do not change stay the same on screen, dot for dot; otherwise k-means continues from them.
type palette struct {
	colours [][3]byte
	spacing []uint8        // by colour: levels to its nearest neighbour
	nearest [bands][]uint8 // by key, for each worker its own; unknown while not looked up
	error   float64        // mean squared error over the three channels when the colours were last fitted
	order   []byGreen      // the colours, for find
	scratch *histogram
}

// byGreen is a colour and its number; find needs the colours sorted by green, which has the most weight in the
// distance.
type byGreen struct {
	r, g, b int32
	number  int16
}

// A key is a colour with 6 bits per channel.
const (
	keyBits = 6
	keys    = 1 << (3 * keyBits)
)

func key(r, g, b byte) int { return int(r>>2)<<12 | int(g>>2)<<6 | int(b>>2) }

// keyColour is the centre of a key's colours.
func keyColour(k int) [3]byte {
	return [3]byte{byte(k>>12)<<2 | 2, byte(k>>6&63)<<2 | 2, byte(k&63)<<2 | 2}
}

// A colour's number fits into a byte; one value means that none is known yet.
const (
	maxColours = 255
	unknown    = 255
)

// How much worse than at their last fit the colours may fit an image, as a factor and in squared levels, before they
// are refined, and before they are chosen from scratch.
const (
	keepFactor, keepPlus     = 1.3, 1
	refineFactor, refinePlus = 4, 16
)

// Rounds of k-means for new colours and for existing ones.
const newRounds, refineRounds = 3, 2

func newPalette(scratch *histogram) *palette {
	p := &palette{scratch: scratch}
	for i := range p.nearest {
		p.nearest[i] = make([]uint8, keys)
	}
	return p
}

// fitTo fits the palette to the image, with at most n colours.
func (p *palette) fitTo(px pixels, n int) {
	bins := p.scratch.take(px)
	rounds := newRounds
	if len(p.colours) > 0 && len(p.colours) <= n {
		now := p.assign(bins)
		if now <= p.error*keepFactor+keepPlus {
			return
		}
		if now <= p.error*refineFactor+refinePlus {
			rounds = refineRounds
		} else {
			p.colours = nil
		}
	}
	if len(p.colours) == 0 || len(p.colours) > n {
		p.setColours(cut(bins, n))
		p.assign(bins)
	}
	for range rounds {
		p.setColours(p.moved(bins))
		p.assign(bins)
	}
	p.snap()
	p.error = p.assign(bins)
	p.measure()
	for _, table := range p.nearest {
		for i := range table {
			table[i] = unknown
		}
	}
}

// snap rounds the colours to whole hundredths, the unit of sixel colours.
func (p *palette) snap() {
	for i, c := range p.colours {
		for k, v := range c {
			p.colours[i][k] = byte((percent(v)*255 + 50) / 100)
		}
	}
	p.setColours(p.colours)
}

func percent(v byte) int { return (int(v)*100 + 127) / 255 }

func (p *palette) setColours(colours [][3]byte) {
	p.colours = colours
	p.order = p.order[:0]
	for i, c := range colours {
		p.order = append(p.order, byGreen{int32(c[0]), int32(c[1]), int32(c[2]), int16(i)})
	}
	slices.SortFunc(p.order, func(a, b byGreen) int { return int(a.g - b.g) })
}

// find returns the number of the colour nearest to c, and the squared distance.
func (p *palette) find(c [3]byte) (int16, int32) {
	r, g, b := int32(c[0]), int32(c[1]), int32(c[2])
	from, to := 0, len(p.order) // the first colour with green of at least g
	for from < to {
		if middle := (from + to) / 2; p.order[middle].g < g {
			from = middle + 1
		} else {
			to = middle
		}
	}
	best, number := int32(math.MaxInt32), int16(0)
	up, down := from, from-1
	for up < len(p.order) || down >= 0 {
		if up < len(p.order) {
			q := &p.order[up]
			dg := q.g - g
			if dg*dg >= best {
				up = len(p.order)
			} else {
				if d := (q.r-r)*(q.r-r) + dg*dg + (q.b-b)*(q.b-b); d < best {
					best, number = d, q.number
				}
				up++
			}
		}
		if down >= 0 {
			q := &p.order[down]
			dg := q.g - g
			if dg*dg >= best {
				down = -1
			} else {
				if d := (q.r-r)*(q.r-r) + dg*dg + (q.b-b)*(q.b-b); d < best {
					best, number = d, q.number
				}
				down--
			}
		}
	}
	return number, best
}

// assign gives each bin its nearest colour and returns the mean squared error over the three channels.
func (p *palette) assign(bins []bin) float64 {
	var squares, counts [bands]int
	parallel(len(bins), func(worker, from, to int) {
		squared, count := 0, 0
		for i := from; i < to; i++ {
			b := &bins[i]
			b.colour, b.distance = p.find(b.mean())
			squared += int(b.distance) * b.count
			count += b.count
		}
		squares[worker], counts[worker] = squared, count
	})
	squared, count := 0, 0
	for i := range bands {
		squared, count = squared+squares[i], count+counts[i]
	}
	return float64(squared) / float64(max(1, count))
}

// moved returns the mean of the bins of each colour. A colour without bins moves to where the error is largest.
func (p *palette) moved(bins []bin) [][3]byte {
	sums := make([]bin, len(p.colours))
	for i := range bins {
		sums[bins[i].colour].add(&bins[i])
	}
	var worst []int // bins by error, worst first; made when needed
	out := make([][3]byte, len(sums))
	for i, s := range sums {
		if s.count > 0 {
			out[i] = s.mean()
			continue
		}
		if worst == nil {
			worst = byError(bins, len(sums))
		}
		out[i] = p.colours[i]
		if len(worst) > 0 {
			out[i] = bins[worst[0]].mean()
			worst = worst[1:]
		}
	}
	return out
}

// byError returns the bins with the largest error, at most n of them.
func byError(bins []bin, n int) []int {
	var out []int
	for i := range bins {
		if bins[i].distance > 0 {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b int) int {
		return int(bins[b].distance)*bins[b].count - int(bins[a].distance)*bins[a].count
	})
	return out[:min(n, len(out))]
}

// measure finds the distance of each colour to its nearest neighbour.
func (p *palette) measure() {
	p.spacing = make([]uint8, len(p.colours))
	for i, c := range p.colours {
		best := 3 * 255 * 255
		for j, q := range p.colours {
			r, g, b := int(c[0])-int(q[0]), int(c[1])-int(q[1]), int(c[2])-int(q[2])
			if d := r*r + g*g + b*b; d > 0 && d < best && i != j {
				best = d
			}
		}
		p.spacing[i] = uint8(min(255, math.Sqrt(float64(best))))
	}
}
