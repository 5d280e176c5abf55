package inpaint

import (
	"image"
	"math"
)

// editor holds a mask, the pixels to sample again, and what was done to it. It is used by one goroutine at a time.
type editor struct {
	pixels *image.Gray // kept or masked
	before []uint8     // the pixels when the change in progress began; nil between changes
	undone []change
	done   []change
}

// The two values of a mask's pixels.
const (
	kept   = 0
	masked = 255
)

// newEditor returns the editor of an empty mask of side×side pixels.
func newEditor(side int) *editor { return &editor{pixels: image.NewGray(image.Rect(0, 0, side, side))} }

// copy returns a copy of the mask.
func (e *editor) copy() *image.Gray {
	out := image.NewGray(e.pixels.Rect)
	copy(out.Pix, e.pixels.Pix)
	return out
}

// stroke paints or erases with a round brush of radius pixels, from one point to another.
func (e *editor) stroke(from, to image.Point, radius int, paint bool) {
	e.do(func() {
		steps := max(1, int(math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y))/max(1, float64(radius)/4)))
		for i := range steps + 1 {
			at := from.Add(to.Sub(from).Mul(i).Div(steps))
			e.disc(at, radius, paint)
		}
	})
}

func (e *editor) disc(at image.Point, radius int, paint bool) {
	for dy := -radius; dy <= radius; dy++ {
		half := halfWidth(radius, dy)
		e.span(at.Y+dy, at.X-half, at.X+half+1, paint)
	}
}

// halfWidth is half the width of a disc, dy rows from its centre.
func halfWidth(radius, dy int) int { return int(math.Sqrt(float64(radius*radius - dy*dy))) }

// valueOf is the value that painting or erasing gives a pixel.
func valueOf(paint bool) uint8 {
	if paint {
		return masked
	}
	return kept
}

// span sets the pixels [from, to) of a row, as far as they lie inside the mask.
func (e *editor) span(y, from, to int, paint bool) {
	w := e.pixels.Rect.Dx()
	from, to = max(0, from), min(w, to)
	if y < 0 || y >= e.pixels.Rect.Dy() || from >= to {
		return
	}
	value := valueOf(paint)
	row := e.pixels.Pix[y*e.pixels.Stride:][from:to]
	for x := range row {
		row[x] = value
	}
}

// rectangle paints or erases all of r.
func (e *editor) rectangle(r image.Rectangle, paint bool) {
	e.do(func() {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			e.span(y, r.Min.X, r.Max.X, paint)
		}
	})
}

// fill paints or erases the connected area around a point that has the point's value, such as the inside of an outline.
func (e *editor) fill(at image.Point, paint bool) {
	if !at.In(e.pixels.Rect) {
		return
	}
	value := valueOf(paint)
	old := e.pixels.GrayAt(at.X, at.Y).Y
	if old == value {
		return
	}
	e.do(func() {
		w, h := e.pixels.Rect.Dx(), e.pixels.Rect.Dy()
		todo := []image.Point{at}
		for len(todo) > 0 {
			p := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			row := e.pixels.Pix[p.Y*e.pixels.Stride:][:w]
			if row[p.X] != old {
				continue
			}
			first, last := p.X, p.X
			for first > 0 && row[first-1] == old {
				first--
			}
			for last < w-1 && row[last+1] == old {
				last++
			}
			e.span(p.Y, first, last+1, paint)
			for _, y := range [...]int{p.Y - 1, p.Y + 1} { // the runs that touch this one
				if y < 0 || y >= h {
					continue
				}
				beside, inRun := e.pixels.Pix[y*e.pixels.Stride:][:w], false
				for x := first; x <= last; x++ {
					is := beside[x] == old
					if is && !inRun {
						todo = append(todo, image.Pt(x, y))
					}
					inRun = is
				}
			}
		}
	})
}

// invert swaps kept and masked pixels.
func (e *editor) invert() {
	e.do(func() {
		for i, v := range e.pixels.Pix {
			e.pixels.Pix[i] = masked - v
		}
	})
}

// clear keeps the whole image.
func (e *editor) clear() { e.do(func() { clear(e.pixels.Pix) }) }

// replace takes over another mask of the same size: pixels of 128 and up are masked.
func (e *editor) replace(with *image.Gray) {
	e.do(func() {
		for y := range e.pixels.Rect.Dy() {
			for x := range e.pixels.Rect.Dx() {
				white := with.GrayAt(with.Rect.Min.X+x, with.Rect.Min.Y+y).Y >= 128
				e.pixels.Pix[y*e.pixels.Stride+x] = valueOf(white)
			}
		}
	})
}
