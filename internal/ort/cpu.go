package ort

import onnxruntime "github.com/yalue/onnxruntime_go"

// cpu runs models on the processor. Every build of ONNX Runtime has it, and it
// takes over what another provider lacks.
var cpu = provider{
	device: CPU,
	auto:   true,
	add:    func(*onnxruntime.SessionOptions) error { return nil },
}
