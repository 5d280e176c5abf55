package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Options says where a model is to run.
type Options struct {
	Device  string // Auto (or ""), CUDA, TensorRT, WebGPU, CoreML or CPU
	Threads int    // CPU threads; 0 is one a core
}

// A Session is a model on a device. It may be used by several goroutines, each
// with its own [Binding].
type Session struct {
	Inputs, Outputs []Tensor
	Device          string   // the device in use, never Auto
	Why             []string // with Auto: why the devices before it weren't taken

	session *ort.DynamicAdvancedSession
	options *ort.SessionOptions
}

// Open loads a model. [Start] must have been called. A device that was asked for
// by name and can't be had is an error that says what is missing and what Auto
// would take.
func Open(model []byte, o Options) (*Session, error) {
	if Loaded() == "" {
		return nil, errors.New("opening a model: ONNX Runtime wasn't loaded (onnx.Start)")
	}
	if o.Device == Auto || o.Device == "" {
		return openAuto(model, o)
	}
	known := []string{CUDA, TensorRT, WebGPU, CoreML, CPU}
	if !slices.Contains(known, o.Device) {
		return nil, fmt.Errorf("there is no device %q: take %s or %s", o.Device, Auto, strings.Join(known, ", "))
	}
	if err := probe(o.Device); err != nil {
		return nil, fmt.Errorf("the device %s can't be used: %w; %s would take %s", o.Device, err, Auto, Best())
	}
	return openOn(model, o.Device, o.Threads)
}

// openAuto takes the first choice that runs.
func openAuto(model []byte, o Options) (*Session, error) {
	var why []string
	for _, device := range choices {
		err := probe(device)
		var s *Session
		if err == nil {
			s, err = openOn(model, device, o.Threads)
		}
		if err == nil {
			s.Why = why
			return s, nil
		}
		if device == CPU { // the last: a model that the CPU can't run is at fault itself
			return nil, err
		}
		why = append(why, fmt.Sprintf("%s: %v", device, err))
	}
	panic("onnx: the CPU isn't among the choices")
}

func openOn(model []byte, device string, threads int) (*Session, error) {
	options, err := sessionOptions(device, threads)
	if err != nil {
		return nil, fmt.Errorf("opening a model on %s: %w", device, err)
	}
	s, err := newSession(model, options)
	if err != nil {
		options.Destroy()
		return nil, fmt.Errorf("opening a model on %s: %w", device, err)
	}
	s.Device, s.options = device, options
	return s, nil
}

// newSession loads a model with options that stay the caller's.
func newSession(model []byte, options *ort.SessionOptions) (*Session, error) {
	inputs, outputs, err := Describe(model)
	if err != nil {
		return nil, err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(productsForEinsums(model), names(inputs), names(outputs), options)
	if err != nil {
		return nil, errors.New(brief(err))
	}
	return &Session{Inputs: inputs, Outputs: outputs, session: session}, nil
}

func names(tensors []Tensor) []string {
	list := make([]string, len(tensors))
	for i, t := range tensors {
		list[i] = t.Name
	}
	return list
}

// Input describes the input of that name.
func (s *Session) Input(name string) (Tensor, bool) { return find(s.Inputs, name) }

// Output describes the output of that name.
func (s *Session) Output(name string) (Tensor, bool) { return find(s.Outputs, name) }

// FixedBatch is the batch that the model was exported for, 0 where it is open.
func (s *Session) FixedBatch() int {
	for _, t := range s.Inputs {
		if len(t.Shape) > 0 && t.Shape[0] != Dynamic {
			return int(t.Shape[0])
		}
	}
	return 0
}

func find(tensors []Tensor, name string) (Tensor, bool) {
	i := slices.IndexFunc(tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return tensors[i], true
}

// Close frees the model. Its bindings must have been closed before.
func (s *Session) Close() {
	s.session.Destroy()
	if s.options != nil {
		s.options.Destroy()
	}
}
