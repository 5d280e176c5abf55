// Package mask is an editor for pixel masks: white is where a picture is to be
// made anew. It knows nothing of terminals; coordinates are pixels of the picture.
package mask

import (
	"bytes"
	"image"
	"math"

	"sundae/sampler"
)

// Editor holds a mask and what was done to it. It is used by one goroutine at a time.
type Editor struct {
	pixels *image.Gray // 0 or 255
	before []uint8     // the pixels when the change under way began; nil between changes
	undo   []change
	redo   []change
}

const (
	kept = 0
	anew = 255
)

// New returns the editor of an empty mask, side×side pixels.
func New(side int) *Editor { return &Editor{pixels: image.NewGray(image.Rect(0, 0, side, side))} }

// Pixels is a copy of the mask, 255 where the picture is to be made anew and 0 elsewhere.
func (e *Editor) Pixels() *image.Gray {
	out := image.NewGray(e.pixels.Rect)
	copy(out.Pix, e.pixels.Pix)
	return out
}

// Tokens is the mask by tokens of f×f pixels, as the rule has it: what will
// really be made anew.
func (e *Editor) Tokens(f int, rule sampler.Rule) (*sampler.Mask, error) {
	return sampler.FromPixels(e.pixels, f, rule)
}

// Empty says that nothing is masked.
func (e *Editor) Empty() bool { return bytes.IndexByte(e.pixels.Pix, anew) < 0 }

// Stroke paints, or erases, with a round brush of radius pixels from one point
// to another.
func (e *Editor) Stroke(from, to image.Point, radius int, paint bool) {
	e.do(func() {
		steps := max(1, int(math.Hypot(float64(to.X-from.X), float64(to.Y-from.Y))/max(1, float64(radius)/4)))
		for i := range steps + 1 {
			at := from.Add(to.Sub(from).Mul(i).Div(steps))
			e.disc(at, radius, paint)
		}
	})
}

func (e *Editor) disc(at image.Point, radius int, paint bool) {
	for dy := -radius; dy <= radius; dy++ {
		half := halfWidth(radius, dy)
		e.span(at.Y+dy, at.X-half, at.X+half+1, paint)
	}
}

// halfWidth is how far a disc reaches to the sides, dy rows from its middle.
func halfWidth(radius, dy int) int { return int(math.Sqrt(float64(radius*radius - dy*dy))) }

// span sets the pixels [from, to) of a row; what lies outside the mask is left out.
func (e *Editor) span(y, from, to int, paint bool) {
	w := e.pixels.Rect.Dx()
	from, to = max(0, from), min(w, to)
	if y < 0 || y >= e.pixels.Rect.Dy() || from >= to {
		return
	}
	value := uint8(kept)
	if paint {
		value = anew
	}
	row := e.pixels.Pix[y*e.pixels.Stride:][from:to]
	for x := range row {
		row[x] = value
	}
}

// Rectangle paints or erases all of r.
func (e *Editor) Rectangle(r image.Rectangle, paint bool) {
	e.do(func() {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			e.span(y, r.Min.X, r.Max.X, paint)
		}
	})
}

// Fill paints or erases the area around a point, up to where the mask is
// something else: inside an outline, that is the inside.
func (e *Editor) Fill(at image.Point, paint bool) {
	if !at.In(e.pixels.Rect) {
		return
	}
	value := uint8(kept)
	if paint {
		value = anew
	}
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
			for _, y := range [...]int{p.Y - 1, p.Y + 1} { // on from each run that touches this one
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

// Invert swaps what is kept and what is made anew.
func (e *Editor) Invert() {
	e.do(func() {
		for i, v := range e.pixels.Pix {
			e.pixels.Pix[i] = anew - v
		}
	})
}

// Clear keeps the whole picture.
func (e *Editor) Clear() { e.do(func() { clear(e.pixels.Pix) }) }

// Replace puts another mask of the same size in the place of this one: pixels
// of 128 and up are white.
func (e *Editor) Replace(with *image.Gray) {
	e.do(func() {
		for y := range e.pixels.Rect.Dy() {
			for x := range e.pixels.Rect.Dx() {
				value := uint8(kept)
				if with.GrayAt(with.Rect.Min.X+x, with.Rect.Min.Y+y).Y >= 128 {
					value = anew
				}
				e.pixels.Pix[y*e.pixels.Stride+x] = value
			}
		}
	})
}
