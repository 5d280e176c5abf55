package sampler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sundae/internal/inference"
	"sundae/sampler/schedule"
)

// Run is one batch of samples on its way from its start to finished tokens (section
// 3.4 of 2206.12351).
type Run struct {
	prior     *Prior
	settings  schedule.Settings
	first     int   // number of the first sample
	mask      *Mask // nil: every token may change
	fromImage bool  // tokens of an image are part of the start
	frames    []Frame
	still     [][]still // by frame and sample
	frozen    []bool    // by sample

	live     []int    // the samples of the current step
	renoised []uint16 // tokens of one of them with a share replaced by noise
	pages    pages
}

// Start begins a run. Nothing is computed before the first Step.
func (p *Prior) Start(s Start) (*Run, error) {
	if err := s.Settings.Validate(len(p.Classes)); err != nil {
		return nil, err
	}
	switch {
	case s.N < 1:
		return nil, fmt.Errorf("a run needs at least 1 sample, not %d", s.N)
	case s.From == nil:
		return nil, errors.New("a run needs something to start from, such as Noise")
	}
	mask := s.From.mask()
	if mask != nil && (mask.Height != p.Latent.Height || mask.Width != p.Latent.Width || len(mask.Masked) != p.Latent.Tokens()) {
		return nil, fmt.Errorf("the mask has %d×%d tokens, the model has %d×%d", mask.Height, mask.Width, p.Latent.Height, p.Latent.Width)
	}
	frames, err := s.From.frames(p, s)
	if err != nil {
		return nil, err
	}
	r := &Run{
		prior: p, settings: s.Settings, first: s.First, mask: mask, fromImage: s.From.hasImage(),
		frames: frames, frozen: make([]bool, s.N),
	}
	for range frames {
		r.still = append(r.still, make([]still, s.N))
	}
	return r, nil
}

// still is how long a sample has not changed, or the settings of its steps have not.
type still struct {
	steps int
	drawn float64 // sum of the shares of tokens drawn in these steps
}

// Settings returns the settings in force.
func (r *Run) Settings() schedule.Settings { return r.settings }

// Set changes the settings from the next step on, seed and class included. Where
// they change what is drawn, frozen samples return to the batch, and another rule of
// freezing applies at once.
func (r *Run) Set(s schedule.Settings) error {
	if err := s.Validate(len(r.prior.Classes)); err != nil {
		return err
	}
	newStep, newRule := !s.SameStep(r.settings), s.Freeze != r.settings.Freeze
	r.settings = s
	last := len(r.still) - 1
	if newStep {
		r.still[last] = make([]still, len(r.frozen))
	}
	if newStep || newRule {
		for i := range r.frozen {
			r.frozen[i] = r.settled(last, i)
		}
	}
	return nil
}

// settled reports whether a sample is frozen after a step. By FreezeOn, min_steps have
// been taken, and the shares of tokens drawn since its last change add up to one. At
// proportion 1 that is one step without a change. At a low proportion one such step
// shows little: behind a small mask it may have drawn no token at all. FreezeUnchanged
// takes one such step for enough, from the first step after min_steps on.
func (r *Run) settled(step, sample int) bool {
	const whole = 1 - 1e-9 // ten steps of 0.1 sum to a little less than 1
	switch still := r.still[step][sample]; r.settings.Freeze {
	case schedule.FreezeOn:
		return step >= r.settings.MinSteps && still.drawn >= whole
	case schedule.FreezeUnchanged:
		return step > r.settings.MinSteps && still.steps > 0
	}
	return false
}

// Done reports whether all steps are taken or all samples frozen.
func (r *Run) Done() bool {
	return len(r.frames) > r.settings.Steps || !slices.Contains(r.frozen, false)
}

// ErrDone says that a run has no steps left.
var ErrDone = errors.New("the run is done")

// Finish takes the remaining steps and calls each, unless it is nil, after every one
// of them. It stops at the first error, with the steps before it taken.
func (r *Run) Finish(ctx context.Context, each func(Stats) error) error {
	for !r.Done() {
		stats, err := r.Step(ctx)
		if err != nil {
			return err
		}
		if each == nil {
			continue
		}
		if err := each(stats); err != nil {
			return err
		}
	}
	return nil
}

// Tokens returns the newest tokens of every sample, [N][h·w]. They must not be
// written to.
func (r *Run) Tokens() [][]uint16 { return r.frames[len(r.frames)-1].Tokens }

// Stats describe one step.
type Stats struct {
	Step, Steps             int
	Temperature, Proportion float64
	Renoise                 float64
	Changed                 []int   // tokens that changed, by sample
	Frozen                  int     // samples that have left the batch by now
	Batch                   int     // samples that the model saw
	Confidence              float64 // mean over the tokens of the samples that the model saw
	Took                    time.Duration
	Model                   time.Duration // the part of Took spent in the model
}

// Step takes one step. Frozen samples stay out of the model's batch. A cancelled
// context, or any other error, leaves the run as it was before the step.
func (r *Run) Step(ctx context.Context) (Stats, error) {
	if r.Done() {
		return Stats{}, ErrDone
	}
	began := time.Now()
	t, steps := len(r.frames), r.settings.Steps
	stats := Stats{
		Step: t, Steps: steps,
		Temperature: r.settings.Temperature.At(t, steps), Proportion: r.settings.Proportion.At(t, steps), Renoise: r.settings.Renoise.At(t, steps),
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
	err := inference.Split(r.live, &r.prior.maxRows, func(samples []int) error {
		return r.call(ctx, samples, before, after, &stats)
	})
	if err != nil {
		return Stats{}, fmt.Errorf("step %d: %w", t, err)
	}
	stats.Confidence /= float64(len(r.live) * r.prior.Latent.Tokens())
	r.freeze(t, &stats)
	r.frames = append(r.frames, after)
	stats.Took = time.Since(began)
	return stats, nil
}

// freeze decides after step t which samples leave the batch.
func (r *Run) freeze(t int, stats *Stats) {
	after := take(&r.pages.still, len(r.frozen))
	copy(after, r.still[t-1])
	r.still = append(r.still, after)
	drawn := 1 - (1-stats.Proportion)*(1-stats.Renoise)
	for _, i := range r.live {
		after[i] = still{after[i].steps + 1, after[i].drawn + drawn}
		if stats.Changed[i] > 0 {
			after[i] = still{}
		}
		r.frozen[i] = r.settled(t, i)
	}
	for _, frozen := range r.frozen {
		if frozen {
			stats.Frozen++
		}
	}
}

// call runs the model on some samples and writes their rows of the frame after. It
// adds to the stats how many tokens changed and how confident the model was.
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

// fill writes one sample's row of the model's inputs. With re-noising c_t, the model
// sees a share c_t of the tokens as noise, distributed like z_0, and draws these and
// its proportion of the others. At proportion 1 that is ancestral sampling of a
// diffusion with uniform noise (2107.03006): an image is predicted from z, and the
// next z is that image with a little less noise. Early mistakes are then forgotten;
// without re-noising, wrong tokens can keep each other in place.
func (r *Run) fill(b *batch, row, sample int, tokens []uint16, stats Stats) {
	n := len(tokens)
	b.temperature[row] = float32(stats.Temperature)
	// The memory of the uniform numbers serves three streams; the one that the model
	// reads comes last.
	uniform, update := b.uniform[row*n:(row+1)*n], b.update[row*n:(row+1)*n]
	clear(update)
	if stats.Renoise > 0 {
		uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, renoiseStream)
		for k, u := range uniform {
			update[k] = float64(u) < stats.Renoise && r.mayChange(k)
		}
		uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, noiseStream)
		r.renoised = append(r.renoised[:0], tokens...)
		for k, u := range uniform {
			if update[k] {
				r.renoised[k] = r.prior.noise(u)
			}
		}
		tokens = r.renoised
	}
	b.put(row, tokens, r.class(sample))
	uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, updateStream)
	for k, u := range uniform {
		update[k] = update[k] || float64(u) < stats.Proportion && r.mayChange(k)
	}
	uniforms(uniform, r.settings.Seed, r.first+sample, stats.Step, drawStream)
}

// class returns the class that the model is given for a sample. "Any" becomes one
// class, drawn for the sample: without a class, the model may start two classes in
// one image and continue both. Where an image is given, its tokens tell the class, if the
// model was trained without classes as well.
func (r *Run) class(sample int) int {
	classes := len(r.prior.Classes)
	if r.settings.Class < classes || classes == 0 || r.fromImage && !r.prior.noAny {
		return r.settings.Class
	}
	var u [1]float32
	uniforms(u[:], r.settings.Seed, r.first+sample, 0, classStream)
	return min(int(u[0]*float32(classes)), classes-1)
}

// mayChange reports whether token k may change.
func (r *Run) mayChange(k int) bool { return r.mask == nil || r.mask.Masked[k] }
