package inpaint

import (
	"bytes"
	"image"
	"math"
)

// change is what one stroke or command did: the pixels of a rectangle that it flipped. Pixels have only two values, so the
// same list undoes and redoes a change.
type change struct {
	at   image.Rectangle
	runs []uint16 // lengths: unchanged pixels, flipped, unchanged, ..., row by row in at
}

// Limits of what can be undone: changes, and runs of pixels in all of them together. A stroke has one or two runs per row,
// a noisy mask has a million.
const (
	mostChanges = 256
	mostRuns    = 4 << 20
)

// begin starts a change of several parts, such as a stroke of the mouse, that is undone as one. end ends it.
func (e *editor) begin() {
	e.end()
	e.before = bytes.Clone(e.pixels.Pix)
}

// end ends the change in progress, if any.
func (e *editor) end() {
	if e.before == nil {
		return
	}
	old := e.before
	e.before = nil
	at := differing(old, e.pixels)
	if at.Empty() {
		return
	}
	e.done = append(e.done, change{at, runsOf(old, e.pixels, at)})
	e.undone = nil
	first, runs := len(e.done)-1, len(e.done[len(e.done)-1].runs)
	for first > 0 && len(e.done)-first < mostChanges && runs+len(e.done[first-1].runs) <= mostRuns {
		first--
		runs += len(e.done[first].runs)
	}
	if first > 0 {
		e.done = append([]change(nil), e.done[first:]...)
	}
}

// do runs work as a change of its own, or as a part of the one in progress.
func (e *editor) do(work func()) {
	if e.before != nil {
		work()
		return
	}
	e.begin()
	work()
	e.end()
}

// undo takes the last change back; it returns false if there is none.
func (e *editor) undo() bool {
	e.end()
	return e.step(&e.done, &e.undone)
}

// redo repeats what was undone; it returns false if there is nothing.
func (e *editor) redo() bool {
	e.end()
	return e.step(&e.undone, &e.done)
}

func (e *editor) step(from, to *[]change) bool {
	if len(*from) == 0 {
		return false
	}
	last := len(*from) - 1
	c := (*from)[last]
	*from = (*from)[:last]
	*to = append(*to, c)
	w, at := c.at.Dx(), 0 // at counts the pixels of the rectangle, row by row
	for i, n := range c.runs {
		for end := at + int(n); at < end; {
			x := at % w
			part := min(end-at, w-x)
			if i%2 == 1 {
				row := e.pixels.Pix[e.pixels.PixOffset(c.at.Min.X+x, c.at.Min.Y+at/w):][:part]
				for k := range row {
					row[k] = masked - row[k]
				}
			}
			at += part
		}
	}
	return true
}

// differing returns the smallest rectangle that holds every changed pixel.
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

// runsOf lists the lengths of the runs of unchanged and flipped pixels, in turn.
func runsOf(old []uint8, now *image.Gray, at image.Rectangle) []uint16 {
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
				runs = append(runs, uint16(n), 0) // the run continues after an empty one of the other kind
				n = 0
			}
		}
	}
	return append(runs, uint16(n))
}
