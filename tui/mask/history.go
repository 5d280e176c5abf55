package mask

import (
	"bytes"
	"image"
	"math"
)

// change is what one stroke or command did: the pixels of a rectangle that it
// swapped. Pixels have two values only, so that one list takes a change back
// and does it again.
type change struct {
	at   image.Rectangle
	runs []uint16 // pixels alike, then swapped, then alike, ..., row by row in at
}

// What can be undone: so many changes, and so many runs of pixels in all of
// them. A stroke has one or two runs a row, a mask full of noise a million.
const (
	mostChanges = 256
	mostRuns    = 4 << 20
)

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
	e.undo = append(e.undo, change{at, swapped(old, e.pixels, at)})
	e.redo = nil
	first, runs := len(e.undo)-1, len(e.undo[len(e.undo)-1].runs)
	for first > 0 && len(e.undo)-first < mostChanges && runs+len(e.undo[first-1].runs) <= mostRuns {
		first--
		runs += len(e.undo[first].runs)
	}
	if first > 0 {
		e.undo = append([]change(nil), e.undo[first:]...)
	}
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
	return e.step(&e.undo, &e.redo)
}

// Redo does again what was undone; false when there is nothing.
func (e *Editor) Redo() bool {
	e.End()
	return e.step(&e.redo, &e.undo)
}

func (e *Editor) step(from, to *[]change) bool {
	if len(*from) == 0 {
		return false
	}
	last := len(*from) - 1
	c := (*from)[last]
	*from = (*from)[:last]
	*to = append(*to, c)
	w, at := c.at.Dx(), 0 // at counts the rectangle's pixels, row by row
	for i, n := range c.runs {
		for end := at + int(n); at < end; {
			x := at % w
			part := min(end-at, w-x)
			if i%2 == 1 {
				row := e.pixels.Pix[e.pixels.PixOffset(c.at.Min.X+x, c.at.Min.Y+at/w):][:part]
				for k := range row {
					row[k] = anew - row[k]
				}
			}
			at += part
		}
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

// swapped lists the runs of pixels that are alike and that differ, in turns.
func swapped(old []uint8, now *image.Gray, at image.Rectangle) []uint16 {
	var runs []uint16
	differs, n := false, 0
	for y := at.Min.Y; y < at.Max.Y; y++ {
		from := y*now.Stride + at.Min.X
		a, b := old[from:][:at.Dx()], now.Pix[from:][:at.Dx()]
		for x := range a {
			if (a[x] != b[x]) != differs {
				runs = append(runs, uint16(n))
				differs, n = !differs, 0
			}
			if n++; n == math.MaxUint16 {
				runs = append(runs, uint16(n), 0) // goes on after nothing of the other kind
				n = 0
			}
		}
	}
	return append(runs, uint16(n))
}
