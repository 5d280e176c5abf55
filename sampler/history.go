package sampler

import (
	"fmt"
	"slices"

	"sundae/sampler/schedule"
)

// Frame is the result of one step: the tokens of every sample. Step 0 is the start.
// Its slices must not be written to.
type Frame struct {
	Tokens     [][]uint16  // [N][h·w]
	Confidence [][]float32 // [N][h·w] probability of the token drawn, used or not; nil at step 0
}

// At returns the frame after a step, 0 to Len()-1.
func (r *Run) At(step int) Frame { return r.frames[step] }

// Len returns the number of frames: the steps taken and the start.
func (r *Run) Len() int { return len(r.frames) }

// Branch starts a run that shares the history up to a step, 0 to Len()-1, and
// continues with settings of its own. With the same settings it gives the same
// tokens. Both runs may be stepped, in any order.
func (r *Run) Branch(step int, s schedule.Settings) (*Run, error) {
	if step < 0 || step >= len(r.frames) {
		return nil, fmt.Errorf("cannot branch from step %d: the run has steps 0 to %d", step, len(r.frames)-1)
	}
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return nil, err
	}
	b := &Run{
		prior: r.prior, settings: s, first: r.first, mask: r.mask, fromImage: r.fromImage,
		frames: slices.Clone(r.frames[:step+1]), still: slices.Clone(r.still[:step+1]), frozen: make([]bool, len(r.frozen)),
	}
	if !s.SameStep(r.settings) {
		b.still[step] = make([]still, len(b.frozen))
	}
	for i := range b.frozen {
		b.frozen[i] = b.settled(step, i)
	}
	return b, nil
}

// pages is the memory of coming frames, allocated for many steps at a time, so that
// most steps allocate nothing.
type pages struct {
	tokens     []uint16
	confidence []float32
	changed    []int
	tokenRows  [][]uint16
	floatRows  [][]float32
	still      []still
}

// pageSteps is how many steps one allocation serves.
const pageSteps = 16

// take cuts n elements off a page, and allocates a new page when it is used up.
func take[T any](page *[]T, n int) []T {
	if len(*page) < n {
		*page = make([]T, n*pageSteps)
	}
	out := (*page)[:n:n]
	*page = (*page)[n:]
	return out
}
