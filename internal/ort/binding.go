package ort

import (
	"context"
	"errors"
	"fmt"
	"time"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// binding implements [inference.Binding]. At a megapixel a decoder's output takes 3 MB
// per image, so bindings of batch sizes that are no longer used should be closed.
type binding struct {
	session         *Session
	inputs, outputs []bound
	io              *onnxruntime.IoBinding
	values          struct{ inputs, outputs []onnxruntime.Value } // the same tensors, as RunWithOptions wants them
	options         *onnxruntime.RunOptions
	last            time.Duration // what the last run took
}

// bound is one tensor with its memory.
type bound struct {
	onnxfile.Tensor
	value onnxruntime.Value
	data  any // []int32 and so on
}

// Bind allocates memory for a batch, see [inference.Session].
func (s *Session) Bind(batch int, shapes map[string][]int64) (inference.Binding, error) {
	b, err := s.bind(batch, shapes)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (s *Session) bind(batch int, shapes map[string][]int64) (*binding, error) {
	if batch < 1 {
		return nil, fmt.Errorf("a batch must be at least 1, not %d", batch)
	}
	b := &binding{session: s}
	if err := b.allocate(int64(batch), shapes); err != nil {
		b.Close()
		return nil, fmt.Errorf("allocate a batch of %d: %w", batch, err)
	}
	return b, nil
}

func (b *binding) allocate(batch int64, shapes map[string][]int64) error {
	var err error
	if b.io, err = b.session.session.CreateIoBinding(); err != nil {
		return err
	}
	if b.options, err = onnxruntime.NewRunOptions(); err != nil {
		return err
	}
	if b.inputs, err = allocateAll(b.session.inputs, batch, shapes); err != nil {
		return err
	}
	if b.outputs, err = allocateAll(b.session.outputs, batch, shapes); err != nil {
		return err
	}
	for _, t := range b.inputs {
		b.values.inputs = append(b.values.inputs, t.value)
	}
	for _, t := range b.outputs {
		b.values.outputs = append(b.values.outputs, t.value)
		if err := b.io.BindOutput(t.Name, t.value); err != nil {
			return fmt.Errorf("%v: %w", t.Tensor, err)
		}
	}
	return b.bindInputs()
}

// bindInputs gives the inputs to the runtime. A device other than the CPU copies
// them at this moment, so it needs them bound again whenever they have changed.
func (b *binding) bindInputs() error {
	for _, t := range b.inputs {
		if err := b.io.BindInput(t.Name, t.value); err != nil {
			return fmt.Errorf("%v: %w", t.Tensor, err)
		}
	}
	return nil
}

// allocateAll allocates memory for tensors. After an error it returns what it has
// allocated until then, so that it can be freed.
func allocateAll(tensors []onnxfile.Tensor, batch int64, shapes map[string][]int64) ([]bound, error) {
	var all []bound
	for _, t := range tensors {
		shape, err := closedShape(t, batch, shapes[t.Name])
		if err != nil {
			return all, err
		}
		value, data, err := newTensor(t.Type, shape)
		if err != nil {
			return all, fmt.Errorf("%v: %w", t, err)
		}
		all = append(all, bound{onnxfile.Tensor{Name: t.Name, Type: t.Type, Shape: shape}, value, data})
	}
	return all, nil
}

// maxElements bounds the elements of one tensor: 8 GB as float32, far more than
// any model needs.
const maxElements = 2 << 30

// closedShape returns a tensor's shape with no axis left open: given, if the caller
// gave one, else the file's with the batch filled in.
func closedShape(t onnxfile.Tensor, batch int64, given []int64) ([]int64, error) {
	shape := append([]int64{}, t.Shape...)
	switch {
	case given != nil:
		if t.Shape != nil && len(given) != len(t.Shape) {
			return nil, fmt.Errorf("%v can't have the shape %v", t, given)
		}
		for i, d := range t.Shape {
			if d != onnxfile.Dynamic && d != given[i] {
				return nil, fmt.Errorf("%v can't have the shape %v", t, given)
			}
		}
		shape = append(shape[:0], given...)
	case t.Shape == nil:
		return nil, fmt.Errorf("the file gives no shape for %v", t)
	case len(shape) > 0 && shape[0] == onnxfile.Dynamic:
		shape[0] = batch
	case len(shape) > 0 && batch != 1 && shape[0] != batch:
		return nil, fmt.Errorf("the model was exported for batches of %d only (%v)", shape[0], t)
	}
	elements := int64(1)
	for _, d := range shape {
		if d < 1 {
			return nil, fmt.Errorf("the file leaves more than the batch open in %v", t)
		}
		if elements *= d; elements > maxElements {
			return nil, fmt.Errorf("%v would need more than %d elements", t, int64(maxElements))
		}
	}
	return shape, nil
}

// newTensor allocates a tensor of zeros.
func newTensor(t onnxfile.Type, shape []int64) (onnxruntime.Value, any, error) {
	switch t {
	case onnxfile.Float32:
		return newTensorOf[float32](shape)
	case onnxfile.Uint8:
		return newTensorOf[uint8](shape)
	case onnxfile.Int32:
		return newTensorOf[int32](shape)
	case onnxfile.Int64:
		return newTensorOf[int64](shape)
	case onnxfile.Bool:
		return newTensorOf[bool](shape)
	}
	return nil, nil, fmt.Errorf("inputs and outputs of %v aren't supported", t)
}

func newTensorOf[T inference.Element](shape []int64) (onnxruntime.Value, any, error) {
	if len(shape) == 0 { // a scalar: the library's own tensors have at least one axis
		shape = []int64{1}
	}
	v, err := onnxruntime.NewEmptyTensor[T](shape)
	if err != nil {
		return nil, nil, err
	}
	return v, v.GetData(), nil
}

// Memory returns the elements of an input or output, see [inference.Binding].
func (b *binding) Memory(name string) any {
	for _, list := range [][]bound{b.inputs, b.outputs} {
		for _, t := range list {
			if t.Name == name {
				return t.data
			}
		}
	}
	return nil
}

// interruptAfter is how long the last run must have taken for the next one to be
// interrupted when it is cancelled. Shorter ones finish first. How long the first one
// takes is unknown, so it can be interrupted as well.
const interruptAfter = 200 * time.Millisecond

// Run computes the outputs, see [inference.Binding]. On the CPU it allocates and copies
// nothing on the Go side, unless it has to be interruptible, which costs a few
// small allocations.
func (b *binding) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	var err error
	if (b.last == 0 || b.last > interruptAfter) && ctx.Done() != nil {
		err = b.runInterruptibly(ctx)
	} else {
		err = b.run()
	}
	if cancelled := ctx.Err(); cancelled != nil {
		return cancelled
	}
	if err != nil {
		return fmt.Errorf("run a model on %s: %w", b.session.device, err)
	}
	b.last = time.Since(began)
	return nil
}

// run can't be interrupted: the wrapper's call for bound tensors takes no run
// options.
func (b *binding) run() error {
	if b.session.device != CPU {
		if err := b.bindInputs(); err != nil {
			return shortError(err)
		}
	}
	if err := b.session.session.RunWithBinding(b.io); err != nil {
		return shortError(err)
	}
	return nil
}

// runInterruptibly ends the run when ctx is cancelled.
func (b *binding) runInterruptibly(ctx context.Context) error {
	terminated := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { terminated <- b.options.Terminate() })
	err := b.session.session.RunWithOptions(b.values.inputs, b.values.outputs, b.options)
	if !stop() {
		// The flag is set, or is about to be. It must be cleared, or it would end the
		// next run.
		err = errors.Join(<-terminated, b.options.UnsetTerminate())
	}
	if err != nil {
		return shortError(err)
	}
	return nil
}

// Close frees the memory.
func (b *binding) Close() {
	if b.io != nil {
		b.io.Destroy()
	}
	if b.options != nil {
		b.options.Destroy()
	}
	for _, list := range [][]bound{b.inputs, b.outputs} {
		for _, t := range list {
			t.value.Destroy()
		}
	}
	*b = binding{}
}
