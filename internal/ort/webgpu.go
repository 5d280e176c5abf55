package ort

import (
	"errors"
	"path/filepath"
	"runtime"
	"slices"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// webGPU runs models on any GPU, through Vulkan on Linux and Metal on macOS.
var webGPU = provider{
	device:  WebGPU,
	auto:    true,
	missing: missingWebGPU,
	add:     func(o *onnxruntime.SessionOptions) error { return o.AppendExecutionProvider("WebGPU", nil) },
}

func missingWebGPU(install.Library) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	if nodes, _ := filepath.Glob("/dev/dri/renderD*"); len(nodes) == 0 && !hasNVIDIA() {
		return errors.New("there is no GPU (no /dev/dri/renderD* and no /dev/nvidiactl)")
	}
	hasVulkan := func(dir string) bool { return exists(filepath.Join(dir, "libvulkan.so.1")) }
	if !slices.ContainsFunc(install.SystemFolders(), hasVulkan) {
		return errors.New("the Vulkan loader isn't installed (Debian and Ubuntu: apt install libvulkan1)")
	}
	return nil
}
