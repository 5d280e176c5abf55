package picture

import (
	"errors"
	"fmt"
	"image"
	"time"
)

// Animation is a sequence of frames of one size, opaque and with their corner at
// (0, 0). It repeats for ever. The last frame is shown for longer than the others.
type Animation struct {
	Frames     []*image.RGBA
	Each, Last time.Duration
}

func (a Animation) check() error {
	if len(a.Frames) == 0 {
		return errors.New("write animation: there are no frames")
	}
	for _, f := range a.Frames {
		if f.Rect != a.Frames[0].Rect || f.Rect.Empty() || f.Rect.Min != (image.Point{}) {
			return fmt.Errorf("write animation: frames of %v and %v pixels", a.Frames[0].Rect, f.Rect)
		}
	}
	return nil
}

func (a Animation) delay(frame int) time.Duration {
	if frame == len(a.Frames)-1 {
		return a.Last
	}
	return a.Each
}

// The size of a run's animation, and how long its frames are shown.
const (
	animationWidth = 768 // pixels, at most
	maxFrames      = 100
	stepDuration   = 200 * time.Millisecond
	lastDuration   = 2 * time.Second
)

// RunAnimation collects the images of a sampling run of n samples and animates them.
// Every frame is a sheet of all samples after one step.
type RunAnimation struct {
	n     int
	steps []int           // by frame
	cells [][]image.Image // by frame and sample
}

// NewRunAnimation prepares the animation of a run of n samples over the steps 0 to
// last.
func NewRunAnimation(last, n int) *RunAnimation {
	steps := evenly(last, maxFrames)
	return &RunAnimation{n, steps, make([][]image.Image, len(steps))}
}

// Add adds a sample's image after a step. Samples are added one after another, each
// with its steps in order. final is its last step: where the run ended early, that
// image fills the remaining frames.
func (r *RunAnimation) Add(img image.Image, step int, final bool) {
	var small image.Image
	for i, frameStep := range r.steps {
		if frameStep == step || final && frameStep > step {
			if small == nil {
				small = Cell(img, r.n, animationWidth)
			}
			r.cells[i] = append(r.cells[i], small)
		}
	}
}

// Animation returns the frames.
func (r *RunAnimation) Animation() Animation {
	a := Animation{Each: stepDuration, Last: lastDuration}
	for _, cells := range r.cells {
		a.Frames = append(a.Frames, Sheet(cells))
	}
	return a
}

// evenly picks at most n of the steps 0 to last, both included.
func evenly(last, n int) []int {
	n = max(min(n, last+1), 2)
	steps := make([]int, n)
	for i := range steps {
		steps[i] = i * last / (n - 1)
	}
	return steps
}
