// Package ort runs models with ONNX Runtime, a shared library that package
// install finds or installs:
//
//	lib, err := install.Ensure(ctx, "", reporter)
//	rt, err := ort.Load(lib)
//	session, err := rt.Open(file, ort.Options{Device: ort.Auto})
//
// A [Session] is a model on a device, and implements [model.Session]. The devices
// are the providers listed in providers.go, one file each; [Runtime.Devices]
// tries every one with a small model, so a device that it reports as usable has
// really run something. README.md says what each device needs.
package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/ort/install"
)

// Runtime is ONNX Runtime, loaded into this process. It may be used by several
// goroutines.
//
// There is nothing to close: the library has one environment per process, which
// other code (the training backend) shares, and stays loaded until the process
// ends.
type Runtime struct {
	library install.Library

	mu     sync.Mutex
	probed map[string]error // by device: why it can't be used, nil if it can
}

// Load loads the library. Where this process has loaded one before, the new
// Runtime shares it; that must have been the same version. Load must not be
// called by several goroutines at once.
func Load(lib install.Library) (*Runtime, error) {
	path, err := filepath.Abs(lib.Path) // the system would look for a bare name in its own folders
	if err != nil {
		return nil, fmt.Errorf("load ONNX Runtime: %w", err)
	}
	lib.Path = path
	if err := DisableTelemetry(); err != nil {
		return nil, err
	}
	if !onnxruntime.IsInitialized() {
		onnxruntime.SetSharedLibraryPath(path)
		// Every call returns its error. The runtime's own log would be written over
		// the app's screen.
		if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelFatal()); err != nil {
			return nil, fmt.Errorf("load ONNX Runtime from %s: %w", path, err)
		}
		if err := onnxruntime.DisableTelemetry(); err != nil {
			return nil, fmt.Errorf("turn off ONNX Runtime's telemetry: %w", err)
		}
	}
	if loaded := onnxruntime.GetVersion(); lib.Version != "" && loaded != lib.Version {
		return nil, fmt.Errorf("load ONNX Runtime %s from %s: this process has already loaded version %s", lib.Version, path, loaded)
	}
	return &Runtime{library: lib, probed: map[string]error{}}, nil
}

// DisableTelemetry keeps the library from looking up its maker's host for telemetry, and
// from writing a device id into the user's cache. It must be called before the library is
// loaded; [Load] does.
func DisableTelemetry() error {
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return fmt.Errorf("turn off ONNX Runtime's telemetry: %w", err)
	}
	return nil
}

// Version is the version of the loaded library, such as "1.30.0".
func (rt *Runtime) Version() string { return onnxruntime.GetVersion() }
