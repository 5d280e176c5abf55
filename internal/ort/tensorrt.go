package ort

import (
	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// tensorRT runs models on NVIDIA GPUs with TensorRT. Auto does not try it: it
// compiles a model for minutes before the first run.
var tensorRT = provider{
	device:  TensorRT,
	missing: func(lib install.Library) error { return missingNVIDIA(lib, "libonnxruntime_providers_tensorrt.so") },
	add: func(o *onnxruntime.SessionOptions) error {
		t, err := onnxruntime.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		defer t.Destroy()
		if err := o.AppendExecutionProviderTensorRT(t); err != nil {
			return err
		}
		return addCUDA(o) // for the operators that TensorRT lacks
	},
}
