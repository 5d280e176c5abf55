// Package mask is an editor for pixel masks: white is where a picture is to be
// made anew. It knows nothing of terminals; coordinates are pixels of the picture.
package mask

import (
	"bytes"
	"image"
	"math"
)

// Editor holds a mask and what was done to it. It is used by one goroutine at a time.
type Editor struct {
	pixels *image.Gray // 0 or 255
	before []uint8     // the pixels when the change under way began; nil between changes
	undo   []change
	redo   []change
}

// change is what one stroke or command did: the pixels of a rectangle, before
// and after.
type change struct {
	at       image.Rectangle
	old, new []uint8
}

// remembered is how many changes can be undone: each holds at most two bytes a pixel.
const remembered = 64

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

// Empty says that nothing is masked.
func (e *Editor) Empty() bool { return bytes.IndexByte(e.pixels.Pix, anew) < 0 }

// Begin starts a change of several parts, such as the stroke of a brush, that is
// undone as one. End ends it; what is done outside is a change each.
func (e *Editor) Begin() {
	e.End()
	e.before = bytes.Clone(e.pixels.Pix)
}

// End ends the change under way, if there is one.
func (e *Editor) End() {
	if e.before == nil {
		return
	}
	old := e.before
	e.before = nil
	at := differing(old, e.pixels)
	if at.Empty() {
		return
	}
	e.undo = append(e.undo, change{at, part(old, e.pixels.Stride, at), part(e.pixels.Pix, e.pixels.Stride, at)})
	if len(e.undo) > remembered {
		e.undo = append([]change(nil), e.undo[1:]...)
	}
	e.redo = nil
}

// do makes a change of its own, or a part of the one under way.
func (e *Editor) do(work func()) {
	if e.before != nil {
		work()
		return
	}
	e.Begin()
	work()
	e.End()
}

// Undo takes the last change back; false when there is none.
func (e *Editor) Undo() bool {
	e.End()
	return e.step(&e.undo, &e.redo, func(c change) []uint8 { return c.old })
}

// Redo does again what was undone; false when there is nothing.
func (e *Editor) Redo() bool {
	e.End()
	return e.step(&e.redo, &e.undo, func(c change) []uint8 { return c.new })
}

func (e *Editor) step(from, to *[]change, pixels func(change) []uint8) bool {
	if len(*from) == 0 {
		return false
	}
	last := len(*from) - 1
	c := (*from)[last]
	*from = (*from)[:last]
	*to = append(*to, c)
	w := c.at.Dx()
	for y := range c.at.Dy() {
		copy(e.pixels.Pix[e.pixels.PixOffset(c.at.Min.X, c.at.Min.Y+y):], pixels(c)[y*w:(y+1)*w])
	}
	return true
}

// differing is the smallest rectangle that holds every pixel that changed.
func differing(old []uint8, now *image.Gray) image.Rectangle {
	var at image.Rectangle
	w := now.Rect.Dx()
	for y := range now.Rect.Dy() {
		a, b := old[y*now.Stride:][:w], now.Pix[y*now.Stride:][:w]
		if bytes.Equal(a, b) {
			continue
		}
		first, last := 0, w-1
		for a[first] == b[first] {
			first++
		}
		for a[last] == b[last] {
			last--
		}
		at = at.Union(image.Rect(first, y, last+1, y+1))
	}
	return at
}

func part(pix []uint8, stride int, at image.Rectangle) []uint8 {
	out := make([]uint8, 0, at.Dx()*at.Dy())
	for y := at.Min.Y; y < at.Max.Y; y++ {
		out = append(out, pix[y*stride+at.Min.X:y*stride+at.Max.X]...)
	}
	return out
}

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
			for x := first; x <= last; x++ {
				row[x] = value
				for _, y := range [...]int{p.Y - 1, p.Y + 1} {
					if y >= 0 && y < h && e.pixels.Pix[y*e.pixels.Stride+x] == old {
						todo = append(todo, image.Pt(x, y))
					}
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

// Grow adds every pixel within radius of the mask.
func (e *Editor) Grow(radius int) { e.do(func() { e.reach(radius, anew) }) }

// Shrink takes every pixel out that is within radius of what is kept. What lies
// beyond the picture counts as masked, so that its edges stay.
func (e *Editor) Shrink(radius int) { e.do(func() { e.reach(radius, kept) }) }

// reach sets every pixel within radius of one that has the value. Rows are
// looked at by how far each pixel is from the value in its own row: a disc
// reaches a pixel if in some row of it the value is near enough.
func (e *Editor) reach(radius int, value uint8) {
	w, h := e.pixels.Rect.Dx(), e.pixels.Rect.Dy()
	far := int32(w + radius + 1)
	near := make([]int32, w*h) // to the value, along the row
	for y := range h {
		row, out := e.pixels.Pix[y*e.pixels.Stride:][:w], near[y*w:][:w]
		d := far
		for x := range w {
			if d = min(d+1, far); row[x] == value {
				d = 0
			}
			out[x] = d
		}
		d = far
		for x := w - 1; x >= 0; x-- {
			if d = min(d+1, far); row[x] == value {
				d = 0
			}
			out[x] = min(out[x], d)
		}
	}
	for y := range h {
		row := e.pixels.Pix[y*e.pixels.Stride:][:w]
		for dy := max(-radius, -y); dy <= min(radius, h-1-y); dy++ {
			half := int32(halfWidth(radius, dy))
			for x, d := range near[(y+dy)*w:][:w] {
				if d <= half {
					row[x] = value
				}
			}
		}
	}
}
