package ort

import (
	"errors"
	"runtime"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// coreML runs models on the GPU and Neural Engine of Apple's machines.
var coreML = provider{
	device:  CoreML,
	auto:    true,
	missing: missingCoreML,
	add:     func(o *onnxruntime.SessionOptions) error { return o.AppendExecutionProviderCoreMLV2(nil) },
}

func missingCoreML(install.Library) error {
	if runtime.GOOS != "darwin" {
		return errors.New("CoreML is part of macOS")
	}
	return nil
}
