// Package inpaint is the state of painting a mask over an image: what is masked is sampled again, everything else stays
// (section 3.5 of the paper).
//
// A [Canvas] holds the image, the tool and the cursor. Growing, filling or reducing a mask of a megapixel to tokens takes
// milliseconds, too long for an event loop. So the methods that change the mask only queue an edit; [Canvas.Work] returns
// a function that does all of them, for another goroutine, and [Canvas.Finish] takes its result. Everything else returns
// at once. Coordinates are pixels of the image. The package knows nothing of terminals.
package inpaint

import (
	"image"
	"slices"

	"sundae/sampler"
)

// Tool is what a press of the mouse button or the space bar does.
type Tool int

// The tools.
const (
	Brush Tool = iota
	Rectangle
	Fill
)

// String is the tool's name on screen.
func (t Tool) String() string { return [...]string{"brush", "rectangle", "fill"}[t] }

// Canvas is an image with a mask over it. It is used by one goroutine at a time, except for the functions that Work and
// Painter return.
type Canvas struct {
	Name   string      // of the image
	Tokens []uint16    // of the image
	Image  *image.RGBA // has the model's size; nil before the first Open
	Mask   Mask        // the newest result of Work

	Tool     Tool
	Erase    bool
	Radius   int // of the brush
	Cursor   image.Point
	Rule     sampler.Rule // which tokens a mask of pixels covers
	Variants int          // how many samples to make

	side, patch int          // of the image and of a token's patch
	corner      *image.Point // the first corner of a rectangle in progress
	pressed     bool         // the mouse button is down
	painting    bool         // and paints rather than erases

	editor  *editor // belongs to the function that Work returned while busy
	pending []func(*editor)
	busy    bool
}

// Mask is a mask as it was at one moment. Nobody changes it any more.
type Mask struct {
	Pixels *image.Gray   // 255 is masked, 0 is kept; nil before the first result
	Tokens *sampler.Mask // the tokens to sample
	Count  int           // how many they are
}

// Result is the outcome of Work.
type Result struct {
	editor *editor
	mask   Mask
	err    error
}

// New returns a canvas for images of side×side pixels, in tokens of patch×patch pixels. It is used after Open.
func New(side, patch int, rule sampler.Rule) *Canvas {
	return &Canvas{side: side, patch: patch, Rule: rule, Radius: max(1, side/16), Cursor: image.Pt(side/2, side/2)}
}

// Open starts painting over an image, for a number of variants. The mask painted over the same tokens before is kept.
func (c *Canvas) Open(name string, tokens []uint16, img *image.RGBA, variants int) {
	if c.editor == nil || !slices.Equal(c.Tokens, tokens) {
		c.editor, c.pending, c.busy, c.Mask = newEditor(c.side), nil, false, Mask{}
	}
	c.Name, c.Tokens, c.Image, c.Variants = name, tokens, img, variants
	c.corner, c.pressed = nil, false
	c.recount()
}

// Close ends the change in progress.
func (c *Canvas) Close() { c.do((*editor).end) }

// do queues an edit.
func (c *Canvas) do(edit func(*editor)) { c.pending = append(c.pending, edit) }

// Busy reports whether a function that Work returned has not been finished.
func (c *Canvas) Busy() bool { return c.busy }

// Work returns a function that does what is queued. It returns nil if there is nothing to do, or if the function before
// has not been finished: Finish is then followed by another Work.
func (c *Canvas) Work() func() Result {
	if c.busy || len(c.pending) == 0 {
		return nil
	}
	e, pending, patch, rule := c.editor, c.pending, c.patch, c.Rule
	c.busy, c.pending = true, nil
	return func() Result {
		for _, edit := range pending {
			edit(e)
		}
		r := Result{editor: e, mask: Mask{Pixels: e.copy()}}
		if r.mask.Tokens, r.err = sampler.FromPixels(e.pixels, patch, rule); r.err == nil {
			r.mask.Count = r.mask.Tokens.Count()
		}
		return r
	}
}

// Finish takes the result of Work. It returns false if the result belongs to another image than the one that is open.
func (c *Canvas) Finish(r Result) (bool, error) {
	if r.editor != c.editor {
		return false, nil
	}
	c.busy = false
	if r.err == nil {
		c.Mask = r.mask
	}
	return true, r.err
}

// Move moves the cursor by half a brush.
func (c *Canvas) Move(dx, dy int) {
	by := max(c.side/64, c.Radius/2, 1)
	c.Cursor = image.Pt(max(0, min(c.side-1, c.Cursor.X+dx*by)), max(0, min(c.side-1, c.Cursor.Y+dy*by)))
}

// MovePainting moves the cursor and paints, or erases, on its way.
func (c *Canvas) MovePainting(dx, dy int) {
	from := c.Cursor
	c.Move(dx, dy)
	c.stroke(from, c.Cursor, !c.Erase)
}

// Choose takes another tool.
func (c *Canvas) Choose(t Tool) { c.Tool, c.corner = t, nil }

// Resize makes the brush a quarter larger (1) or smaller (-1).
func (c *Canvas) Resize(by int) {
	c.Radius = max(1, min(c.side/2, c.Radius+by*max(1, c.Radius/4)))
}

// Apply uses the tool at the cursor.
func (c *Canvas) Apply() { c.apply(!c.Erase) }

func (c *Canvas) apply(paint bool) {
	switch c.Tool {
	case Brush:
		c.stroke(c.Cursor, c.Cursor, paint)
	case Fill:
		at := c.Cursor
		c.do(func(e *editor) { e.fill(at, paint) })
	case Rectangle:
		if c.corner == nil {
			corner := c.Cursor
			c.corner = &corner
			return
		}
		r := c.preview()
		c.do(func(e *editor) { e.rectangle(r, paint) })
		c.corner = nil
	}
}

func (c *Canvas) stroke(from, to image.Point, paint bool) {
	radius := c.Radius
	c.do(func(e *editor) { e.stroke(from, to, radius, paint) })
}

// preview is the rectangle in progress; it includes the corner and the cursor. It is empty if there is none.
func (c *Canvas) preview() image.Rectangle {
	if c.corner == nil {
		return image.Rectangle{}
	}
	r := image.Rectangle{*c.corner, c.Cursor}.Canon()
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}

// Press starts using the tool with the mouse. The other button does the opposite of painting or erasing.
func (c *Canvas) Press(at image.Point, otherButton bool) {
	c.Cursor, c.pressed, c.painting = at, true, c.Erase == otherButton
	c.do((*editor).begin)
	c.apply(c.painting)
}

// Drag follows the mouse; it does nothing unless a button is pressed.
func (c *Canvas) Drag(to image.Point) {
	if !c.pressed {
		return
	}
	if c.Tool == Brush {
		c.stroke(c.Cursor, to, c.painting)
	}
	c.Cursor = to
}

// Release ends the use of the mouse; it does nothing unless a button is pressed.
func (c *Canvas) Release() {
	if !c.pressed {
		return
	}
	if c.Tool == Rectangle && c.corner != nil && *c.corner != c.Cursor {
		c.apply(c.painting)
	}
	c.do((*editor).end)
	c.pressed = false
}

// Grow adds the surroundings of the masked area to the mask.
func (c *Canvas) Grow() {
	by := c.margin()
	c.do(func(e *editor) { e.grow(by) })
}

// Shrink takes the margin of the masked area out of the mask.
func (c *Canvas) Shrink() {
	by := c.margin()
	c.do(func(e *editor) { e.shrink(by) })
}

// margin is how far the mask grows or shrinks at a time.
func (c *Canvas) margin() int { return max(1, c.side/128) }

// Invert swaps masked and kept pixels.
func (c *Canvas) Invert() { c.do((*editor).invert) }

// Clear empties the mask.
func (c *Canvas) Clear() { c.do((*editor).clear) }

// Replace takes over a mask of the image's size: pixels of 128 and up are masked. If it is the mask that was painted
// already, nothing changes.
func (c *Canvas) Replace(pixels *image.Gray) { c.do(func(e *editor) { e.replace(pixels) }) }

// Undo takes the last change back.
func (c *Canvas) Undo() { c.do(func(e *editor) { e.undo() }) }

// Redo repeats the change that was undone last.
func (c *Canvas) Redo() { c.do(func(e *editor) { e.redo() }) }

// ToggleRule changes which tokens a mask of pixels covers.
func (c *Canvas) ToggleRule() {
	if c.Rule == sampler.Any {
		c.Rule = sampler.All
	} else {
		c.Rule = sampler.Any
	}
	c.recount()
}

// recount queues nothing but the reduction of the mask to tokens.
func (c *Canvas) recount() { c.do(func(*editor) {}) }

// Painter returns a function that draws the image with the mask and the cursor over it, for another goroutine. It returns
// nil before the first result of Work.
func (c *Canvas) Painter() func() image.Image {
	if c.Mask.Pixels == nil {
		return nil
	}
	img, mask, preview, at, radius := c.Image, c.Mask, c.preview(), c.Cursor, c.Radius
	if c.Tool != Brush {
		radius = max(2, c.side/128)
	}
	return func() image.Image {
		out := overlay(img, mask.Pixels, mask.Tokens)
		if !preview.Empty() {
			drawRectangle(out, preview)
		}
		drawBrush(out, at, radius)
		return out
	}
}
