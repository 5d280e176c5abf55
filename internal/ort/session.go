package ort

import (
	"errors"
	"fmt"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// Options says where and how a model runs.
type Options struct {
	Device  string // one of [DeviceNames], or with a card's number as in "cuda:1"; "" is Auto
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
	p, card, err := findProvider(o.Device)
	if err != nil {
		return nil, err
	}
	if err := rt.probe(p, card); err != nil {
		usable, _ := rt.AutoDevices()
		return nil, fmt.Errorf("device %s can't be used: %w; %s would take %s", o.Device, err, Auto, usable[0].Device)
	}
	return openOn(file, p, card, o.Threads)
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

// openAuto takes the first device that opens the model.
func (rt *Runtime) openAuto(file []byte, threads int) (*Session, error) {
	usable, skipped := rt.AutoDevices()
	for _, d := range usable {
		p, card, err := findProvider(d.Device)
		if err != nil {
			return nil, err
		}
		s, err := openOn(file, p, card, threads)
		switch {
		case err == nil:
			s.skipped = skipped
			return s, nil
		case p.device == CPU: // the last one: it is the model's fault
			return nil, err
		}
		skipped = append(skipped, fmt.Sprintf("%s: %v", d.Device, err))
	}
	return nil, errors.New("no device can run models: the CPU does not pass the test either")
}

// openOn loads a model on one device.
func openOn(file []byte, p provider, card, threads int) (*Session, error) {
	s, err := newSession(file, p, card, threads)
	if err != nil {
		return nil, fmt.Errorf("open a model on %s: %w", p.device, err)
	}
	return s, nil
}

func newSession(file []byte, p provider, card, threads int) (*Session, error) {
	inputs, outputs, err := onnxfile.Describe(file)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(p, card, threads)
	if err != nil {
		return nil, err
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(onnxfile.MatMulForEinsum(file), names(inputs), names(outputs), options)
	if err != nil {
		options.Destroy()
		return nil, shortError(err)
	}
	device := p.device
	if card > 0 {
		device = fmt.Sprintf("%s:%d", p.device, card)
	}
	return &Session{inputs: inputs, outputs: outputs, device: device, threads: threads, session: session, options: options}, nil
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
