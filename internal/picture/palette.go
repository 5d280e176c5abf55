package picture

import (
	"image"
	"image/color"
	"slices"
)

// colours counts the colours of pictures, in cells of 32 levels a channel.
type colours [1 << 15]struct {
	sum   [3]int
	count int
}

func cell(r, g, b uint8) int { return int(r>>3)<<10 | int(g>>3)<<5 | int(b>>3) }

// add counts a picture's pixels weight times.
func (c *colours) add(img *image.RGBA, weight int) {
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for i := 0; i < len(row); i += 4 {
			at := &c[cell(row[i], row[i+1], row[i+2])]
			for k := range 3 {
				at.sum[k] += weight * int(row[i+k])
			}
			at.count += weight
		}
	}
}

// A shade is a colour and the number of pixels that have it.
type shade struct {
	colour [3]int
	count  int
}

func (c *colours) shades() []shade {
	var all []shade
	for _, cell := range c {
		if cell.count > 0 {
			all = append(all, shade{[3]int{cell.sum[0] / cell.count, cell.sum[1] / cell.count, cell.sum[2] / cell.count}, cell.count})
		}
	}
	return all
}

// box is a set of shades, its mean, and what is lost by showing all as that.
type box struct {
	shades []shade
	mean   [3]int
	axis   int // along which they differ most
	loss   int // sum of squared differences along it
}

func newBox(shades []shade) box {
	b := box{shades: shades}
	var sum, squares [3]int
	count := 0
	for _, s := range shades {
		for k, v := range s.colour {
			sum[k] += v * s.count
			squares[k] += v * v * s.count
		}
		count += s.count
	}
	for k := range 3 {
		b.mean[k] = (sum[k] + count/2) / count
		if loss := squares[k] - sum[k]*(sum[k]/count); loss > b.loss && len(shades) > 1 {
			b.loss, b.axis = loss, k
		}
	}
	return b
}

// cut parts a box at its mean.
func (b box) cut() (low, high box) {
	slices.SortStableFunc(b.shades, func(s, t shade) int { return s.colour[b.axis] - t.colour[b.axis] })
	at := 1
	for at < len(b.shades)-1 && b.shades[at].colour[b.axis] <= b.mean[b.axis] {
		at++
	}
	return newBox(b.shades[:at]), newBox(b.shades[at:])
}

// palette chooses at most n colours: the box with the most to gain is cut, again
// and again, and each box gives its mean (after Heckbert's median cut, 1982,
// cutting at the mean).
func (c *colours) palette(n int) color.Palette {
	boxes := []box{newBox(c.shades())}
	for len(boxes) < n {
		widest := 0
		for i, b := range boxes {
			if b.loss > boxes[widest].loss {
				widest = i
			}
		}
		if boxes[widest].loss <= 0 {
			break
		}
		low, high := boxes[widest].cut()
		boxes[widest] = low
		boxes = append(boxes, high)
	}
	var p color.Palette
	for _, b := range boxes {
		p = append(p, color.RGBA{uint8(b.mean[0]), uint8(b.mean[1]), uint8(b.mean[2]), 255})
	}
	return p
}

// A quantiser finds the nearest colours of a palette.
type quantiser struct {
	palette [][3]int
	nearest [1 << 15]int16 // by cell; -1 while not looked up
}

func newQuantiser(p color.Palette) *quantiser {
	q := &quantiser{}
	for _, c := range p {
		rgb := c.(color.RGBA)
		q.palette = append(q.palette, [3]int{int(rgb.R), int(rgb.G), int(rgb.B)})
	}
	for i := range q.nearest {
		q.nearest[i] = -1
	}
	return q
}

// find is the number of the colour nearest to the middle of the cell of r, g, b.
func (q *quantiser) find(r, g, b uint8) uint8 {
	i := cell(r, g, b)
	if q.nearest[i] < 0 {
		best := 1 << 30
		for number, c := range q.palette {
			x, y, z := int(r|7)-3-c[0], int(g|7)-3-c[1], int(b|7)-3-c[2]
			if d := x*x + y*y + z*z; d < best {
				best, q.nearest[i] = d, int16(number)
			}
		}
	}
	return uint8(q.nearest[i])
}

// grain is the reach of dithering in levels: about the distance of neighbours
// among 255 chosen colours.
const grain = 10

// draw gives each pixel's colour number, [h·w]. The dithering is ordered: a
// pixel's number depends on its colour and its place alone, so that what stays in
// the picture stays in the animation.
func (q *quantiser) draw(img *image.RGBA) []uint8 {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := make([]uint8, w*h)
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		for x := range w {
			shift := bayer(x, y)*grain/64 - grain/2
			var c [3]uint8
			for k := range 3 {
				c[k] = uint8(min(255, max(0, int(row[4*x+k])+shift)))
			}
			out[y*w+x] = q.find(c[0], c[1], c[2])
		}
	}
	return out
}

// bayer is the 8×8 threshold matrix of ordered dithering, 0 to 63.
func bayer(x, y int) int {
	v := 0
	for bit := range 3 {
		a, b := x>>bit&1, y>>bit&1
		v |= (a^b)<<(5-2*bit) | b<<(4-2*bit)
	}
	return v
}
