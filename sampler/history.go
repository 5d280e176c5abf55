package sampler

import (
	"fmt"
	"slices"
)

// Frame is what one step left: the tokens of every sample. Step 0 is the noise.
// Which tokens a step changed shows in the comparison with the frame before.
// Nobody may write to its slices.
type Frame struct {
	Tokens     [][]uint16  // [N][h·w]
	Confidence [][]float32 // [N][h·w] probability of the token drawn, taken or not; nil at step 0
}

// At is the frame after a step, 0 to Len()-1.
func (r *Run) At(step int) Frame { return r.frames[step] }

// Len is the number of frames: the steps taken, and the noise.
func (r *Run) Len() int { return len(r.frames) }

// Branch starts a run that shares the history up to a step, 0 to Len()-1, and
// goes on from there with settings of its own. With the same settings it goes the
// same way. Both runs may be stepped, in any order.
func (r *Run) Branch(step int, s Settings) (*Run, error) {
	if step < 0 || step >= len(r.frames) {
		return nil, fmt.Errorf("no step %d to branch from: there are 0 to %d", step, len(r.frames)-1)
	}
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return nil, err
	}
	b := &Run{
		prior: r.prior, settings: s, first: r.first, mask: r.mask, given: r.given,
		frames: slices.Clone(r.frames[:step+1]), still: slices.Clone(r.still[:step+1]), frozen: make([]bool, len(r.frozen)),
	}
	if !s.drawsLike(r.settings) {
		b.still[step] = make([]float64, len(b.frozen))
	}
	for i := range b.frozen {
		b.frozen[i] = b.settled(step, i)
	}
	return b, nil
}

// resume begins where another run, perhaps of an earlier day, left off.
func (p *Prior) resume(s Start) (*Run, error) {
	n := p.Latent.Tokens()
	if len(s.Past) == 0 {
		return nil, fmt.Errorf("a run can't go on after no steps at all")
	}
	for step, frame := range s.Past {
		if len(frame.Tokens) != s.N || step > 0 && len(frame.Confidence) != s.N {
			return nil, fmt.Errorf("step %d holds %d samples, the run has %d", step, len(frame.Tokens), s.N)
		}
		for i, tokens := range frame.Tokens {
			if len(tokens) != n || int(slices.Max(tokens)) >= p.Vocabulary {
				return nil, fmt.Errorf("step %d of sample %d is from another model", step, i)
			}
		}
	}
	r := &Run{prior: p, settings: s.Settings, first: s.First, mask: s.Mask, given: s.Base != nil || s.Mask != nil, frames: slices.Clone(s.Past), frozen: make([]bool, s.N)}
	for range r.frames {
		r.still = append(r.still, make([]float64, s.N))
	}
	return r, nil
}

// pages is where the frames of coming steps get their memory, many steps at a
// time: a step by itself allocates nothing.
type pages struct {
	tokens     []uint16
	confidence []float32
	changed    []int
	tokenRows  [][]uint16
	floatRows  [][]float32
	still      []float64
}

// pageSteps is how many steps one allocation serves.
const pageSteps = 16

// take cuts n elements off a page, and makes a new page when it is used up.
func take[T any](page *[]T, n int) []T {
	if len(*page) < n {
		*page = make([]T, n*pageSteps)
	}
	out := (*page)[:n:n]
	*page = (*page)[n:]
	return out
}
