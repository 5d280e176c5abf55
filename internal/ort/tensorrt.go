package ort

import (
	"strconv"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// tensorRT runs models on NVIDIA GPUs with TensorRT. Auto does not try it: it
// compiles a model for minutes before the first run.
var tensorRT = provider{
	device:  TensorRT,
	float16: true,
	check: func(lib install.Library) error {
		if err := checkNVIDIA(lib, "libonnxruntime_providers_tensorrt.so"); err != nil {
			return err
		}
		if err := loadCUDA(cudaLibraries); err != nil {
			return err
		}
		return loadCUDA(tensorRTLibraries)
	},
	cards: nvidiaCards,
	add: func(o *onnxruntime.SessionOptions, card int) error {
		t, err := onnxruntime.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		defer t.Destroy()
		if err := t.Update(map[string]string{"device_id": strconv.Itoa(card)}); err != nil {
			return err
		}
		if err := o.AppendExecutionProviderTensorRT(t); err != nil {
			return err
		}
		return addCUDA(o, card) // for the operators that TensorRT lacks
	},
}
