package engine

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"sundae/internal/onnxfile"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
)

// allCores is the ONNX backend with its graphs run on every core. By itself the backend
// leaves the number of threads to ONNX Runtime, which counts physical cores: on many
// virtual machines with two cores that gives one thread. Here the backend only compiles a
// graph. It runs in the same kind of session that sampling uses: on all cores, and with
// matrix products in place of Einsums.
type allCores struct {
	*onnxbackend.Backend
	runtime *ort.Runtime
	threads int // for graphs compiled from now on
}

func openAllCores(inner compute.Backend, library string) (compute.Backend, error) {
	rt, err := ort.Load(install.Library{Path: library})
	if err != nil {
		return nil, err
	}
	writer := inner.(*onnxbackend.Backend)
	writer.SetKeepModelProto(true)
	return &allCores{writer, rt, ort.Cores()}, nil
}

// maxParallelism bounds Parallelism: each graph is compiled separately and keeps its own
// activations.
const maxParallelism = 4

// Parallelism is the number of graphs to run at the same time on the backend. On a CPU,
// shares of a batch with one core each are faster than the whole batch on all cores, because
// many operations are too small to be split between threads.
func Parallelism(backend compute.Backend) int {
	if b, ok := backend.(*allCores); ok {
		return min(b.threads, maxParallelism)
	}
	return 1
}

// CompileShared calls compile, and gives each of the n graphs that it compiles an equal
// share of the cores, for running them at the same time.
func CompileShared(backend compute.Backend, n int, compile func() error) error {
	if b, ok := backend.(*allCores); ok {
		all := b.threads
		b.threads = max(1, all/n)
		defer func() { b.threads = all }()
	}
	return compile()
}

// Builder returns a builder whose graphs are run by this package.
func (b *allCores) Builder(name string) compute.Builder {
	return builder{b.Backend.Builder(name), b}
}

// BufferFromFlatData returns memory that holds flat.
func (b *allCores) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	inner, err := b.Backend.BufferFromFlatData(device, flat, shape)
	if err != nil {
		return nil, err
	}
	return memory{inner, b}, nil
}

// NewSharedBuffer returns memory that Go and graphs share.
func (b *allCores) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	inner, flat, err := b.Backend.NewSharedBuffer(device, shape)
	if err != nil {
		return nil, nil, err
	}
	return memory{inner, b}, flat, nil
}

// memory is a buffer of the inner backend that names this one as its backend, which GoMLX
// checks.
type memory struct {
	compute.Buffer
	backend *allCores
}

func (m memory) Backend() compute.Backend { return m.backend }

type builder struct {
	compute.Builder
	backend *allCores
}

// Compile opens the ONNX model that the backend has compiled in a session of our own.
// Graphs without inputs or with dynamic shapes (initial values, exports) stay with the
// backend.
func (b builder) Compile() (compute.Executable, error) {
	compiled, err := b.Builder.Compile()
	if err != nil {
		return nil, err
	}
	names, inputs := compiled.Inputs()
	outputs := compiled.Outputs()
	if names[0] == noInputs || !isStatic(inputs) || !isStatic(outputs) {
		return direct{compiled, b.backend}, nil
	}
	var model bytes.Buffer
	if err := onnxbackend.SaveModel(b.backend.Backend, compiled, &model, nil, nil); err != nil {
		return nil, fmt.Errorf("take the graph from the backend: %w", err)
	}
	session, err := b.backend.runtime.Open(onnxfile.Model{Graph: model.Bytes()}, ort.Options{Device: ort.CPU, Threads: b.backend.threads})
	if err != nil {
		return nil, err
	}
	compiled.Finalize()
	return &executable{backend: b.backend, session: session, names: names, inputs: inputs, outputs: outputs}, nil
}

// direct is a graph that the inner backend runs.
type direct struct {
	compute.Executable
	backend *allCores
}

// Execute unwraps the inputs' memory and wraps the outputs'.
func (d direct) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	inner := make([]compute.Buffer, len(inputs))
	for i, m := range inputs {
		inner[i] = m.(memory).Buffer
	}
	outputs, err := d.Executable.Execute(inner, donate, device)
	for i, buffer := range outputs {
		outputs[i] = memory{buffer, d.backend}
	}
	return outputs, err
}

// noInputs is the name of the placeholder input that the backend gives a graph without inputs.
const noInputs = "dummy_input"

// isStatic reports whether all shapes are static, and of types that a session reads and
// writes in place.
func isStatic(list []shapes.Shape) bool {
	for _, s := range list {
		switch s.DType {
		case dtypes.Float32, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Bool:
		default:
			return false
		}
		if s.IsDynamic() {
			return false
		}
	}
	return true
}

// executable is one graph in a session.
type executable struct {
	backend         *allCores
	names           []string
	inputs, outputs []shapes.Shape

	mu      sync.Mutex
	session *ort.Session
	spare   []compute.Buffer // donated by earlier runs, for outputs
}

func (e *executable) Inputs() ([]string, []shapes.Shape) { return e.names, e.inputs }
func (e *executable) Outputs() []shapes.Shape            { return e.outputs }

// Execute runs the graph. Donated buffers become the outputs of the next run.
func (e *executable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session == nil {
		return nil, errors.New("the graph has been closed")
	}
	defer runtime.KeepAlive(inputs) // their memory isn't Go's
	in, out := make([]any, len(inputs)), make([]any, len(e.outputs))
	for i, buffer := range inputs {
		var err error
		if in[i], err = buffer.Data(); err != nil {
			return nil, fmt.Errorf("read input %s: %w", e.names[i], err)
		}
	}
	made := make([]compute.Buffer, len(e.outputs))
	for i, shape := range e.outputs {
		var err error
		if made[i], out[i], err = e.output(shape, device); err != nil {
			return nil, fmt.Errorf("allocate output %d: %w", i, err)
		}
	}
	if err := e.session.RunSlices(in, out); err != nil {
		return nil, err
	}
	for i, given := range donate {
		if given {
			e.spare = append(e.spare, inputs[i])
		}
	}
	return made, nil
}

// output is the memory of an output: a spare buffer of its shape, or a new one.
func (e *executable) output(shape shapes.Shape, device compute.DeviceNum) (compute.Buffer, any, error) {
	for i, buffer := range e.spare {
		if have, err := buffer.Shape(); err == nil && have.Equal(shape) {
			e.spare[i] = e.spare[len(e.spare)-1]
			e.spare = e.spare[:len(e.spare)-1]
			data, err := buffer.Data()
			return buffer, data, err
		}
	}
	return e.backend.NewSharedBuffer(device, shape)
}

// Finalize frees the session.
func (e *executable) Finalize() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session != nil {
		e.session.Close()
		e.session = nil
	}
	for _, buffer := range e.spare {
		_ = buffer.Finalize()
	}
	e.spare = nil
}
