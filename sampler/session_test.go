package sampler

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// fakeSession is a session in plain Go, of a toy model: the logits of a position
// are the row of the table that its token names.
type fakeSession struct {
	toy   toy
	batch int64 // of the file
	open  int   // bindings that are not closed
	fail  error // of the next run
	// Runs of more rows than memory, unless it is 0, and all runs with full, fail for
	// lack of memory.
	memory int
	full   bool
}

func (s *fakeSession) Inputs() []onnxfile.Tensor {
	return []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{s.batch, int64(s.toy.side * s.toy.side)}}}
}

func (s *fakeSession) Outputs() []onnxfile.Tensor { return []onnxfile.Tensor{{Name: "logits"}} }
func (s *fakeSession) Device() string             { return "fake" }
func (s *fakeSession) Threads() int               { return 3 }

func (s *fakeSession) Bind(batch int, shapes map[string][]int64) (inference.Binding, error) {
	n := s.toy.side * s.toy.side
	if want := []int64{int64(batch), int64(n), int64(s.toy.v)}; !slices.Equal(shapes["logits"], want) {
		return nil, errors.New("wrong shape of the logits")
	}
	s.open++
	return &fakeBinding{session: s, tokens: make([]int32, batch*n), logits: make([]float32, batch*n*s.toy.v)}, nil
}

func (s *fakeSession) Close() {
	if s.open > 0 {
		panic("closed before its bindings")
	}
}

type fakeBinding struct {
	session *fakeSession
	tokens  []int32
	logits  []float32
}

func (b *fakeBinding) Memory(name string) any {
	switch name {
	case "tokens":
		return b.tokens
	case "logits":
		return b.logits
	}
	return nil
}

func (b *fakeBinding) Run(ctx context.Context) error {
	v, rows := b.session.toy.v, len(b.tokens)/(b.session.toy.side*b.session.toy.side)
	if b.session.full || b.session.memory > 0 && rows > b.session.memory {
		return inference.ErrOutOfMemory
	}
	for i, id := range b.tokens {
		copy(b.logits[i*v:(i+1)*v], b.session.toy.values[int(id)*v:])
	}
	return errors.Join(ctx.Err(), b.session.fail)
}

func (b *fakeBinding) Close() { b.session.open-- }

// openFake opens a prior on a fake session.
func openFake(t *testing.T, s *fakeSession) *Prior {
	t.Helper()
	b := &bundle.Bundle{Manifest: bundle.Manifest{Latent: bundle.Latent{Height: s.toy.side, Width: s.toy.side}, Vocabulary: s.toy.v}}
	p, err := Open(b, func(onnxfile.Model) (inference.Session, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A prior samples the same tokens on any implementation of a session.
func TestSessionsAgree(t *testing.T) {
	m := random(40, 1)
	start := Start{N: 5, Settings: flat(4, 1), From: Noise{}}
	want, _ := sample(t, m.open(t), start)
	for _, batch := range []int64{onnxfile.Dynamic, 2} {
		s := &fakeSession{toy: m, batch: batch}
		p := openFake(t, s)
		if p.Device() != "fake" || p.threads != 3 {
			t.Errorf("device %s, %d threads", p.Device(), p.threads)
		}
		got, _ := sample(t, p, start)
		if !slices.EqualFunc(last(got), last(want), slices.Equal) {
			t.Errorf("batch %d: other tokens than ONNX Runtime's", batch)
		}
		p.Close()
		if s.open != 0 {
			t.Errorf("batch %d: %d bindings are open after Close", batch, s.open)
		}
	}
}

// Memory of old batch sizes is freed when others need its place.
func TestOldBatchesAreFreed(t *testing.T) {
	s := &fakeSession{toy: random(8, 1), batch: onnxfile.Dynamic}
	p := openFake(t, s)
	defer p.Close()
	for n := 1; n <= p.maxRows; n++ {
		if _, err := p.bind(n); err != nil {
			t.Fatal(err)
		}
		rows := 0
		for _, b := range p.batches {
			rows += b.size
		}
		if rows > 2*p.maxRows || s.open != len(p.batches) || p.batches[0].size != n {
			t.Fatalf("after a batch of %d: %d rows in %d batches, %d bindings", n, rows, len(p.batches), s.open)
		}
	}
}

// A failed run leaves the step untaken, and the run continues when the model works again.
func TestFailedRun(t *testing.T) {
	s := &fakeSession{toy: random(8, 1), batch: onnxfile.Dynamic}
	p := openFake(t, s)
	defer p.Close()
	run, err := p.Start(Start{N: 2, Settings: flat(2, 1), From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	s.fail = errors.New("device lost")
	if _, err := run.Step(t.Context()); !errors.Is(err, s.fail) || !strings.Contains(err.Error(), "step 1: ") || run.Len() != 1 {
		t.Errorf("%v, %d frames", err, run.Len())
	}
	s.fail = nil
	if _, err := run.Step(t.Context()); err != nil || run.Len() != 2 {
		t.Errorf("%v, %d frames", err, run.Len())
	}
}

// A batch that does not fit on the device is split, with the same tokens.
func TestOutOfMemory(t *testing.T) {
	s := flat(3, 1)
	want, _ := sample(t, openFake(t, &fakeSession{toy: random(16, 1), batch: onnxfile.Dynamic}), Start{N: 7, Settings: s, From: Noise{}})
	session := &fakeSession{toy: random(16, 1), batch: onnxfile.Dynamic, memory: 2}
	p := openFake(t, session)
	got, _ := sample(t, p, Start{N: 7, Settings: s, From: Noise{}})
	if !slices.EqualFunc(last(got), last(want), slices.Equal) {
		t.Error("split batches draw other tokens")
	}
	if p.maxRows > 2 {
		t.Errorf("batches of %d are tried again, and 2 fit", p.maxRows)
	}
	session.memory = 0
	session.full = true
	run, err := p.Start(Start{N: 1, Settings: s, From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Step(t.Context()); !errors.Is(err, inference.ErrOutOfMemory) || run.Len() != 1 {
		t.Errorf("without any memory: %v, %d frames", err, run.Len())
	}
}
