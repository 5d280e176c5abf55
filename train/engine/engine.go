// Package engine holds what every training run shares: opening a GoMLX
// backend, making weights, the optimizer and its moving average, checkpoints
// and metrics. The networks themselves live in train/vqgan and train/prior.
//
// Weights are drawn on the host from a generator keyed by (seed, path), and so
// is all other randomness of a run. The same seed therefore starts from the
// same numbers on every backend, and a run that was stopped and resumed repeats
// the run that was not.
package engine

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	_ "github.com/gomlx/go-xla/compute/xla"

	onnxbackend "github.com/gomlx/compute-onnx"
)

// Open opens the backend called name: "onnx:cpu" and "onnx:cuda" run in ONNX
// Runtime (library is the path of its shared library), "xla:cuda" and "xla:cpu"
// in XLA through a PJRT plugin, "go" in pure Go.
func Open(name, library string) (compute.Backend, error) {
	config := name
	if strings.HasPrefix(name, "onnx") {
		if library == "" {
			return nil, fmt.Errorf("open backend %s: no ONNX Runtime library; run `sundae doctor`", name)
		}
		onnxbackend.EnableAutoInstall(false)
		if name == "onnx" {
			config = "onnx:cpu"
		}
		config += "," + library
	}
	backend, err := compute.NewWithConfig(config)
	if err != nil {
		return nil, fmt.Errorf("open backend %s: %w (backends: onnx:cpu, onnx:cuda, xla:cuda, xla:cpu, go)", name, err)
	}
	return backend, nil
}
