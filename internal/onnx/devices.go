package onnx

import (
	_ "embed"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// probe is a model of one node, y = x, with one float32 in and out.
//
//go:embed probe.onnx
var probe []byte

// DeviceStatus is what a device had to say for itself.
type DeviceStatus struct {
	Name string // as --device takes it
	OK   bool
	Why  string // one line, where OK is false
}

// Devices tries every device that a library can have. [Start] must have been
// called.
func Devices() []DeviceStatus {
	var out []DeviceStatus
	for _, name := range []string{"cuda", "tensorrt", "webgpu", "coreml", "cpu"} {
		status := DeviceStatus{Name: name, OK: true}
		if err := try(name); err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			status = DeviceStatus{Name: name, Why: first}
		}
		out = append(out, status)
	}
	return out
}

// try runs the probe on a device.
func try(device string) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return fmt.Errorf("make session options: %w", err)
	}
	defer options.Destroy()
	if err := provide(options, device); err != nil {
		return err
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(probe, []string{"x"}, []string{"y"}, options)
	if err != nil {
		return fmt.Errorf("open the probe: %w", err)
	}
	defer session.Destroy()
	x, err := ort.NewTensor(ort.NewShape(1), []float32{2})
	if err != nil {
		return fmt.Errorf("make the probe's input: %w", err)
	}
	defer x.Destroy()
	y, err := ort.NewEmptyTensor[float32](ort.NewShape(1))
	if err != nil {
		return fmt.Errorf("make the probe's output: %w", err)
	}
	defer y.Destroy()
	return session.Run([]ort.Value{x}, []ort.Value{y})
}

// provide puts a device's execution provider first in the options; the CPU's is
// always there.
func provide(options *ort.SessionOptions, device string) error {
	switch device {
	case "cuda":
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer cuda.Destroy()
		return options.AppendExecutionProviderCUDA(cuda)
	case "tensorrt":
		tensorrt, err := ort.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		defer tensorrt.Destroy()
		return options.AppendExecutionProviderTensorRT(tensorrt)
	case "webgpu":
		return options.AppendExecutionProvider("WebGPU", nil)
	case "coreml":
		return options.AppendExecutionProvider("CoreML", nil)
	}
	return nil
}
