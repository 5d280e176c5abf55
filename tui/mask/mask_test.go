package mask

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"sundae/sampler"
)

func white(e *Editor) int { return bytes.Count(e.pixels.Pix, []byte{anew}) }

// Whatever was done, undoing all of it leaves the empty mask, and redoing it
// leaves what there was.
func TestUndoIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	point := func() image.Point { return image.Pt(rng.IntN(80)-8, rng.IntN(80)-8) }
	for range 20 {
		e := New(64)
		for range 30 {
			paint := rng.IntN(3) > 0
			switch rng.IntN(8) {
			case 0:
				e.Stroke(point(), point(), rng.IntN(9), paint)
			case 1:
				e.Rectangle(image.Rectangle{point(), point()}, paint)
			case 2:
				e.Fill(point(), paint)
			case 3:
				e.Invert()
			case 4:
				e.Grow(rng.IntN(5))
			case 5:
				e.Shrink(rng.IntN(5))
			case 6:
				e.Begin()
				e.Stroke(point(), point(), 3, paint)
				e.Stroke(point(), point(), 2, !paint)
				e.End()
			case 7:
				if e.Undo() && rng.IntN(2) == 0 {
					e.Redo()
				}
			}
		}
		made := e.Pixels()
		undone := 0
		for e.Undo() {
			undone++
		}
		if !e.Empty() {
			t.Fatalf("%d pixels are left after all is undone", white(e))
		}
		for range undone {
			if !e.Redo() {
				t.Fatal("fewer changes redone than undone")
			}
		}
		if !bytes.Equal(made.Pix, e.pixels.Pix) {
			t.Fatal("redoing everything gives another mask")
		}
	}
}

func TestStrokeIsOneChange(t *testing.T) {
	e := New(32)
	e.Begin()
	e.Stroke(image.Pt(5, 5), image.Pt(20, 5), 2, true)
	e.Stroke(image.Pt(20, 5), image.Pt(20, 20), 2, true)
	e.End()
	if !e.Undo() || !e.Empty() || e.Undo() {
		t.Error("two segments of a stroke are undone one by one")
	}
	e.Stroke(image.Pt(16, 16), image.Pt(16, 16), 3, true)
	if e.Redo() {
		t.Error("what was undone came back after something new")
	}
	if got := white(e); got != 29 { // the lattice points of a disc of radius 3
		t.Errorf("a dab of radius 3 has %d pixels, want 29", got)
	}
}

// A line of dabs leaves no gaps, however far the mouse jumped.
func TestStrokeHasNoGaps(t *testing.T) {
	e := New(100)
	e.Stroke(image.Pt(2, 10), image.Pt(97, 60), 1, true)
	for x := 2; x <= 97; x++ {
		column := 0
		for y := range 100 {
			column += int(e.pixels.GrayAt(x, y).Y) / anew
		}
		if column == 0 {
			t.Fatalf("no pixel in column %d", x)
		}
	}
}

func TestFillStaysInside(t *testing.T) {
	e := New(40)
	e.Rectangle(image.Rect(5, 5, 25, 25), true)
	e.Rectangle(image.Rect(8, 8, 22, 22), false)
	e.Fill(image.Pt(10, 10), true)
	if got := white(e); got != 400 {
		t.Errorf("the filled frame has %d pixels, want 400", got)
	}
	e.Fill(image.Pt(-3, 4), true)
	e.Fill(image.Pt(0, 0), true)
	if got := white(e); got != 1600 {
		t.Errorf("the filled surroundings make %d pixels, want all 1600", got)
	}
}

// Grown and shrunk by as much, a rectangle is what it was; and one pixel grows
// to a disc.
func TestGrowAndShrink(t *testing.T) {
	for radius := range 9 {
		e := New(64)
		e.Rectangle(image.Rect(20, 24, 40, 33), true)
		before := e.Pixels()
		e.Grow(radius)
		e.Shrink(radius)
		if !bytes.Equal(before.Pix, e.pixels.Pix) {
			t.Errorf("radius %d: %d pixels became %d", radius, 20*9, white(e))
		}
		dot, dab := New(64), New(64)
		dot.Rectangle(image.Rect(30, 30, 31, 31), true)
		dot.Grow(radius)
		dab.Stroke(image.Pt(30, 30), image.Pt(30, 30), radius, true)
		if !bytes.Equal(dot.pixels.Pix, dab.pixels.Pix) {
			t.Errorf("a dot grown by %d is no disc", radius)
		}
	}
	e := New(16)
	e.Rectangle(image.Rect(0, 0, 16, 16), true)
	e.Shrink(3)
	if white(e) != 256 {
		t.Error("a full mask shrinks from the picture's edge")
	}
}

// Growing is by the distance of pixels, whatever the mask and its size.
func TestGrowIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, side := range []int{1, 33, 64, 130} {
		for _, radius := range []int{0, 1, 4, 40, 90} {
			e := New(side)
			dots := make([]image.Point, 4)
			for i := range dots {
				dots[i] = image.Pt(rng.IntN(side), rng.IntN(side))
				e.Rectangle(image.Rectangle{dots[i], dots[i].Add(image.Pt(1, 1))}, true)
			}
			e.Grow(radius)
			for y := range side {
				for x := range side {
					near := false
					for _, dot := range dots {
						off := dot.Sub(image.Pt(x, y))
						near = near || off.X*off.X+off.Y*off.Y <= radius*radius
					}
					if near != (e.pixels.GrayAt(x, y).Y == anew) {
						t.Fatalf("side %d, radius %d: wrong at %d, %d", side, radius, x, y)
					}
				}
			}
		}
	}
}

// However much is done, what can be undone is bounded; and a change of any length
// is remembered whole.
func TestHistoryIsBounded(t *testing.T) {
	e := New(512)
	for range mostChanges + 20 {
		e.Invert()
	}
	undone := 0
	for e.Undo() {
		undone++
	}
	if undone != mostChanges || !e.Empty() {
		t.Errorf("%d changes undone, want %d and an empty mask", undone, mostChanges)
	}
	rng := rand.New(rand.NewPCG(9, 10))
	noise := image.NewGray(e.pixels.Rect)
	for range 40 {
		for i := range noise.Pix {
			noise.Pix[i] = uint8(rng.IntN(256))
		}
		e.Replace(noise)
	}
	runs := 0
	for _, c := range e.undo {
		runs += len(c.runs)
	}
	if runs > mostRuns || len(e.undo) < 10 {
		t.Errorf("%d runs are remembered in %d changes, want at most %d", runs, len(e.undo), mostRuns)
	}
}

func TestOverlay(t *testing.T) {
	e := New(32)
	e.Rectangle(image.Rect(9, 9, 15, 15), true)
	tokens, err := e.Tokens(8, sampler.Any)
	if err != nil {
		t.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range picture.Pix {
		picture.Pix[i] = 100
	}
	tint := color.RGBA{200, 0, 50, 255}
	out := Overlay(picture, e.Pixels(), tokens, tint)
	for at, want := range map[image.Point]color.RGBA{
		{12, 12}: {150, 50, 75, 100}, {8, 12}: tint, {15, 8}: tint, {20, 20}: {100, 100, 100, 100},
	} {
		if got := out.RGBAAt(at.X, at.Y); got != want {
			t.Errorf("at %v %v, want %v", at, got, want)
		}
	}
	if picture.Pix[0] != 100 || picture.RGBAAt(12, 12).R != 100 {
		t.Error("the picture itself was painted on")
	}
}

func BenchmarkOverlay(b *testing.B) {
	e := New(1024)
	e.Stroke(image.Pt(100, 200), image.Pt(900, 700), 80, true)
	pixels := e.Pixels()
	tokens, err := e.Tokens(32, sampler.Any)
	if err != nil {
		b.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, 1024, 1024))
	for b.Loop() {
		Overlay(picture, pixels, tokens, color.RGBA{255, 0, 0, 255})
	}
}

func BenchmarkGrow(b *testing.B) {
	e := New(1024)
	e.Stroke(image.Pt(100, 200), image.Pt(900, 700), 80, true)
	for b.Loop() {
		e.Grow(8)
		e.Undo()
	}
}
