// Package inference is what sampler and decoder need of an opened network: to run it
// on a batch, with tensors found by name. internal/ort implements it with ONNX
// Runtime.
package inference

import (
	"context"
	"fmt"

	"sundae/internal/onnxfile"
)

// An Opener opens an ONNX file on the device that it was made for. The session
// does not keep the file, but may read the external data of its folder until it is
// closed.
type Opener func(file onnxfile.Model) (Session, error)

// CPU is the [Session.Device] of sessions that run on the CPU.
const CPU = "cpu"

// A Session is a network on a device. Several goroutines may use it, each with its
// own [Binding].
type Session interface {
	// Inputs and Outputs describe the network's tensors, as the file does.
	Inputs() []onnxfile.Tensor
	Outputs() []onnxfile.Tensor

	// Device is the name of the device in use.
	Device() string
	// Threads is the number of CPU threads that were asked for, 0 for all cores.
	// Work on the host that goes with this network takes no more.
	Threads() int

	// Bind allocates the inputs and outputs for one batch size: the open first axis
	// of every tensor gets the length batch. Other open axes, and tensors without a
	// shape in the file, need their whole shape in shapes, by name; it may be nil
	// otherwise. The memory begins as zeros.
	Bind(batch int, shapes map[string][]int64) (Binding, error)

	// Close frees the network. Its bindings must have been closed before.
	Close()
}

// A Binding is the memory of the inputs and outputs for one batch size. It is
// used by one goroutine at a time.
type Binding interface {
	// Memory returns the elements of an input, to write before a run, or of an
	// output, to read after it: a []float32, []int32, []int64, []uint8 or []bool in
	// row-major order. It is the same slice until Close. It is nil if no input or
	// output has this name. [View] returns it with its type.
	Memory(name string) any

	// Run computes the outputs from the inputs. If ctx is cancelled it returns
	// ctx's error, and the outputs are undefined.
	Run(ctx context.Context) error

	// Close frees the memory. What Memory returned must not be used any more.
	Close()
}

// Element is the Go type of a tensor's elements.
type Element interface {
	int32 | int64 | float32 | bool | uint8
}

// View returns the memory of an input or output, see [Binding.Memory].
func View[T Element](b Binding, name string) ([]T, error) {
	switch memory := b.Memory(name).(type) {
	case []T:
		return memory, nil
	case nil:
		return nil, fmt.Errorf("the model has no input or output %q", name)
	default:
		return nil, fmt.Errorf("%s is a %T, not a %T", name, memory, []T(nil))
	}
}
