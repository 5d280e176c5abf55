package inpaint

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"sundae/sampler"
)

func white(e *editor) int { return bytes.Count(e.pixels.Pix, []byte{masked}) }

// Undoing everything leaves the empty mask, and redoing it the mask as it was.
func TestUndoIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	point := func() image.Point { return image.Pt(rng.IntN(80)-8, rng.IntN(80)-8) }
	for range 20 {
		e := newEditor(64)
		for range 30 {
			paint := rng.IntN(3) > 0
			switch rng.IntN(8) {
			case 0:
				e.stroke(point(), point(), rng.IntN(9), paint)
			case 1:
				e.rectangle(image.Rectangle{point(), point()}, paint)
			case 2:
				e.fill(point(), paint)
			case 3:
				e.invert()
			case 4:
				e.grow(rng.IntN(5))
			case 5:
				e.shrink(rng.IntN(5))
			case 6:
				e.begin()
				e.stroke(point(), point(), 3, paint)
				e.stroke(point(), point(), 2, !paint)
				e.end()
			case 7:
				if e.undo() && rng.IntN(2) == 0 {
					e.redo()
				}
			}
		}
		made := e.copy()
		undone := 0
		for e.undo() {
			undone++
		}
		if white(e) > 0 {
			t.Fatalf("%d pixels are left after everything is undone", white(e))
		}
		for range undone {
			if !e.redo() {
				t.Fatal("fewer changes redone than undone")
			}
		}
		if !bytes.Equal(made.Pix, e.pixels.Pix) {
			t.Fatal("redoing everything gives another mask")
		}
	}
}

func TestStrokeIsOneChange(t *testing.T) {
	e := newEditor(32)
	e.begin()
	e.stroke(image.Pt(5, 5), image.Pt(20, 5), 2, true)
	e.stroke(image.Pt(20, 5), image.Pt(20, 20), 2, true)
	e.end()
	if !e.undo() || white(e) > 0 || e.undo() {
		t.Error("two segments of a stroke are undone separately")
	}
	e.stroke(image.Pt(16, 16), image.Pt(16, 16), 3, true)
	if e.redo() {
		t.Error("what was undone came back after something new")
	}
	if got := white(e); got != 29 { // the lattice points of a disc of radius 3
		t.Errorf("a stroke of radius 3 has %d pixels, want 29", got)
	}
}

// A stroke has no gaps, however far the mouse jumped.
func TestStrokeHasNoGaps(t *testing.T) {
	e := newEditor(100)
	e.stroke(image.Pt(2, 10), image.Pt(97, 60), 1, true)
	for x := 2; x <= 97; x++ {
		column := 0
		for y := range 100 {
			column += int(e.pixels.GrayAt(x, y).Y) / masked
		}
		if column == 0 {
			t.Fatalf("no pixel in column %d", x)
		}
	}
}

func TestFillStaysInside(t *testing.T) {
	e := newEditor(40)
	e.rectangle(image.Rect(5, 5, 25, 25), true)
	e.rectangle(image.Rect(8, 8, 22, 22), false)
	e.fill(image.Pt(10, 10), true)
	if got := white(e); got != 400 {
		t.Errorf("the filled frame has %d pixels, want 400", got)
	}
	e.fill(image.Pt(-3, 4), true)
	e.fill(image.Pt(0, 0), true)
	if got := white(e); got != 1600 {
		t.Errorf("the filled surroundings make %d pixels, want all 1600", got)
	}
}

// Growing and shrinking a rectangle by the same radius restores it, and one pixel grows to a disc.
func TestGrowAndShrink(t *testing.T) {
	for radius := range 9 {
		e := newEditor(64)
		e.rectangle(image.Rect(20, 24, 40, 33), true)
		before := e.copy()
		e.grow(radius)
		e.shrink(radius)
		if !bytes.Equal(before.Pix, e.pixels.Pix) {
			t.Errorf("radius %d: %d pixels became %d", radius, 20*9, white(e))
		}
		dot, dab := newEditor(64), newEditor(64)
		dot.rectangle(image.Rect(30, 30, 31, 31), true)
		dot.grow(radius)
		dab.stroke(image.Pt(30, 30), image.Pt(30, 30), radius, true)
		if !bytes.Equal(dot.pixels.Pix, dab.pixels.Pix) {
			t.Errorf("a dot grown by %d is not a disc", radius)
		}
	}
	e := newEditor(16)
	e.rectangle(image.Rect(0, 0, 16, 16), true)
	e.shrink(3)
	if white(e) != 256 {
		t.Error("a full mask shrinks from the border of the image")
	}
}

// Growing is exact for any mask and size.
func TestGrowIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, side := range []int{1, 33, 64, 130} {
		for _, radius := range []int{0, 1, 4, 40, 90} {
			e := newEditor(side)
			dots := make([]image.Point, 4)
			for i := range dots {
				dots[i] = image.Pt(rng.IntN(side), rng.IntN(side))
				e.rectangle(image.Rectangle{dots[i], dots[i].Add(image.Pt(1, 1))}, true)
			}
			e.grow(radius)
			for y := range side {
				for x := range side {
					near := false
					for _, dot := range dots {
						off := dot.Sub(image.Pt(x, y))
						near = near || off.X*off.X+off.Y*off.Y <= radius*radius
					}
					if near != (e.pixels.GrayAt(x, y).Y == masked) {
						t.Fatalf("side %d, radius %d: wrong at %d, %d", side, radius, x, y)
					}
				}
			}
		}
	}
}

// The history is bounded, and a change of any size is kept whole.
func TestHistoryIsBounded(t *testing.T) {
	e := newEditor(512)
	for range mostChanges + 20 {
		e.invert()
	}
	undone := 0
	for e.undo() {
		undone++
	}
	if undone != mostChanges || white(e) > 0 {
		t.Errorf("%d changes undone, want %d and an empty mask", undone, mostChanges)
	}
	rng := rand.New(rand.NewPCG(9, 10))
	noise := image.NewGray(e.pixels.Rect)
	for range 40 {
		for i := range noise.Pix {
			noise.Pix[i] = uint8(rng.IntN(256))
		}
		e.replace(noise)
	}
	runs := 0
	for _, c := range e.done {
		runs += len(c.runs)
	}
	if runs > mostRuns || len(e.done) < 10 {
		t.Errorf("the history holds %d runs in %d changes, want at most %d", runs, len(e.done), mostRuns)
	}
}

func TestOverlay(t *testing.T) {
	e := newEditor(32)
	e.rectangle(image.Rect(9, 9, 15, 15), true)
	tokens, err := sampler.FromPixels(e.pixels, 8, sampler.Any)
	if err != nil {
		t.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range picture.Pix {
		picture.Pix[i] = 100
	}
	out := overlay(picture, e.copy(), tokens)
	for at, want := range map[image.Point]color.RGBA{
		{12, 12}: {177, 85, 125, 100}, {8, 12}: tint, {15, 8}: tint, {20, 20}: {100, 100, 100, 100},
	} {
		if got := out.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("at %v %v, want %v", at, got, want)
		}
	}
	if picture.Pix[0] != 100 || picture.RGBAAt(12, 12).R != 100 {
		t.Error("the image itself was painted on")
	}
}

func BenchmarkOverlay(b *testing.B) {
	e := newEditor(1024)
	e.stroke(image.Pt(100, 200), image.Pt(900, 700), 80, true)
	pixels := e.copy()
	tokens, err := sampler.FromPixels(e.pixels, 32, sampler.Any)
	if err != nil {
		b.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	for b.Loop() {
		overlay(picture, pixels, tokens)
	}
}

func BenchmarkGrow(b *testing.B) {
	e := newEditor(1024)
	e.stroke(image.Pt(100, 200), image.Pt(900, 700), 80, true)
	for b.Loop() {
		e.grow(8)
		e.undo()
	}
}
