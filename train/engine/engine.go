// Package engine holds what the training of both networks shares: opening a GoMLX backend,
// initial weights, optimizers, the moving average of the weights (EMA), checkpoints,
// reading and writing ONNX files, and metrics. The networks are in train/vqgan and
// train/prior.
//
// All random numbers of a run are drawn on the host, from generators keyed by the seed and
// a path. The same seed starts from the same numbers on every backend, and a run that was
// stopped and resumed repeats the run that was not.
package engine

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sundae/internal/ort"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	_ "github.com/gomlx/go-xla/compute/xla"

	onnxbackend "github.com/gomlx/compute-onnx"
)

// Backends lists the names that Open takes besides "auto".
var Backends = []string{"onnx:cpu", "onnx:cuda", "xla:cuda", "xla:cpu", "go"}

// Open opens the backend called name: "onnx:cpu" and "onnx:cuda" run in ONNX
// Runtime (library is the path of its shared library), "xla:cuda" and "xla:cpu"
// in XLA through a PJRT plugin, "go" in pure Go. "auto" is xla:cuda where
// PJRT_PLUGIN_LIBRARY_PATH names a plugin's folder, else onnx:cpu.
func Open(name, library string) (compute.Backend, error) {
	if name == "auto" {
		name = "onnx:cpu"
		if os.Getenv("PJRT_PLUGIN_LIBRARY_PATH") != "" {
			name = "xla:cuda"
		}
	}
	if !slices.Contains(Backends, name) {
		return nil, fmt.Errorf("unknown backend %q; known are auto, %s", name, strings.Join(Backends, ", "))
	}
	config := name
	if strings.HasPrefix(name, "onnx") {
		if library == "" {
			return nil, fmt.Errorf("open backend %s: no ONNX Runtime library; run `sundae doctor`", name)
		}
		if err := ort.DisableTelemetry(); err != nil {
			return nil, err
		}
		onnxbackend.EnableAutoInstall(false)
		config += "," + library
	}
	if name == "go" {
		// Running operations in parallel can deadlock its worker pool on two cores.
		config = "go:ops_sequential"
	}
	backend, err := compute.NewWithConfig(config)
	if err != nil {
		if plugin, ok := strings.CutPrefix(name, "xla:"); ok {
			err = fmt.Errorf("%w; it needs pjrt_c_api_%s_plugin.so in a folder that PJRT_PLUGIN_LIBRARY_PATH names: see train/README.md", err, plugin)
		}
		return nil, fmt.Errorf("open backend %s: %w", name, err)
	}
	if name == "onnx:cpu" {
		if backend, err = openAllCores(backend, library); err != nil {
			return nil, fmt.Errorf("open backend %s: %w", name, err)
		}
	}
	return backend, nil
}
