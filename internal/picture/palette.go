package picture

import (
	"image"
	"image/color"
	"slices"
)

// A histogram counts the colours of images, with 32 bins per channel.
type histogram [1 << 15]struct {
	sum   [3]int
	count int
}

func bin(r, g, b uint8) int { return int(r>>3)<<10 | int(g>>3)<<5 | int(b>>3) }

// add counts every pixel of an image weight times.
func (c *histogram) add(img *image.RGBA, weight int) {
	for y := range img.Rect.Dy() {
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for i := 0; i < len(row); i += 4 {
			at := &c[bin(row[i], row[i+1], row[i+2])]
			for k := range 3 {
				at.sum[k] += weight * int(row[i+k])
			}
			at.count += weight
		}
	}
}

// A shade is a colour and its number of pixels.
type shade struct {
	colour [3]int
	count  int
}

func (c *histogram) shades() []shade {
	var all []shade
	for _, b := range c {
		if b.count > 0 {
			all = append(all, shade{[3]int{b.sum[0] / b.count, b.sum[1] / b.count, b.sum[2] / b.count}, b.count})
		}
	}
	return all
}

// A box is a set of shades that become one colour of the palette, their mean.
type box struct {
	shades []shade
	mean   [3]int
	axis   int // the channel with the largest squared error
	loss   int // that error
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

// split divides a box at its mean.
func (b box) split() (low, high box) {
	slices.SortStableFunc(b.shades, func(s, t shade) int { return s.colour[b.axis] - t.colour[b.axis] })
	at := 1
	for at < len(b.shades)-1 && b.shades[at].colour[b.axis] <= b.mean[b.axis] {
		at++
	}
	return newBox(b.shades[:at]), newBox(b.shades[at:])
}

// palette chooses at most n colours: it splits the box with the largest error until
// there are n, and takes the means (Heckbert's median cut, 1982, but split at the
// mean).
func (c *histogram) palette(n int) color.Palette {
	boxes := []box{newBox(c.shades())}
	for len(boxes) < n {
		worst := 0
		for i, b := range boxes {
			if b.loss > boxes[worst].loss {
				worst = i
			}
		}
		if boxes[worst].loss <= 0 {
			break
		}
		low, high := boxes[worst].split()
		boxes[worst] = low
		boxes = append(boxes, high)
	}
	var p color.Palette
	for _, b := range boxes {
		p = append(p, color.RGBA{uint8(b.mean[0]), uint8(b.mean[1]), uint8(b.mean[2]), 255})
	}
	return p
}

// A quantiser finds the nearest colour of a palette.
type quantiser struct {
	palette [][3]int
	nearest [1 << 15]int16 // by histogram bin; -1: not computed yet
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

// find returns the index of the colour nearest to the centre of the bin of r, g, b.
func (q *quantiser) find(r, g, b uint8) uint8 {
	i := bin(r, g, b)
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

// ditherRange is the range of the dithering in levels, about the distance between
// neighbours among 255 colours.
const ditherRange = 10

// indices returns the colour index of each pixel, [h·w]. It uses ordered dithering: an
// index depends on the pixel's colour and position only, so pixels that do not change
// between frames keep their indices.
func (q *quantiser) indices(img *image.RGBA) []uint8 {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := make([]uint8, w*h)
	for y := range h {
		row := img.Pix[y*img.Stride:][:4*w]
		for x := range w {
			shift := bayer(x, y)*ditherRange/64 - ditherRange/2
			var c [3]uint8
			for k := range 3 {
				c[k] = uint8(min(255, max(0, int(row[4*x+k])+shift)))
			}
			out[y*w+x] = q.find(c[0], c[1], c[2])
		}
	}
	return out
}

// bayer returns an element of the 8×8 threshold matrix of ordered dithering, 0 to 63.
func bayer(x, y int) int {
	v := 0
	for bit := range 3 {
		a, b := x>>bit&1, y>>bit&1
		v |= (a^b)<<(5-2*bit) | b<<(4-2*bit)
	}
	return v
}
