package ort

import (
	"errors"
	"runtime"
	"slices"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// webGPU runs models on any GPU, through Vulkan on Linux and Metal on macOS.
var webGPU = provider{
	device: WebGPU,
	auto:   true,
	check: func(install.Library) error {
		if runtime.GOOS != "linux" {
			return nil
		}
		_, err := vulkanAdapters()
		return err
	},
	cards: webGPUCards,
	add: func(o *onnxruntime.SessionOptions, card int) error {
		if card > 0 {
			return errors.New("ONNX Runtime's WebGPU provider chooses the card itself: use webgpu")
		}
		return o.AppendExecutionProvider("WebGPU", nil)
	},
}

// webGPUCards returns the adapter that WebGPU takes: the first that is not software.
// On macOS nothing is known of it.
func webGPUCards() ([]Card, error) {
	if runtime.GOOS != "linux" {
		return []Card{{Name: "GPU"}}, nil
	}
	adapters, err := vulkanAdapters()
	if err != nil {
		return nil, err
	}
	best := slices.IndexFunc(adapters, func(a vulkanAdapter) bool { return !a.software })
	a := adapters[max(best, 0)]
	return []Card{{Name: strings.TrimSpace(a.name), Software: a.software}}, nil
}
