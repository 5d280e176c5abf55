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
	// Precision of matrix products and convolutions, see [onnxfile.Float16]; "" is
	// AutoPrecision.
	Precision string
}

// The precisions of matrix products and convolutions.
const (
	AutoPrecision = "auto" // float16 on NVIDIA's GPUs, whose tensor cores are made for it, float32 elsewhere
	Float32       = "float32"
	Float16       = "float16"
)

// float16 reports whether models run in float16 on a provider's device.
func (o Options) float16(p provider) (bool, error) {
	switch o.Precision {
	case Float16:
		return true, nil
	case Float32:
		return false, nil
	case AutoPrecision, "":
		return p.float16, nil
	}
	return false, fmt.Errorf("unknown precision %q: the precisions are auto, float32 and float16", o.Precision)
}

// Session is a model on a device. It implements [inference.Session].
type Session struct {
	inputs, outputs []onnxfile.Tensor
	device          string
	threads         int

	session *onnxruntime.DynamicAdvancedSession
	options *onnxruntime.SessionOptions
}

// Open loads a model. A device that was asked for by name and can't be used is
// an error that says what it lacks and what Auto would take.
func (rt *Runtime) Open(file onnxfile.Model, o Options) (*Session, error) {
	if o.Device == Auto || o.Device == "" {
		return rt.openAuto(file, o)
	}
	p, card, err := findProvider(o.Device)
	if err != nil {
		return nil, err
	}
	if err := rt.probe(p, card); err != nil {
		usable, _ := rt.AutoDevices()
		return nil, fmt.Errorf("device %s can't be used: %w; %s would take %s", o.Device, err, Auto, usable[0].Device)
	}
	return openOn(file, p, card, o)
}

// Opener returns a function that opens models with these options.
func (rt *Runtime) Opener(o Options) inference.Opener {
	return func(file onnxfile.Model) (inference.Session, error) {
		s, err := rt.Open(file, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// openAuto takes the first device that opens the model.
func (rt *Runtime) openAuto(file onnxfile.Model, o Options) (*Session, error) {
	usable, _ := rt.AutoDevices()
	for _, d := range usable {
		p, card, err := findProvider(d.Device)
		if err != nil {
			return nil, err
		}
		s, err := openOn(file, p, card, o)
		if err == nil || p.device == CPU { // the CPU is the last one: it is the model's fault
			return s, err
		}
	}
	return nil, errors.New("no device can run models: the CPU does not pass the test either")
}

// openOn loads a model on one device.
func openOn(file onnxfile.Model, p provider, card int, o Options) (*Session, error) {
	s, err := newSession(file, p, card, o)
	if err != nil {
		return nil, fmt.Errorf("open a model on %s: %w", p.device, err)
	}
	return s, nil
}

func newSession(file onnxfile.Model, p provider, card int, o Options) (*Session, error) {
	inputs, outputs, err := onnxfile.Describe(file.Graph)
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(p, card, o.Threads)
	if err != nil {
		return nil, err
	}
	if isLarge(file) {
		if err := options.SetMemPattern(false); err != nil {
			options.Destroy()
			return nil, shortError(err)
		}
	}
	graph := onnxfile.MatMulForEinsum(file.Graph)
	half, err := o.float16(p)
	if err == nil && half {
		graph, err = onnxfile.Float16(onnxfile.Model{Graph: graph, Folder: file.Folder})
	}
	if err != nil {
		options.Destroy()
		return nil, err
	}
	session, err := newORTSession(onnxfile.Model{Graph: graph, Folder: file.Folder}, names(inputs), names(outputs), options)
	if err != nil {
		options.Destroy()
		return nil, err
	}
	device := p.device
	if card > 0 {
		device = fmt.Sprintf("%s:%d", p.device, card)
	}
	return &Session{inputs: inputs, outputs: outputs, device: device, threads: o.Threads, session: session, options: options}, nil
}

// newORTSession makes a session of a model. External data is mapped from its folder.
func newORTSession(file onnxfile.Model, inputs, outputs []string, options *onnxruntime.SessionOptions) (*onnxruntime.DynamicAdvancedSession, error) {
	if file.Folder != "" {
		if err := options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", file.Folder); err != nil {
			return nil, shortError(err)
		}
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(file.Graph, inputs, outputs, options)
	if err != nil {
		return nil, shortError(err)
	}
	return session, nil
}

// largeFile is the size of a file with all its weights from which a model is large.
const largeFile = 32 << 20

// isLarge reports whether a model may need much memory while it runs. By default the
// runtime plans the memory of a second run as one block, and keeps what the first one has
// taken: for the published decoder of 1024×1024 pixels that makes 3.2 GB of 1.8 GB. Small
// models are a little faster with it.
func isLarge(m onnxfile.Model) bool { return m.Folder != "" || len(m.Graph) >= largeFile }

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

// Threads is what [Options] asked for.
func (s *Session) Threads() int { return s.threads }

// Close frees the model. Its bindings must have been closed before.
func (s *Session) Close() {
	s.session.Destroy()
	s.options.Destroy()
}
