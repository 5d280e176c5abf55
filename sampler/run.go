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
	Past     []Frame    // steps taken before, of N samples: the run goes on after them, all samples live, and Base is in the first
}

// Stats tell what a step did.
type Stats struct {
	Step, Steps             int
	Temperature, Proportion float64
	Corruption              float64
	Changed                 []int   // tokens that changed, by sample
	Frozen                  int     // samples that have left the batch by now
	Batch                   int     // samples that the model saw
	Confidence              float64 // mean over the tokens of the samples seen
	Took                    time.Duration
	Model                   time.Duration // the part of Took that the model itself took
}

// Run is one batch of samples on its way from noise to pictures.
type Run struct {
	prior    *Prior
	settings Settings
	first    int
	mask     *Mask
	given    bool // begins with a picture's tokens, all or some
	frames   []Frame
	still    [][]float64 // by frame and sample: the shares drawn at the steps since it last changed, summed
	frozen   []bool      // by sample
	live     []int       // the samples of the step under way
	noisy    []uint16    // one of them, corrupted
	pages    pages
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
	if m := s.Mask; m != nil && (m.Height != p.Latent.Height || m.Width != p.Latent.Width || len(m.Anew) != n) {
		return nil, fmt.Errorf("a mask of %d×%d tokens, the model has %d×%d", m.Height, m.Width, p.Latent.Height, p.Latent.Width)
	}
	if s.Past != nil {
		return p.resume(s)
	}
	if s.Mask != nil && s.Base == nil {
		return nil, errors.New("a mask needs a picture's tokens to begin with")
	}
	if s.Base != nil && len(s.Base) != s.N {
		return nil, fmt.Errorf("%d rows of tokens for %d samples", len(s.Base), s.N)
	}
	r := &Run{prior: p, settings: s.Settings, first: s.First, mask: s.Mask, given: s.Base != nil, frozen: make([]bool, s.N)}
	start := Frame{Tokens: make([][]uint16, s.N)}
	noise := make([]float32, n)
	for i := range start.Tokens {
		start.Tokens[i] = make([]uint16, n)
		uniforms(noise, s.Settings.Seed, s.First+i, 0, noiseStream)
		if s.Base != nil && len(s.Base[i]) != n {
			return nil, fmt.Errorf("sample %d begins with %d tokens, the model has %d", i, len(s.Base[i]), n)
		}
		for k, u := range noise {
			start.Tokens[i][k] = p.noise(u)
			if s.Base != nil && (s.Mask == nil || !s.Mask.Anew[k]) {
				if start.Tokens[i][k] = s.Base[i][k]; int(start.Tokens[i][k]) >= p.Vocabulary {
					return nil, fmt.Errorf("sample %d begins with token %d, the vocabulary has %d", i, start.Tokens[i][k], p.Vocabulary)
				}
			}
		}
	}
	r.frames, r.still = []Frame{start}, [][]float64{make([]float64, s.N)}
	return r, nil
}

// Settings are the settings in force.
func (r *Run) Settings() Settings { return r.settings }

// Set changes the settings from the next step on: any of them, seed and class
// too. Where they change what is drawn, frozen samples come back into the batch.
func (r *Run) Set(s Settings) error {
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return err
	}
	redrawn := !s.drawsLike(r.settings)
	if redrawn {
		r.still[len(r.still)-1] = make([]float64, len(r.frozen))
	}
	if redrawn || !s.Freeze {
		clear(r.frozen)
	}
	r.settings = s
	return nil
}

// settled reports whether a sample is frozen after a step: once min_steps are
// taken and as many tokens as it has have been drawn anew, to no change. At
// proportion 1 that is one step. At a low proportion one step proves nothing,
// least of all behind a small mask, where it may have drawn no token at all.
func (r *Run) settled(step, sample int) bool {
	const whole = 1 - 1e-9 // ten steps of 0.1 are a little less than 1
	return r.settings.Freeze && step >= r.settings.MinSteps && r.still[step][sample] >= whole
}

// Done reports whether all steps are taken or all samples frozen.
func (r *Run) Done() bool {
	return len(r.frames) > r.settings.Steps || !slices.Contains(r.frozen, false)
}

// ErrDone says that a run has no step left.
var ErrDone = errors.New("the run is done")

// Step takes one step. Frozen samples stay out of the model's batch. A cancelled
// context, or any other error, leaves the run as it was before the step.
func (r *Run) Step(ctx context.Context) (Stats, error) {
	if r.Done() {
		return Stats{}, ErrDone
	}
	began := time.Now()
	t := len(r.frames)
	stats := Stats{
		Step: t, Steps: r.settings.Steps,
		Temperature: r.settings.Temperature.At(t, r.settings.Steps), Proportion: r.settings.Proportion.At(t, r.settings.Steps),
		Corruption: r.settings.Corruption.At(t, r.settings.Steps),
	}
	r.live = r.live[:0]
	for i, frozen := range r.frozen {
		if !frozen {
			r.live = append(r.live, i)
		}
	}
	stats.Batch = len(r.live)
	before := r.frames[t-1]
	after := Frame{Tokens: take(&r.pages.tokenRows, len(before.Tokens)), Confidence: take(&r.pages.floatRows, len(before.Tokens))}
	copy(after.Tokens, before.Tokens) // frozen samples share their rows with the step before
	copy(after.Confidence, before.Confidence)
	stats.Changed = take(&r.pages.changed, len(before.Tokens))
	for samples := range slices.Chunk(r.live, r.prior.rowsAtOnce()) {
		if err := r.call(ctx, samples, before, after, &stats); err != nil {
			return Stats{}, fmt.Errorf("step %d: %w", t, err)
		}
	}
	stats.Confidence /= float64(len(r.live) * r.prior.Latent.Tokens())
	still := take(&r.pages.still, len(r.frozen))
	copy(still, r.still[t-1])
	r.still = append(r.still, still)
	drawn := 1 - (1-stats.Proportion)*(1-stats.Corruption)
	for _, i := range r.live {
		if still[i] += drawn; stats.Changed[i] > 0 {
			still[i] = 0
		}
		r.frozen[i] = r.settled(t, i)
	}
	for _, frozen := range r.frozen {
		if frozen {
			stats.Frozen++
		}
	}
	r.frames = append(r.frames, after)
	stats.Took = time.Since(began)
	return stats, nil
}

// call gives some samples to the model and writes their rows of the frame after.
// It adds to the stats what they changed and how confident the model was.
func (r *Run) call(ctx context.Context, samples []int, before, after Frame, stats *Stats) error {
	b, err := r.prior.bind(len(samples))
	if err != nil {
		return err
	}
	for row, sample := range samples {
		r.fill(b, row, sample, before.Tokens[sample], *stats)
	}
	began := time.Now()
	if err := b.run(ctx, len(samples)); err != nil {
		return err
	}
	stats.Model += time.Since(began)
	return r.collect(b, samples, before, after, stats)
}

// collect reads what the model drew.
func (r *Run) collect(b *batch, samples []int, before, after Frame, stats *Stats) error {
	n := r.prior.Latent.Tokens()
	for row, sample := range samples {
		next := b.next[row*n : (row+1)*n]
		if err := r.prior.check(next); err != nil {
			return err
		}
		tokens, confidence := take(&r.pages.tokens, n), take(&r.pages.confidence, n)
		copy(confidence, b.confidence[row*n:(row+1)*n])
		changed, sum := 0, 0.0
		for k, old := range before.Tokens[sample] {
			if tokens[k] = uint16(next[k]); tokens[k] != old {
				changed++
			}
			sum += float64(confidence[k])
		}
		after.Tokens[sample], after.Confidence[sample] = tokens, confidence
		stats.Changed[sample] = changed
		stats.Confidence += sum
	}
	return nil
}

// fill writes one sample's row of the model's inputs. With corruption c_t the model
// sees a share c_t of the tokens as noise, drawn like z_0, and draws these and its
// proportion of the others. At proportion 1 that is ancestral sampling of a
// diffusion with uniform noise (2107.03006): a picture is drawn from z, and z is
// that picture a little less corrupted. What went wrong early is forgotten, while
// tokens that only ever see each other confirm one another's mistakes.
func (r *Run) fill(b *batch, row, sample int, tokens []uint16, stats Stats) {
	n := len(tokens)
	b.temperature[row] = float32(stats.Temperature)
	// The numbers that choose tokens come first: the row is used again.
	uniform, update := b.uniform[row*n:(row+1)*n], b.update[row*n:(row+1)*n]
	clear(update)
	if stats.Corruption > 0 {
		uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, corruptStream)
		for k, u := range uniform {
			update[k] = float64(u) < stats.Corruption && r.anew(k)
		}
		uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, noiseStream)
		r.noisy = append(r.noisy[:0], tokens...)
		for k, u := range uniform {
			if update[k] {
				r.noisy[k] = r.prior.noise(u)
			}
		}
		tokens = r.noisy
	}
	b.put(row, tokens, r.class(sample))
	uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, updateStream)
	for k, u := range uniform {
		update[k] = update[k] || float64(u) < stats.Proportion && r.anew(k)
	}
	uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, drawStream)
}

// class is what the model is told a sample is of. For any class that is one of them,
// drawn for the sample: told of none, a model may begin two in one noise, and go on
// with both. A picture that is there from the first says itself what it is of.
func (r *Run) class(sample int) int {
	classes := len(r.prior.Classes)
	if r.settings.Class < classes || classes == 0 || r.given {
		return r.settings.Class
	}
	var u [1]float32
	uniforms(u[:], r.settings.Seed, r.first+sample, 0, classStream)
	return min(int(u[0]*float32(classes)), classes-1)
}

// anew reports whether token k may change.
func (r *Run) anew(k int) bool { return r.mask == nil || r.mask.Anew[k] }

// noise is the token of a number in [0, 1), all with the same probability.
func (p *Prior) noise(u float32) uint16 {
	return uint16(min(int(u*float32(p.Vocabulary)), p.Vocabulary-1))
}
