// Package sampler draws token grids from a SUNDAE prior: it starts from noise and
// denoises step by step, each step drawing all tokens at once (2206.12351, section
// 3.4, and 2112.06749, algorithm 2).
//
// Open a [Prior], start a [Run], call [Run.Step] until [Run.Done]. Between two
// steps [Run.Set] changes the settings from the next step on. The run keeps every
// step in its history: [Run.At] reads it, and [Run.Branch] starts another run from
// it.
//
// A Prior and all its runs are used by one goroutine at a time. The frames and
// stats that they return are never written to again: any goroutine may read them.
package sampler

import (
	"errors"
	"fmt"
	"runtime"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// ErrNaN says that the model's output is NaN or infinite: its file is damaged,
// or its values exceed the range of the device's numbers.
var ErrNaN = errors.New("the model's output is not a number: prior.onnx is broken, or its values are too large for this device (try --device cpu)")

// Prior is an opened prior.onnx.
type Prior struct {
	Latent     bundle.Latent
	Vocabulary int
	Classes    []string

	session    inference.Session
	fixedBatch int      // of the session, 0 if it takes any
	logits     bool     // the model's output is logits, from which this package samples
	threads    int      // that sample from logits
	maxRows    int      // samples of one call; fewer once the device ran out of memory
	batches    []*batch // most recently used first
}

// Open opens the bundle's prior with open, which chooses the device.
func Open(b *bundle.Bundle, open inference.Opener) (*Prior, error) {
	m := b.Manifest
	if err := m.NeedPrior(); err != nil {
		return nil, err
	}
	session, err := open(b.Model(bundle.PriorFile))
	if err != nil {
		return nil, fmt.Errorf("open the prior: %w", err)
	}
	p := &Prior{
		Latent: m.Latent, Vocabulary: m.Vocabulary, Classes: m.Classes,
		session: session, fixedBatch: onnxfile.FixedBatch(session.Inputs()), threads: session.Threads(),
	}
	_, p.logits = onnxfile.Find(session.Outputs(), "logits")
	if p.threads == 0 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	p.maxRows = p.defaultRows()
	return p, nil
}

// Device is the name of the device in use.
func (p *Prior) Device() string { return p.session.Device() }

// Close frees the prior. Its runs can take no further step; their frames stay
// valid.
func (p *Prior) Close() {
	for _, b := range p.batches {
		b.binding.Close()
	}
	p.session.Close()
}
