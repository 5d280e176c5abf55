package ort

import (
	"os"
	"path/filepath"
	"runtime"
)

// Cores returns the number of threads that a model gets by default: one per
// physical core, at most GOMAXPROCS. ONNX Runtime's own default goes by the
// processor's identification, which many virtual machines leave blank; on such a
// machine of two cores it takes one thread.
func Cores() int { return min(runtime.GOMAXPROCS(0), physicalCores("/sys/devices/system/cpu")) }

// physicalCores counts the cores in Linux's folder of processors: threads of one
// core list the same siblings. Without that folder it counts every thread.
func physicalCores(dir string) int {
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
