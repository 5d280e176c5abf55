package onnx

import (
	"fmt"
	"path/filepath"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

var starting struct {
	sync.Mutex
	done bool
	lib  Library
}

// Start loads the library into this process. Later calls with the same library do
// nothing; a process can't change to another one.
func Start(lib Library) error {
	starting.Lock()
	defer starting.Unlock()
	if starting.done {
		if starting.lib.Path != lib.Path {
			return fmt.Errorf("ONNX Runtime was already loaded from %s; %s can't be loaded beside it", starting.lib.Path, lib.Path)
		}
		return nil
	}
	path, err := filepath.Abs(lib.Path) // the loader would look up a bare name in the system's folders
	if err != nil {
		return fmt.Errorf("loading ONNX Runtime: %w", err)
	}
	ort.SetSharedLibraryPath(path)
	// Errors come back from each call. The runtime's own log would be drawn into
	// the app's screen.
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("loading ONNX Runtime from %s: %w", path, err)
	}
	starting.done, starting.lib = true, lib
	return nil
}

// Loaded is the version of the library that [Start] loaded, "" before that.
func Loaded() string {
	starting.Lock()
	defer starting.Unlock()
	if !starting.done {
		return ""
	}
	return ort.GetVersion()
}
