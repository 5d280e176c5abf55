package sampler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"sundae/internal/onnx"
)

// What one call of the model may hold. More samples are given to it in turn: that
// costs no time, for this much keeps a device busy, and bounds the memory. At
// 1024 tokens a sample's attention takes 32 MB with 8 heads, its logits 32 MB with
// 8192 codes. A CPU's few cores are busy with less, and its caches hold less.
const (
	tokensAtOnce    = 1 << 14
	tokensAtOnceCPU = 1 << 12
	logitsAtOnce    = 1 << 26
)

// batch is the memory of one call: views of the model's inputs and outputs, one
// row a sample. A model that gives logits has ids instead of the other inputs, and
// the rest is this program's own memory. Of tokens and class there is one of two
// widths, or none.
type batch struct {
	size                             int // rows
	tokens32, class32                []int32
	tokens64, class64                []int64
	uniform, temperature, confidence []float32
	update                           []bool
	next                             []int32
	logits                           []float32 // nil where the model samples
	threads                          int       // that sample from logits

	binding *onnx.Binding
}

// rowsAtOnce is the most samples that one call takes; a file with a fixed batch
// takes just that many, some of them for nothing.
func (p *Prior) rowsAtOnce() int {
	if fixed := p.session.FixedBatch(); fixed > 0 {
		return fixed
	}
	rows := tokensAtOnce / p.Latent.Tokens()
	if p.session.Device == onnx.CPU {
		rows = tokensAtOnceCPU / p.Latent.Tokens()
	}
	if p.logits {
		rows = min(rows, logitsAtOnce/(p.Latent.Tokens()*p.Vocabulary))
	}
	return max(rows, 1)
}

// bind returns the memory for n samples, n at most rowsAtOnce. It is kept for
// the steps and runs that follow, the latest used first, until others need the room.
func (p *Prior) bind(n int) (*batch, error) {
	if fixed := p.session.FixedBatch(); fixed > 0 {
		n = fixed
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
		if rows += b.size; rows > 2*p.rowsAtOnce() {
			for _, old := range p.batches[i:] {
				old.binding.Close()
			}
			p.batches = p.batches[:i]
			break
		}
	}
	b, err := p.makeBatch(n)
	if err != nil {
		return nil, err
	}
	p.batches = slices.Insert(p.batches, 0, b)
	return b, nil
}

func (p *Prior) makeBatch(n int) (*batch, error) {
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
	take := func(to *[]int32, wide *[]int64, name string) error {
		t, ok := p.session.Input(name)
		if !ok {
			return nil
		}
		var err error
		if t.Type == onnx.Int64 {
			*wide, err = onnx.Data[int64](binding, name)
		} else {
			*to, err = onnx.Data[int32](binding, name)
		}
		return err
	}
	errs := []error{take(&b.tokens32, &b.tokens64, "tokens"), take(&b.class32, &b.class64, "class")}
	if p.logits {
		size := n * int(row)
		b.uniform, b.update, b.temperature = make([]float32, size), make([]bool, size), make([]float32, n)
		b.next, b.confidence = make([]int32, size), make([]float32, size)
		b.logits, err = onnx.Data[float32](binding, "logits")
		errs = append(errs, err)
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

func view[T onnx.Element](b *onnx.Binding, name string, to *[]T) (err error) {
	*to, err = onnx.Data[T](b, name)
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

// run computes next and confidence of the first rows.
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
			return ErrNumbers
		}
	}
	return nil
}

// drawChunk is how many positions a worker takes at once: a fraction of a
// millisecond's work, so that they all end together.
const drawChunk = 8

// draw samples the first positions from their logits, on the threads that the model has.
func (b *batch) draw(ctx context.Context, positions int) error {
	var next atomic.Int64
	var wrong atomic.Bool
	work := func() {
		for ctx.Err() == nil {
			end := int(next.Add(drawChunk))
			if end-drawChunk >= positions || wrong.Load() {
				return
			}
			for i := end - drawChunk; i < min(end, positions); i++ {
				if !b.drawAt(i) {
					wrong.Store(true)
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
	if wrong.Load() {
		return ErrNumbers
	}
	return ctx.Err()
}

// drawAt samples one position, and says whether its logits are numbers.
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

// check says what is wrong with the tokens of a row that a model drew.
func (p *Prior) check(next []int32) error {
	for _, id := range next {
		if uint(id) >= uint(p.Vocabulary) {
			return fmt.Errorf("the model gave token %d, its vocabulary has %d", id, p.Vocabulary)
		}
	}
	return nil
}
