// Package augment resamples tokens with the prior of a model bundle, for the token
// augmentation of decoder fine-tuning: the decoder then also learns from tokens such as
// sampling makes, not only from those of the encoder.
package augment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// minRunSteps is the shortest run whose last steps resample tokens. They draw the details
// again from some noise and leave the composition of the picture.
const minRunSteps = 24

// Prior resamples tokens with the sampling settings that the bundle recommends.
type Prior struct {
	prior    *sampler.Prior
	settings schedule.Settings
}

// Open opens the prior of a bundle. Close frees it.
func Open(b *bundle.Bundle, open inference.Opener) (*Prior, error) {
	settings, err := sampler.Recommended(b.Manifest)
	if err != nil {
		return nil, err
	}
	settings.Freeze = schedule.FreezeOff
	p, err := sampler.Open(b, open)
	if err != nil {
		return nil, fmt.Errorf("open the prior: %w", err)
	}
	return &Prior{p, settings}, nil
}

// Close frees the prior.
func (p *Prior) Close() { p.prior.Close() }

// Resample runs the last steps of a sampling run on the tokens [n, N] of n pictures, in
// place and for any class. It is repeatable: seed determines all random numbers. The
// pictures go through the model as a batch, because one alone leaves most cores idle.
func (p *Prior) Resample(ctx context.Context, tokens []int32, steps int, seed uint64) error {
	if steps == 0 {
		return nil
	}
	settings := p.settings
	settings.Steps, settings.Seed = max(minRunSteps, steps), seed
	noise := remainingNoise(settings, steps)
	rng := rand.New(rand.NewPCG(seed, 0))
	var base [][]uint16
	for picture := range slices.Chunk(tokens, p.prior.Latent.Tokens()) {
		row := make([]uint16, len(picture))
		for i, id := range picture {
			row[i] = uint16(id)
			if rng.Float64() < noise {
				row[i] = uint16(rng.IntN(p.prior.Vocabulary))
			}
		}
		base = append(base, row)
	}
	past := make([]sampler.Frame, settings.Steps-steps+1)
	for i := range past {
		past[i] = sampler.Frame{Tokens: base, Confidence: make([][]float32, len(base))}
	}
	run, err := p.prior.Start(sampler.Start{N: len(base), Settings: settings, From: sampler.Frames{Taken: past, Start: sampler.Tokens(base)}})
	if err != nil {
		return fmt.Errorf("resample tokens: %w", err)
	}
	if err := run.Finish(ctx, nil); err != nil {
		return fmt.Errorf("resample tokens: %w", err)
	}
	for i, id := range slices.Concat(run.At(settings.Steps).Tokens...) {
		tokens[i] = int32(id)
	}
	return nil
}

// remainingNoise is the share of the initial noise that a run has left when its last steps
// begin: the tokens that no step has updated or re-noised, and so drawn, by then.
func remainingNoise(s schedule.Settings, last int) float64 {
	left := 1.0
	for t := 1; t <= s.Steps-last; t++ {
		left *= (1 - s.Proportion.At(t, s.Steps)) * (1 - s.Renoise.At(t, s.Steps))
	}
	return left
}
