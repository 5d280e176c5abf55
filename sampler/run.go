package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Start says what a run begins with.
type Start struct {
	N        int // samples
	First    int // number of the first sample: sample i draws the numbers of First+i
	Settings Settings
	Base     [][]uint16 // tokens to begin with instead of noise, one row a sample
	Mask     *Mask      // with Base: the tokens made anew, which begin as noise
	Past     []Frame    // steps taken before, of N samples: the run goes on after them, and Base is in the first
}

// Frame is what one step left: the tokens of every sample. Step 0 is the noise.
type Frame struct {
	Tokens     [][]uint16  // [N][h·w]
	Confidence [][]float32 // [N][h·w] probability of the token drawn; nil at step 0
}

// Stats tell what a step did.
type Stats struct {
	Step, Steps             int
	Temperature, Proportion float64
	Changed                 []int   // tokens that changed, by sample
	Frozen                  int     // samples that have left the batch by now
	Batch                   int     // samples that the model saw
	Confidence              float64 // mean over the samples seen
	Took                    time.Duration
}

// Run is one batch of samples on its way from noise to pictures. It is used by
// one goroutine at a time.
type Run struct {
	prior    *Prior
	settings Settings
	first    int
	mask     *Mask
	frames   []Frame
	frozen   []bool
}

// Start begins a run. Nothing is computed before the first Step.
func (p *Prior) Start(s Start) (*Run, error) {
	n := p.Latent.Tokens()
	if err := s.Settings.Validate(len(p.Classes)); err != nil {
		return nil, err
	}
	if s.N < 1 {
		return nil, fmt.Errorf("a run needs at least 1 sample, not %d", s.N)
	}
	if s.Past != nil {
		return p.resume(s)
	}
	if s.Mask != nil && (s.Base == nil || len(s.Mask.Anew) != n) {
		return nil, fmt.Errorf("a mask needs tokens to begin with, and %d×%d of its own", p.Latent.Height, p.Latent.Width)
	}
	if s.Base != nil && len(s.Base) != s.N {
		return nil, fmt.Errorf("%d rows of tokens for %d samples", len(s.Base), s.N)
	}
	r := &Run{prior: p, settings: s.Settings, first: s.First, mask: s.Mask, frozen: make([]bool, s.N)}
	start := Frame{Tokens: make([][]uint16, s.N)}
	noise := make([]float32, n)
	for i := range start.Tokens {
		start.Tokens[i] = make([]uint16, n)
		uniforms(noise, s.Settings.Seed, s.First+i, 0, noiseStream)
		if s.Base != nil && len(s.Base[i]) != n {
			return nil, fmt.Errorf("sample %d begins with %d tokens, the model has %d", i, len(s.Base[i]), n)
		}
		for k, u := range noise {
			start.Tokens[i][k] = uint16(min(int(u*float32(p.Vocabulary)), p.Vocabulary-1))
			if s.Base != nil && (s.Mask == nil || !s.Mask.Anew[k]) {
				if start.Tokens[i][k] = s.Base[i][k]; int(start.Tokens[i][k]) >= p.Vocabulary {
					return nil, fmt.Errorf("sample %d begins with token %d, the vocabulary has %d", i, start.Tokens[i][k], p.Vocabulary)
				}
			}
		}
	}
	r.frames = []Frame{start}
	return r, nil
}

// resume begins where another run, perhaps of an earlier day, left off.
func (p *Prior) resume(s Start) (*Run, error) {
	n := p.Latent.Tokens()
	if s.Mask != nil && len(s.Mask.Anew) != n {
		return nil, fmt.Errorf("a mask of %d tokens, the model has %d", len(s.Mask.Anew), n)
	}
	for step, frame := range s.Past {
		if len(frame.Tokens) != s.N {
			return nil, fmt.Errorf("step %d holds %d samples, the run has %d", step, len(frame.Tokens), s.N)
		}
		for i, tokens := range frame.Tokens {
			if len(tokens) != n || int(slices.Max(tokens)) >= p.Vocabulary {
				return nil, fmt.Errorf("step %d of sample %d is from another model", step, i)
			}
		}
	}
	return &Run{prior: p, settings: s.Settings, first: s.First, mask: s.Mask, frames: slices.Clone(s.Past), frozen: make([]bool, s.N)}, nil
}

// Settings are the settings in force.
func (r *Run) Settings() Settings { return r.settings }

// Set changes the settings from the next step on. Seed and class change too.
func (r *Run) Set(s Settings) error {
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return err
	}
	r.settings = s
	if !s.Freeze {
		clear(r.frozen)
	}
	return nil
}

// At is the frame after a step, 0 to Len()-1. Its slices must not be written to.
func (r *Run) At(step int) Frame { return r.frames[step] }

// Len is the number of frames: the steps taken, and the noise.
func (r *Run) Len() int { return len(r.frames) }

// Done reports whether all steps are taken or all samples frozen.
func (r *Run) Done() bool {
	return len(r.frames) > r.settings.Steps || !slices.Contains(r.frozen, false)
}

// ErrDone says that a run has no step left.
var ErrDone = errors.New("the run is done")

// Step takes one step. Frozen samples stay out of the model's batch. A cancelled
// context leaves the run as it was before the step.
func (r *Run) Step(ctx context.Context) (Stats, error) {
	if r.Done() {
		return Stats{}, ErrDone
	}
	began := time.Now()
	t, n := len(r.frames), r.prior.Latent.Tokens()
	before := r.frames[t-1]
	stats := Stats{
		Step: t, Steps: r.settings.Steps, Changed: make([]int, len(before.Tokens)),
		Temperature: r.settings.Temperature.At(t, r.settings.Steps), Proportion: r.settings.Proportion.At(t, r.settings.Steps),
	}
	var live []int
	for i, frozen := range r.frozen {
		if !frozen {
			live = append(live, i)
		}
	}
	stats.Batch = len(live)
	b, err := r.prior.bind(len(live))
	if err != nil {
		return Stats{}, fmt.Errorf("step %d: %w", t, err)
	}
	for row, sample := range live {
		r.fill(b, row, sample, t, before.Tokens[sample], stats)
	}
	if err := b.run(ctx); err != nil {
		return Stats{}, fmt.Errorf("step %d: %w", t, err)
	}
	if err := finite(b.confidence); err != nil {
		return Stats{}, fmt.Errorf("step %d: %w", t, err)
	}
	after := Frame{Tokens: slices.Clone(before.Tokens), Confidence: make([][]float32, len(before.Tokens))}
	copy(after.Confidence, before.Confidence)
	for row, sample := range live {
		tokens := make([]uint16, n)
		for k, id := range b.next[row*n : (row+1)*n] {
			if id < 0 || int(id) >= r.prior.Vocabulary {
				return Stats{}, fmt.Errorf("step %d: the model gave token %d, its vocabulary has %d", t, id, r.prior.Vocabulary)
			}
			if tokens[k] = uint16(id); tokens[k] != before.Tokens[sample][k] {
				stats.Changed[sample]++
			}
		}
		after.Tokens[sample] = tokens
		after.Confidence[sample] = slices.Clone(b.confidence[row*n : (row+1)*n])
		if r.settings.Freeze && t >= r.settings.MinSteps && stats.Changed[sample] == 0 {
			r.frozen[sample] = true
		}
	}
	var sum float64
	for _, c := range b.confidence {
		sum += float64(c)
	}
	stats.Confidence = sum / float64(len(b.confidence))
	for _, frozen := range r.frozen {
		if frozen {
			stats.Frozen++
		}
	}
	r.frames = append(r.frames, after)
	stats.Took = time.Since(began)
	return stats, nil
}

// fill writes one sample's row of the model's inputs.
func (r *Run) fill(b batch, row, sample, t int, tokens []uint16, stats Stats) {
	n := len(tokens)
	for k, id := range tokens {
		b.tokens[row*n+k] = int32(id)
	}
	// The numbers that choose the updated tokens come first: the row is used again.
	uniform, update := b.uniform[row*n:(row+1)*n], b.update[row*n:(row+1)*n]
	uniforms(uniform, r.settings.Seed, r.first+sample, t, updateStream)
	for k, u := range uniform {
		update[k] = float64(u) < stats.Proportion && (r.mask == nil || r.mask.Anew[k])
	}
	uniforms(uniform, r.settings.Seed, r.first+sample, t, drawStream)
	b.temperature[row] = float32(stats.Temperature)
	if b.class != nil {
		b.class[row] = int32(r.settings.Class)
	}
}

// Branch starts a run that shares the history up to a step and goes on from
// there with settings of its own.
func (r *Run) Branch(step int, s Settings) (*Run, error) {
	if step < 0 || step >= len(r.frames) {
		return nil, fmt.Errorf("no step %d to branch from: there are 0 to %d", step, len(r.frames)-1)
	}
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return nil, err
	}
	return &Run{
		prior: r.prior, settings: s, first: r.first, mask: r.mask,
		frames: slices.Clone(r.frames[:step+1]), frozen: make([]bool, len(r.frozen)),
	}, nil
}
