package inpaint

import (
	"image"
	"slices"
	"testing"

	"sundae/sampler"
)

// opened is a canvas over an image of 32×32 pixels in tokens of 8×8.
func opened(t *testing.T) *Canvas {
	t.Helper()
	c := New(32, 8, sampler.Any)
	c.Open("a sample", []uint16{1, 2}, image.NewRGBA(image.Rect(0, 0, 32, 32)), 2)
	work(t, c)
	return c
}

// work does what is queued.
func work(t *testing.T, c *Canvas) {
	t.Helper()
	do := c.Work()
	if do == nil {
		t.Fatal("nothing is queued")
	}
	if ok, err := c.Finish(do()); !ok || err != nil {
		t.Fatalf("the result is refused: %v", err)
	}
}

// Edits queued while others are in progress are done next, in order.
func TestEditsAreQueued(t *testing.T) {
	c := opened(t)
	c.Apply()
	first := c.Work()
	c.Invert()
	c.Undo()
	if c.Work() != nil || !c.Busy() {
		t.Fatal("two functions work on one mask")
	}
	if ok, err := c.Finish(first()); !ok || err != nil || c.Mask.Count == 0 {
		t.Fatalf("%d tokens are masked: %v", c.Mask.Count, err)
	}
	painted := c.Mask.Pixels
	work(t, c)
	if !slices.Equal(painted.Pix, c.Mask.Pixels.Pix) {
		t.Error("inverting and undoing changed the mask")
	}
	if c.Work() != nil {
		t.Error("something is left to do")
	}
}

// Another image starts with an empty mask, and results for the image before are ignored; the same image keeps its mask.
func TestOpenAgain(t *testing.T) {
	c := opened(t)
	c.Invert()
	work(t, c)
	c.Open("the same sample", []uint16{1, 2}, c.Image, 1)
	work(t, c)
	if c.Mask.Count != 16 {
		t.Errorf("%d of 16 tokens are still masked", c.Mask.Count)
	}
	c.Clear()
	late := c.Work()
	c.Open("another sample", []uint16{2, 1}, c.Image, 1)
	if ok, _ := c.Finish(late()); ok {
		t.Error("a result for another image is taken")
	}
	work(t, c)
	if c.Mask.Count != 0 {
		t.Errorf("the mask of another image starts with %d tokens", c.Mask.Count)
	}
}

// A drag of the mouse is one change; the other button does the opposite.
func TestMouse(t *testing.T) {
	c := opened(t)
	c.Radius = 1
	c.Drag(image.Pt(9, 9)) // no button is pressed
	c.Press(image.Pt(4, 4), false)
	c.Drag(image.Pt(4, 28))
	c.Release()
	work(t, c)
	if c.Mask.Count != 4 {
		t.Errorf("a stroke down the first column masks %d tokens, want 4", c.Mask.Count)
	}
	c.Press(image.Pt(4, 4), true)
	c.Release()
	work(t, c)
	if c.Mask.Pixels.GrayAt(4, 4).Y != kept || c.Mask.Pixels.GrayAt(4, 20).Y != masked {
		t.Error("the other button does not erase at the mouse alone")
	}
	c.Undo()
	c.Undo()
	work(t, c)
	if c.Mask.Count != 0 {
		t.Errorf("two changes undone leave %d tokens", c.Mask.Count)
	}
	c.Choose(Rectangle)
	c.Press(image.Pt(8, 8), false)
	c.Drag(image.Pt(23, 15))
	c.Release()
	work(t, c)
	if c.Mask.Count != 2 {
		t.Errorf("a rectangle over two tokens masks %d", c.Mask.Count)
	}
}

// The rule All leaves out tokens that are not wholly masked.
func TestRule(t *testing.T) {
	c := opened(t)
	c.Apply()
	work(t, c)
	if c.Mask.Count == 0 {
		t.Error("no token is touched")
	}
	c.ToggleRule()
	work(t, c)
	if c.Mask.Count != 0 {
		t.Errorf("%d tokens are wholly masked", c.Mask.Count)
	}
}
