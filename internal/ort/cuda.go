package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// cuda runs models on NVIDIA GPUs.
var cuda = provider{
	device:  CUDA,
	auto:    true,
	float16: true,
	check: func(lib install.Library) error {
		if err := checkNVIDIA(lib, "libonnxruntime_providers_cuda.so"); err != nil {
			return err
		}
		return loadCUDA(cudaLibraries)
	},
	cards: nvidiaCards,
	add:   addCUDA,
}

func addCUDA(o *onnxruntime.SessionOptions, card int) error {
	c, err := onnxruntime.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer c.Destroy()
	if err := c.Update(map[string]string{"device_id": strconv.Itoa(card)}); err != nil {
		return err
	}
	return o.AppendExecutionProviderCUDA(c)
}

// checkNVIDIA checks for a GPU, its driver, and the provider's file, which lies beside
// the library.
func checkNVIDIA(lib install.Library, provider string) error {
	if runtime.GOOS != "linux" {
		return errors.New("ONNX Runtime supports NVIDIA GPUs on Linux only")
	}
	if !HasNVIDIA() {
		return errors.New("there is no NVIDIA GPU (no /dev/nvidiactl)")
	}
	if err := CheckDriver(); err != nil {
		return err
	}
	if path := filepath.Join(filepath.Dir(lib.Path), provider); !exists(path) {
		return fmt.Errorf("this build of ONNX Runtime does not include it, there is no %s: run sundae install cuda, or give the path of a GPU build's library in the onnxruntime setting or %s",
			path, install.Env)
	}
	return nil
}

// HasNVIDIA reports whether this machine has an NVIDIA GPU: the driver's device file,
// or that of Windows' Linux subsystem.
func HasNVIDIA() bool { return exists("/dev/nvidiactl") || exists("/dev/dxg") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
