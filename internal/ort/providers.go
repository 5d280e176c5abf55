package ort

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/ort/install"
)

// The names of the devices, as settings and flags spell them. A number after a colon
// chooses one of several cards: "cuda:1".
const (
	Auto     = "auto" // the fastest usable device
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
	// float16 is whether [AutoPrecision] is float16 on it.
	float16 bool
	// check returns what the device plainly lacks on this machine, before the runtime
	// is asked: drivers print to the terminal when they find nothing, and the
	// runtime's own errors name source files of its build. It also loads the
	// libraries that the provider needs. nil: nothing to check.
	check func(install.Library) error
	// cards lists the hardware. nil: one card of which nothing is known.
	cards func() ([]Card, error)
	// add adds the provider to the options of a session on a card.
	add func(o *onnxruntime.SessionOptions, card int) error
}

// providers lists every device, in the order in which Auto tries them.
var providers = []provider{cuda, tensorRT, coreML, webGPU, cpu}

// DeviceNames returns the kinds of device that [Options].Device takes: Auto and every
// provider's.
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

// findProvider returns the provider and the number of the card that a device's name
// stands for.
func findProvider(device string) (p provider, card int, err error) {
	name, number, numbered := strings.Cut(device, ":")
	i := slices.IndexFunc(providers, func(p provider) bool { return p.device == name })
	if i < 0 {
		return provider{}, 0, fmt.Errorf("there is no device %q: use %s", device, DeviceList())
	}
	p = providers[i]
	if !numbered {
		return p, 0, nil
	}
	if card, err = strconv.Atoi(number); err != nil || card < 0 || p.cards == nil {
		return provider{}, 0, fmt.Errorf("there is no device %q: a card is chosen by a number from 0, as in cuda:1", device)
	}
	return p, card, nil
}
