package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// cuda runs models on NVIDIA GPUs.
var cuda = provider{
	device:  CUDA,
	auto:    true,
	missing: func(lib install.Library) error { return missingNVIDIA(lib, "libonnxruntime_providers_cuda.so") },
	add:     addCUDA,
}

func addCUDA(o *onnxruntime.SessionOptions) error {
	c, err := onnxruntime.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer c.Destroy()
	return o.AppendExecutionProviderCUDA(c)
}

// missingNVIDIA checks for a GPU and for the provider's library, which lies beside
// the runtime's.
func missingNVIDIA(lib install.Library, file string) error {
	if runtime.GOOS != "linux" {
		return errors.New("ONNX Runtime supports NVIDIA GPUs on Linux only")
	}
	if !hasNVIDIA() {
		return errors.New("there is no NVIDIA GPU (no /dev/nvidiactl)")
	}
	if path := filepath.Join(filepath.Dir(lib.Path), file); !exists(path) {
		return fmt.Errorf("this build of ONNX Runtime does not include it: there is no %s (use the GPU build, and name its library in the onnxruntime setting or %s)",
			path, install.Env)
	}
	return nil
}

// hasNVIDIA looks for the driver's device file, or that of Windows' Linux
// subsystem.
func hasNVIDIA() bool { return exists("/dev/nvidiactl") || exists("/dev/dxg") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
