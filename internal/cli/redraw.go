package cli

import (
	"context"
	"math/rand/v2"
	"slices"

	"sundae/internal/bundle"
	"sundae/internal/ort"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// redrawRun is how long a run is whose last steps draw tokens anew: they make up
// again, out of some noise, what a picture is made of, and leave where things are.
const redrawRun = 24

// redrawer draws tokens anew with a bundle's prior, as its maker recommends to.
type redrawer struct {
	ctx      context.Context
	prior    *sampler.Prior
	settings schedule.Settings
}

func newRedrawer(ctx context.Context, a *app, b *bundle.Bundle) (*redrawer, error) {
	settings, err := sampler.Recommended(b.Manifest)
	if err != nil {
		return nil, err
	}
	settings.Freeze = false
	rt, err := a.runtime(ctx)
	if err != nil {
		return nil, err
	}
	p, err := sampler.Open(b, rt.Opener(ort.Options{Device: ort.CPU, Threads: a.config.Threads}))
	if err != nil {
		return nil, err
	}
	return &redrawer{ctx, p, settings}, nil
}

func (r *redrawer) Close() { r.prior.Close() }

// redraw takes the last steps of a run on the tokens of pictures, one after another in
// place, for any class. They go through the model together: one picture alone leaves most
// of many cores idle.
func (r *redrawer) redraw(tokens []int32, steps int, seed uint64) error {
	if steps == 0 {
		return nil
	}
	settings := r.settings
	settings.Steps, settings.Seed = max(redrawRun, steps), seed
	noise := noiseBefore(settings, steps)
	rng := rand.New(rand.NewPCG(seed, 0))
	var base [][]uint16
	for picture := range slices.Chunk(tokens, r.prior.Latent.Tokens()) {
		row := make([]uint16, len(picture))
		for i, id := range picture {
			row[i] = uint16(id)
			if rng.Float64() < noise {
				row[i] = uint16(rng.IntN(r.prior.Vocabulary))
			}
		}
		base = append(base, row)
	}
	n := len(base)
	past := make([]sampler.Frame, settings.Steps-steps+1)
	for i := range past {
		past[i] = sampler.Frame{Tokens: base, Confidence: make([][]float32, n)}
	}
	run, err := r.prior.Start(sampler.Start{N: n, Settings: settings, From: sampler.Frames{Taken: past, Start: sampler.Tokens(base)}})
	if err != nil {
		return err
	}
	if err := run.Finish(r.ctx, nil); err != nil {
		return err
	}
	for i, id := range slices.Concat(run.At(settings.Steps).Tokens...) {
		tokens[i] = int32(id)
	}
	return nil
}

// noiseBefore is the share of the noise that a run begins from which is left where its
// last steps begin: what was neither updated nor corrupted, which is drawn then, too.
func noiseBefore(s schedule.Settings, last int) float64 {
	left := 1.0
	for t := 1; t <= s.Steps-last; t++ {
		left *= (1 - s.Proportion.At(t, s.Steps)) * (1 - s.Renoise.At(t, s.Steps))
	}
	return left
}
