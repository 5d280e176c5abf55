package ort

import (
	"errors"
	"fmt"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// DeviceStatus says whether a device can be used on this machine.
type DeviceStatus struct {
	Name   string
	OK     bool
	Reason string // why it can't be used, in one sentence; "" when OK
}

// Devices tries every device.
func (rt *Runtime) Devices() []DeviceStatus {
	var all []DeviceStatus
	for _, p := range providers {
		s := DeviceStatus{Name: p.device, OK: true}
		if err := rt.probe(p); err != nil {
			s.OK, s.Reason = false, err.Error()
		}
		all = append(all, s)
	}
	return all
}

// Best returns the device that Auto takes.
func (rt *Runtime) Best() string {
	for _, p := range providers {
		if p.auto && rt.probe(p) == nil {
			return p.device
		}
	}
	return CPU
}

// probe returns why a device can't be used, nil if it can. It keeps the result:
// a device doesn't come or go while a program runs, and trying costs up to a
// second.
func (rt *Runtime) probe(p provider) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	err, known := rt.probed[p.device]
	if !known {
		err = rt.try(p)
		rt.probed[p.device] = err
	}
	return err
}

// try runs a small model on the device: y = x + x.
func (rt *Runtime) try(p provider) error {
	if p.missing != nil {
		if err := p.missing(rt.library); err != nil {
			return err
		}
	}
	s, err := newSession(addModel(), p, 1)
	if err != nil {
		return err
	}
	defer s.Close()
	b, err := s.bind(1, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	x, err := inference.View[float32](b, "x")
	if err != nil {
		return err
	}
	y, err := inference.View[float32](b, "y")
	if err != nil {
		return err
	}
	x[0] = 21
	if err := b.run(); err != nil {
		return err
	}
	if y[0] != 42 {
		return fmt.Errorf("it computed 21 + 21 = %g", y[0])
	}
	return nil
}

// addModel is y = x + x for one float32, the least that a device must run.
func addModel() []byte {
	one := []int64{1}
	return onnxfile.Graph{
		Name:    "probe",
		Inputs:  []onnxfile.Tensor{{Name: "x", Type: onnxfile.Float32, Shape: one}},
		Outputs: []onnxfile.Tensor{{Name: "y", Type: onnxfile.Float32, Shape: one}},
		Nodes:   []onnxfile.Node{{Op: "Add", In: []string{"x", "x"}, Out: []string{"y"}}},
	}.Marshal()
}

// sessionOptions returns the runtime's options for a session: its provider and
// its CPU threads, 0 for one per core.
func sessionOptions(p provider, threads int) (*onnxruntime.SessionOptions, error) {
	o, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, shortError(err)
	}
	if threads == 0 {
		threads = Cores()
	}
	// A thread that spins while it waits for work is faster within a run; between
	// two runs its core belongs to the decoder and the terminal.
	err = errors.Join(
		o.SetIntraOpNumThreads(threads),
		o.AddSessionConfigEntry("session.force_spinning_stop", "1"),
		o.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal),
		p.add(o),
	)
	if err != nil {
		o.Destroy()
		return nil, shortError(err)
	}
	return o, nil
}

// maxErrorLength is how much of the runtime's own words fits into a sentence, in
// bytes.
const maxErrorLength = 200

// shortError shortens an error of the runtime to one line, without the source
// file and the C++ function that it begins with.
func shortError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, after := range []string{" was false. ", "[ONNXRuntimeError] : "} {
		if i := strings.LastIndex(text, after); i >= 0 {
			text = text[i+len(after):]
		}
	}
	if len(text) > maxErrorLength {
		text = strings.ToValidUTF8(text[:maxErrorLength], "") + "..."
	}
	return errors.New(text)
}
