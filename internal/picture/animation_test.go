package picture

import (
	"image"
	"slices"
	"testing"
)

func TestEvenly(t *testing.T) {
	for _, c := range []struct {
		last, n int
		want    []int
	}{{4, 5, []int{0, 1, 2, 3, 4}}, {4, 100, []int{0, 1, 2, 3, 4}}, {1, 100, []int{0, 1}}, {100, 3, []int{0, 50, 100}}} {
		if got := evenly(c.last, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d of 0 to %d: %v", c.n, c.last, got)
		}
	}
	if got := evenly(10000, maxFrames); len(got) != maxFrames || got[0] != 0 || got[maxFrames-1] != 10000 || !slices.IsSorted(got) {
		t.Errorf("of a long run: %v", got)
	}
}

// Every frame has a cell for each sample, also for samples that ended early, and is
// no wider than the limit.
func TestRunAnimation(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		r := NewRunAnimation(6, n)
		for sample := range n {
			last := 6 - sample%3
			for step := range last + 1 {
				r.Add(image.NewRGBA(image.Rect(0, 0, 1024, 1024)), step, step == last)
			}
		}
		a := r.Animation()
		if len(a.Frames) != 7 {
			t.Errorf("%d frames", len(a.Frames))
		}
		for i, frame := range a.Frames {
			if len(r.cells[i]) != n || frame.Rect.Dx() > animationWidth || frame.Rect.Dx() < animationWidth/2 {
				t.Errorf("frame %d of %d samples: %d cells, %v pixels", i, n, len(r.cells[i]), frame.Rect.Size())
			}
		}
	}
}
