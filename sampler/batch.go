package sampler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// The most tokens and logits in one call of the model; more samples take several
// calls. This much keeps a device busy, so that costs no time, and it bounds the
// memory: at 1024 tokens a sample's attention takes 32 MB with 8 heads, its logits
// 32 MB with 8192 codes. A CPU needs less to be busy, and its caches hold less.
const (
	maxTokens    = 1 << 14
	maxTokensCPU = 1 << 12
	maxLogits    = 1 << 26
)

// batch is the memory of one call: the model's inputs and outputs, one row per
// sample. For a model that outputs logits only tokens, class and logits are the
// model's; the rest belongs to this package. Tokens and class have one of two
// integer types, the other slice is nil; class may be missing.
type batch struct {
	size                             int // rows
	tokens32, class32                []int32
	tokens64, class64                []int64
	uniform, temperature, confidence []float32
	update                           []bool
	next                             []int32
	logits                           []float32 // nil if the model samples
	threads                          int       // that sample from logits

	binding inference.Binding
}

// defaultRows returns the most samples that one call takes where the device has the
// memory. A model with a fixed batch always takes that many; rows beyond the samples
// are ignored.
func (p *Prior) defaultRows() int {
	if p.fixedBatch > 0 {
		return p.fixedBatch
	}
	rows := maxTokens / p.Latent.Tokens()
	if p.session.Device() == inference.CPU {
		rows = maxTokensCPU / p.Latent.Tokens()
	}
	if p.logits {
		rows = min(rows, maxLogits/(p.Latent.Tokens()*p.Vocabulary))
	}
	return max(rows, 1)
}

// bind returns the memory for n samples, n at most maxRows. It is kept for
// later steps and runs, until memory of other sizes needs its place.
func (p *Prior) bind(n int) (*batch, error) {
	if p.fixedBatch > 0 {
		n = p.fixedBatch
	}
	for i, b := range p.batches {
		if b.size == n {
			copy(p.batches[1:], p.batches[:i])
			p.batches[0] = b
			return b, nil
		}
	}
	rows := n
	for i, b := range p.batches {
		if rows += b.size; rows > 2*p.maxRows {
			for _, old := range p.batches[i:] {
				old.binding.Close()
			}
			p.batches = p.batches[:i]
			break
		}
	}
	b, err := p.newBatch(n)
	if err != nil {
		return nil, err
	}
	p.batches = slices.Insert(p.batches, 0, b)
	return b, nil
}

func (p *Prior) newBatch(n int) (*batch, error) {
	row, rows := int64(p.Latent.Tokens()), int64(n)
	grid := []int64{rows, row}
	shapes := map[string][]int64{"tokens": grid, "class": {rows}}
	if p.logits {
		shapes["logits"] = []int64{rows, row, int64(p.Vocabulary)}
	} else {
		for _, name := range []string{"uniform", "update", "next", "confidence"} {
			shapes[name] = grid
		}
		shapes["temperature"] = []int64{rows}
	}
	binding, err := p.session.Bind(n, shapes)
	if err != nil {
		return nil, err
	}
	b := &batch{size: n, threads: p.threads, binding: binding}
	ids := func(name string, narrow *[]int32, wide *[]int64) error {
		t, ok := onnxfile.Find(p.session.Inputs(), name)
		switch {
		case !ok:
			return nil
		case t.Type == onnxfile.Int64:
			return view(binding, name, wide)
		}
		return view(binding, name, narrow)
	}
	errs := []error{ids("tokens", &b.tokens32, &b.tokens64), ids("class", &b.class32, &b.class64)}
	if p.logits {
		size := n * int(row)
		b.uniform, b.update, b.temperature = make([]float32, size), make([]bool, size), make([]float32, n)
		b.next, b.confidence = make([]int32, size), make([]float32, size)
		errs = append(errs, view(binding, "logits", &b.logits))
	} else {
		errs = append(errs, view(binding, "uniform", &b.uniform), view(binding, "update", &b.update),
			view(binding, "temperature", &b.temperature), view(binding, "next", &b.next), view(binding, "confidence", &b.confidence))
	}
	if err := errors.Join(errs...); err != nil {
		binding.Close()
		return nil, err
	}
	return b, nil
}

func view[T inference.Element](b inference.Binding, name string, to *[]T) (err error) {
	*to, err = inference.View[T](b, name)
	return err
}

// put writes a sample's tokens and class into a row.
func (b *batch) put(row int, tokens []uint16, class int) {
	at := row * len(tokens)
	if b.tokens64 != nil {
		for k, id := range tokens {
			b.tokens64[at+k] = int64(id)
		}
	} else {
		for k, id := range tokens {
			b.tokens32[at+k] = int32(id)
		}
	}
	if b.class64 != nil {
		b.class64[row] = int64(class)
	} else if b.class32 != nil {
		b.class32[row] = int32(class)
	}
}

// run computes next and confidence for the first rows.
func (b *batch) run(ctx context.Context, rows int) error {
	if err := b.binding.Run(ctx); err != nil {
		return err
	}
	n := len(b.next) / b.size
	if b.logits != nil {
		return b.draw(ctx, rows*n)
	}
	for _, v := range b.confidence[:rows*n] {
		if math.IsNaN(float64(v)) {
			return ErrNaN
		}
	}
	return nil
}

// drawChunk is how many positions a worker takes at once: a fraction of a
// millisecond of work, so that all workers end at about the same time.
const drawChunk = 8

// draw samples the first positions from their logits, on as many threads as the
// model uses.
func (b *batch) draw(ctx context.Context, positions int) error {
	var next atomic.Int64
	var invalid atomic.Bool
	work := func() {
		for ctx.Err() == nil {
			end := int(next.Add(drawChunk))
			if end-drawChunk >= positions || invalid.Load() {
				return
			}
			for i := end - drawChunk; i < min(end, positions); i++ {
				if !b.drawAt(i) {
					invalid.Store(true)
				}
			}
		}
	}
	var workers sync.WaitGroup
	for range b.threads - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	if invalid.Load() {
		return ErrNaN
	}
	return ctx.Err()
}

// drawAt samples one position. It returns false if a logit is NaN or +Inf.
func (b *batch) drawAt(i int) bool {
	positions := len(b.next)
	v, n := len(b.logits)/positions, positions/b.size
	token, probability, ok := draw(b.logits[i*v:(i+1)*v], b.temperature[i/n], b.uniform[i])
	b.confidence[i] = probability
	switch {
	case b.update[i]:
		b.next[i] = int32(token)
	case b.tokens64 != nil:
		b.next[i] = int32(b.tokens64[i])
	default:
		b.next[i] = b.tokens32[i]
	}
	return ok
}

// check returns an error if the model drew a token outside the vocabulary.
func (p *Prior) check(next []int32) error {
	for _, id := range next {
		if uint(id) >= uint(p.Vocabulary) {
			return fmt.Errorf("the model returned token %d, its vocabulary has %d", id, p.Vocabulary)
		}
	}
	return nil
}
