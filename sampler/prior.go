// Package sampler draws token grids from a SUNDAE prior: start from noise, then
// denoise step by step, each step a draw of all tokens at once (2206.12351,
// section 3.4, and 2112.06749, algorithm 2).
//
// Open a [Prior], start a [Run], call [Run.Step] until [Run.Done]. Between two
// steps the settings may change; every step stays in the history, from which a
// new run can branch.
package sampler

import (
	"context"
	"errors"
	"fmt"
	"math"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
)

// ErrNumbers says that the model's output is not a number.
var ErrNumbers = errors.New("the model's output is not a number")

// Prior is an opened prior.onnx. Its runs may be stepped in turn, not at once.
type Prior struct {
	Latent     bundle.Latent
	Vocabulary int
	Classes    []string

	session  *onnx.Session
	bindings map[int]*onnx.Binding // by batch size
}

// Open opens the bundle's prior on a device and checks it against the contract.
func Open(b *bundle.Bundle, o onnx.Options) (*Prior, error) {
	m := b.Manifest
	session, err := onnx.Open(b.Model(bundle.PriorFile), o)
	if err != nil {
		return nil, fmt.Errorf("open the prior: %w", err)
	}
	p := &Prior{Latent: m.Latent, Vocabulary: m.Vocabulary, Classes: m.Classes, session: session, bindings: map[int]*onnx.Binding{}}
	if err := p.check(); err != nil {
		session.Close()
		return nil, fmt.Errorf("open the prior: %w", err)
	}
	return p, nil
}

// check compares inputs and outputs with the contract of a bundle.
func (p *Prior) check() error {
	n := int64(p.Latent.Tokens())
	want := []onnx.Tensor{
		{Name: "tokens", Type: onnx.Int32, Shape: []int64{onnx.Dynamic, n}},
		{Name: "uniform", Type: onnx.Float32, Shape: []int64{onnx.Dynamic, n}},
		{Name: "update", Type: onnx.Bool, Shape: []int64{onnx.Dynamic, n}},
		{Name: "temperature", Type: onnx.Float32, Shape: []int64{onnx.Dynamic}},
	}
	if len(p.Classes) > 0 {
		want = append(want, onnx.Tensor{Name: "class", Type: onnx.Int32, Shape: []int64{onnx.Dynamic}})
	}
	for _, t := range want {
		if got, ok := p.session.Input(t.Name); !ok || got.String() != t.String() {
			return fmt.Errorf("prior.onnx must take %v; it takes %v", t, p.session.Inputs)
		}
	}
	for _, t := range []onnx.Tensor{{Name: "next", Type: onnx.Int32}, {Name: "confidence", Type: onnx.Float32}} {
		if got, ok := p.session.Output(t.Name); !ok || got.Type != t.Type {
			return fmt.Errorf("prior.onnx must give %s as %v; it gives %v", t.Name, t.Type, p.session.Outputs)
		}
	}
	return nil
}

// Device is the device in use.
func (p *Prior) Device() string { return p.session.Device }

// Close frees the prior. No run of it may be stepped any more.
func (p *Prior) Close() {
	for _, b := range p.bindings {
		b.Close()
	}
	p.session.Close()
}

// batch is the memory of one call: views of the binding's inputs and outputs.
type batch struct {
	tokens, class, next              []int32
	uniform, temperature, confidence []float32
	update                           []bool
	run                              func(context.Context) error
}

// bind returns the memory for a batch of n, made once.
func (p *Prior) bind(n int) (batch, error) {
	b, ok := p.bindings[n]
	if !ok {
		var err error
		size, row := int64(n), int64(p.Latent.Tokens())
		if b, err = p.session.Bind(n, map[string][]int64{"next": {size, row}, "confidence": {size, row}}); err != nil {
			return batch{}, err
		}
		p.bindings[n] = b
	}
	var out batch
	var errs [7]error
	out.tokens, errs[0] = onnx.Data[int32](b, "tokens")
	out.uniform, errs[1] = onnx.Data[float32](b, "uniform")
	out.update, errs[2] = onnx.Data[bool](b, "update")
	out.temperature, errs[3] = onnx.Data[float32](b, "temperature")
	if len(p.Classes) > 0 {
		out.class, errs[4] = onnx.Data[int32](b, "class")
	}
	out.next, errs[5] = onnx.Data[int32](b, "next")
	out.confidence, errs[6] = onnx.Data[float32](b, "confidence")
	out.run = b.Run
	return out, errors.Join(errs[:]...)
}

// finite finds out whether the model computed numbers.
func finite(values []float32) error {
	for _, v := range values {
		if math.IsNaN(float64(v)) {
			return ErrNumbers
		}
	}
	return nil
}
