package onnx

import (
	"context"
	"errors"
	"fmt"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// A Binding is the memory for the inputs and outputs of one batch size. It is
// used by one goroutine at a time. Make one for each batch size that is run
// often, and close it when the size changes: at a megapixel a decoder's output
// takes 3 MB a picture.
type Binding struct {
	Batch int

	session         *Session
	inputs, outputs []slot
	binding         *ort.IoBinding
	values          struct{ inputs, outputs []ort.Value } // the same, as RunWithOptions wants them
	options         *ort.RunOptions
	last            time.Duration // what the last run took
}

// A slot is one tensor with its memory.
type slot struct {
	Tensor
	value ort.Value
	data  any // []int32 and so on, by Type
}

// Element is the Go type of an input's or output's elements.
type Element interface {
	int32 | int64 | float32 | bool | uint8
}

// Bind makes memory for a batch: the open first axis of every input and output
// gets the length batch. Other open axes, and outputs without a shape in the
// file, need a whole shape by name in shapes, which may be nil otherwise.
//
// The memory begins as zeros.
func (s *Session) Bind(batch int, shapes map[string][]int64) (*Binding, error) {
	if batch < 1 {
		return nil, fmt.Errorf("a batch of %d can't be run", batch)
	}
	b := &Binding{Batch: batch, session: s}
	if err := b.make(shapes); err != nil {
		b.Close()
		return nil, fmt.Errorf("making room for a batch of %d: %w", batch, err)
	}
	return b, nil
}

func (b *Binding) make(shapes map[string][]int64) error {
	var err error
	if b.binding, err = b.session.session.CreateIoBinding(); err != nil {
		return err
	}
	if b.options, err = ort.NewRunOptions(); err != nil {
		return err
	}
	if b.inputs, err = b.slots(b.session.Inputs, shapes, b.binding.BindInput); err != nil {
		return err
	}
	if b.outputs, err = b.slots(b.session.Outputs, shapes, b.binding.BindOutput); err != nil {
		return err
	}
	for _, s := range b.inputs {
		b.values.inputs = append(b.values.inputs, s.value)
	}
	for _, s := range b.outputs {
		b.values.outputs = append(b.values.outputs, s.value)
	}
	return nil
}

// slots makes memory for tensors and binds it. After an error it returns what
// was made until then, so that it can be freed.
func (b *Binding) slots(tensors []Tensor, shapes map[string][]int64, bind func(string, ort.Value) error) ([]slot, error) {
	var made []slot
	for _, t := range tensors {
		shape, err := b.shape(t, shapes[t.Name])
		if err != nil {
			return made, err
		}
		s := slot{Tensor: Tensor{Name: t.Name, Type: t.Type, Shape: shape}}
		if s.value, s.data, err = allocate(t.Type, shape); err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
		made = append(made, s)
		if err := bind(t.Name, s.value); err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
	}
	return made, nil
}

// shape is a tensor's shape with nothing left open.
func (b *Binding) shape(t Tensor, given []int64) ([]int64, error) {
	shape := append([]int64{}, t.Shape...)
	switch {
	case given != nil:
		shape = append(shape[:0], given...)
		if t.Shape != nil && len(given) != len(t.Shape) {
			return nil, fmt.Errorf("%v can't have the shape %v", t, given)
		}
		for i, d := range t.Shape {
			if d != Dynamic && d != given[i] {
				return nil, fmt.Errorf("%v can't have the shape %v", t, given)
			}
		}
	case t.Shape == nil:
		return nil, fmt.Errorf("the file gives no shape for %v", t)
	case len(shape) > 0 && shape[0] == Dynamic:
		shape[0] = int64(b.Batch)
	case len(shape) > 0 && b.Batch != 1 && shape[0] != int64(b.Batch):
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

// maxElements is the most elements of one tensor: 8 GB as float32, a sign of a
// slip long before it.
const maxElements = 2 << 30

// allocate makes a tensor of zeros.
func allocate(t Type, shape []int64) (ort.Value, any, error) {
	switch t {
	case Float32:
		return empty[float32](shape)
	case Uint8:
		return empty[uint8](shape)
	case Int32:
		return empty[int32](shape)
	case Int64:
		return empty[int64](shape)
	case Bool:
		return empty[bool](shape)
	}
	return nil, nil, fmt.Errorf("inputs and outputs of %v aren't supported", t)
}

func empty[T Element](shape []int64) (ort.Value, any, error) {
	if len(shape) == 0 {
		v, err := ort.NewTensor(ort.NewShape(1), make([]T, 1))
		return v, v.GetData(), err
	}
	v, err := ort.NewEmptyTensor[T](shape)
	if err != nil {
		return nil, nil, err
	}
	return v, v.GetData(), nil
}

// Data is the memory of an input (to write before a run) or an output (to read
// after it), row by row. It stays the same slice until the binding is closed.
func Data[T Element](b *Binding, name string) ([]T, error) {
	for _, list := range [][]slot{b.inputs, b.outputs} {
		for _, s := range list {
			if s.Name != name {
				continue
			}
			data, ok := s.data.([]T)
			if !ok {
				var want T
				return nil, fmt.Errorf("%v doesn't hold %T", s.Tensor, want)
			}
			return data, nil
		}
	}
	return nil, fmt.Errorf("the model has no input or output %q", name)
}

// Shape is the full shape of an input or output, nil if there is none of that
// name.
func (b *Binding) Shape(name string) []int64 {
	for _, list := range [][]slot{b.inputs, b.outputs} {
		for _, s := range list {
			if s.Name == name {
				return s.Shape
			}
		}
	}
	return nil
}

// patience is how long a run may take for cancelling to wait until its end.
const patience = 200 * time.Millisecond

// Run computes the outputs from the inputs. It allocates nothing and copies
// nothing on the Go side.
//
// Cancelling ctx ends it with ctx's error, after which the outputs are
// undefined. Runs that take longer than a person notices are interrupted in the
// middle, which costs a few small allocations; shorter ones finish first.
func (b *Binding) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	var err error
	if b.last > patience && ctx.Done() != nil {
		err = b.runInterruptibly(ctx)
	} else {
		err = b.run()
	}
	if stopped := ctx.Err(); stopped != nil {
		return stopped
	}
	if err != nil {
		return fmt.Errorf("running a model on %s: %w", b.session.Device, err)
	}
	b.last = time.Since(began)
	return nil
}

// run is the way without any allocation, which can't be interrupted: the
// wrapper's call for bound tensors takes no run options.
func (b *Binding) run() error {
	if err := b.session.session.RunWithBinding(b.binding); err != nil {
		return errors.New(brief(err))
	}
	return nil
}

// runInterruptibly stops the run when ctx ends.
func (b *Binding) runInterruptibly(ctx context.Context) error {
	terminated := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { terminated <- b.options.Terminate() })
	err := b.session.session.RunWithOptions(b.values.inputs, b.values.outputs, b.options)
	if !stop() {
		// The flag was set, or is being set just now. Left standing it would end the next run.
		err = errors.Join(<-terminated, b.options.UnsetTerminate())
	}
	if err != nil {
		return errors.New(brief(err))
	}
	return nil
}

// Close frees the memory. The slices that [Data] returned must not be used any more.
func (b *Binding) Close() {
	if b.binding != nil {
		b.binding.Destroy()
	}
	if b.options != nil {
		b.options.Destroy()
	}
	for _, list := range [][]slot{b.inputs, b.outputs} {
		for _, s := range list {
			s.value.Destroy()
		}
	}
	*b = Binding{}
}
