// Package sampler draws token grids from a SUNDAE prior: start from noise, then
// denoise step by step, each step a draw of all tokens at once (2206.12351,
// section 3.4, and 2112.06749, algorithm 2).
//
// Open a [Prior], start a [Run], call [Run.Step] until [Run.Done]. Between two
// steps [Run.Set] changes the settings from the next step on. Every step stays in
// the history, where [Run.At] reads it and from where [Run.Branch] starts a run
// that goes another way.
//
// A Prior and all its runs are used by one goroutine at a time. What they hand
// out, frames and stats, is never written to again: any goroutine may read it.
package sampler

import (
	"errors"
	"fmt"
	"runtime"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
)

// ErrNumbers says that the model's output is not a number: its file is damaged,
// or it was exported with numbers too small for the device.
var ErrNumbers = errors.New("the model's output is not a number: prior.onnx is broken, or its numbers are too large for this device (try --device cpu)")

// Prior is an opened prior.onnx.
type Prior struct {
	Latent     bundle.Latent
	Vocabulary int
	Classes    []string

	session *onnx.Session
	logits  bool     // the model gives logits, and this program samples
	threads int      // that do so
	batches []*batch // the latest used first
}

// Open opens the bundle's prior on a device.
func Open(b *bundle.Bundle, o onnx.Options) (*Prior, error) {
	m := b.Manifest
	session, err := onnx.Open(b.Model(bundle.PriorFile), o)
	if err != nil {
		return nil, fmt.Errorf("open the prior: %w", err)
	}
	_, logits := session.Output("logits")
	p := &Prior{Latent: m.Latent, Vocabulary: m.Vocabulary, Classes: m.Classes, session: session, logits: logits, threads: o.Threads}
	if p.threads == 0 {
		p.threads = runtime.GOMAXPROCS(0)
	}
	return p, nil
}

// Device is the device in use.
func (p *Prior) Device() string { return p.session.Device }

// Why says, one sentence each, why the devices that come before it were not
// taken, where the choice was left to onnx.Auto.
func (p *Prior) Why() []string { return p.session.Why }

// Close frees the prior. No run of it may be stepped any more; their frames stay.
func (p *Prior) Close() {
	for _, b := range p.batches {
		b.binding.Close()
	}
	p.session.Close()
}
