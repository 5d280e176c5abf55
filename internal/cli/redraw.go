package cli

import (
	"context"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
	"sundae/sampler"
)

// How tokens are drawn anew for a decoder to learn from: some way between the first
// steps of a run and its last, so that a few of them go as far wrong as a whole run
// does, and not so far that the picture becomes another.
const (
	redrawTemperature = 0.85
	redrawProportion  = 0.3
)

// redrawer draws tokens anew with a bundle's prior.
type redrawer struct {
	ctx   context.Context
	prior *sampler.Prior
}

func newRedrawer(ctx context.Context, a *app, b *bundle.Bundle) (*redrawer, error) {
	p, err := sampler.Open(b, onnx.Options{Device: onnx.CPU, Threads: a.config.Threads})
	if err != nil {
		return nil, err
	}
	return &redrawer{ctx, p}, nil
}

func (r *redrawer) Close() { r.prior.Close() }

// redraw takes steps of sampling on one picture's tokens, in place, for any class.
func (r *redrawer) redraw(tokens []int32, steps int, seed uint64) error {
	if steps == 0 {
		return nil
	}
	base := make([]uint16, len(tokens))
	for i, id := range tokens {
		base[i] = uint16(id)
	}
	constant := func(v float64) sampler.Schedule {
		return sampler.Schedule{Start: v, End: v, Curve: sampler.Constant}
	}
	run, err := r.prior.Start(sampler.Start{N: 1, Base: [][]uint16{base}, Settings: sampler.Settings{
		Steps: steps, Temperature: constant(redrawTemperature), Proportion: constant(redrawProportion), Class: len(r.prior.Classes), Seed: seed,
	}})
	if err != nil {
		return err
	}
	for !run.Done() {
		if _, err := run.Step(r.ctx); err != nil {
			return err
		}
	}
	for i, id := range run.At(steps).Tokens[0] {
		tokens[i] = int32(id)
	}
	return nil
}
