package ort

import (
	"slices"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/ort/install"
)

// The names of the devices, as settings and flags spell them.
const (
	Auto     = "auto" // the first usable device that is not slow to start
	CUDA     = "cuda"
	TensorRT = "tensorrt"
	CoreML   = "coreml"
	WebGPU   = "webgpu"
	CPU      = inference.CPU
)

// A provider is a part of ONNX Runtime that runs models on one kind of device (an
// execution provider).
type provider struct {
	device string
	// auto is whether Auto tries it.
	auto bool
	// missing says what the device plainly lacks on this machine, before the runtime
	// is asked: drivers print to the terminal when they find nothing, and the
	// runtime's own errors name source files of its build. nil: nothing to check.
	missing func(install.Library) error
	// add adds the provider to the options of a session.
	add func(*onnxruntime.SessionOptions) error
}

// providers lists every device, in the order in which Auto tries them.
var providers = []provider{cuda, tensorRT, coreML, webGPU, cpu}

// DeviceNames returns the valid values of [Options].Device: Auto and every device.
func DeviceNames() []string {
	names := []string{Auto}
	for _, p := range providers {
		names = append(names, p.device)
	}
	return names
}

// DeviceList returns [DeviceNames] as text: "auto, cuda, ... or cpu".
func DeviceList() string {
	names := DeviceNames()
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func findProvider(device string) (provider, bool) {
	i := slices.IndexFunc(providers, func(p provider) bool { return p.device == device })
	if i < 0 {
		return provider{}, false
	}
	return providers[i], true
}
