package onnx

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Cores is how many threads a model is given when nobody says: one a physical core,
// as the system counts them, within what this process may use. ONNX Runtime's own
// count goes by the processor's identification, which many virtual machines leave
// blank, and then takes one thread whatever there is.
func Cores() int { return min(runtime.GOMAXPROCS(0), countedOnce()) }

var countedOnce = sync.OnceValue(func() int { return physical("/sys/devices/system/cpu") })

// physical counts the cores below a folder of Linux's processors: threads of one
// core list the same siblings. Where there is no such folder every thread counts.
func physical(dir string) int {
	lists, _ := filepath.Glob(filepath.Join(dir, "cpu[0-9]*", "topology", "thread_siblings_list"))
	siblings := map[string]bool{}
	for _, path := range lists {
		if text, err := os.ReadFile(path); err == nil {
			siblings[string(text)] = true
		}
	}
	if len(siblings) == 0 {
		return runtime.NumCPU()
	}
	return len(siblings)
}
