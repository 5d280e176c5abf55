package ort

import (
	"fmt"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// Options says where and how a model runs.
type Options struct {
	Device  string // one of [DeviceNames]; "" is Auto
	Threads int    // CPU threads; 0 is one per physical core, see [Cores]
}

// Session is a model on a device. It implements [inference.Session].
type Session struct {
	inputs, outputs []onnxfile.Tensor
	device          string
	skipped         []string
	threads         int

	session *onnxruntime.DynamicAdvancedSession
	options *onnxruntime.SessionOptions
}

// Open loads a model. A device that was asked for by name and can't be used is
// an error that says what it lacks and what Auto would take.
func (rt *Runtime) Open(file []byte, o Options) (*Session, error) {
	if o.Device == Auto || o.Device == "" {
		return rt.openAuto(file, o.Threads)
	}
	p, ok := findProvider(o.Device)
	if !ok {
		return nil, fmt.Errorf("there is no device %q: use %s", o.Device, DeviceList())
	}
	if err := rt.probe(p); err != nil {
		return nil, fmt.Errorf("device %s can't be used: %w; %s would take %s", o.Device, err, Auto, rt.Best())
	}
	return openOn(file, p, o.Threads)
}

// Opener returns a function that opens models with these options.
func (rt *Runtime) Opener(o Options) inference.Opener {
	return func(file []byte) (inference.Session, error) {
		s, err := rt.Open(file, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// openAuto takes the first device that runs the model.
func (rt *Runtime) openAuto(file []byte, threads int) (*Session, error) {
	var skipped []string
	for _, p := range providers {
		if !p.auto || p.device == CPU {
			continue
		}
		err := rt.probe(p)
		if err == nil {
			var s *Session
			if s, err = newSession(file, p, threads); err == nil {
				s.skipped = skipped
				return s, nil
			}
		}
		skipped = append(skipped, fmt.Sprintf("%s: %v", p.device, err))
	}
	s, err := openOn(file, cpu, threads) // an error now is the model's fault
	if err != nil {
		return nil, err
	}
	s.skipped = skipped
	return s, nil
}

// openOn loads a model on one device.
func openOn(file []byte, p provider, threads int) (*Session, error) {
	s, err := newSession(file, p, threads)
	if err != nil {
		return nil, fmt.Errorf("open a model on %s: %w", p.device, err)
	}
	return s, nil
}

func newSession(file []byte, p provider, threads int) (*Session, error) {
	inputs, outputs, err := onnxfile.Describe(file)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(p, threads)
	if err != nil {
		return nil, err
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(onnxfile.MatMulForEinsum(file), names(inputs), names(outputs), options)
	if err != nil {
		options.Destroy()
		return nil, shortError(err)
	}
	return &Session{inputs: inputs, outputs: outputs, device: p.device, threads: threads, session: session, options: options}, nil
}

func names(tensors []onnxfile.Tensor) []string {
	list := make([]string, len(tensors))
	for i, t := range tensors {
		list[i] = t.Name
	}
	return list
}

// Inputs describes the model's inputs.
func (s *Session) Inputs() []onnxfile.Tensor { return s.inputs }

// Outputs describes the model's outputs.
func (s *Session) Outputs() []onnxfile.Tensor { return s.outputs }

// Device is the device in use, never Auto.
func (s *Session) Device() string { return s.device }

// Skipped says for each device that Auto tried before this one why it was not
// taken.
func (s *Session) Skipped() []string { return s.skipped }

// Threads is what [Options] asked for.
func (s *Session) Threads() int { return s.threads }

// Close frees the model. Its bindings must have been closed before.
func (s *Session) Close() {
	s.session.Destroy()
	s.options.Destroy()
}
