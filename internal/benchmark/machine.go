package benchmark

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// peakMemory returns the most memory that this process has used, in MiB.
func peakMemory() float64 {
	// On Linux, getrusage includes the memory of the parent before exec.
	if value, ok := procValue("/proc/self/status", "VmHWM"); ok {
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(value, " kB"), 64)
		return kib / 1024
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return float64(usage.Maxrss) / (1 << 20) // bytes
	}
	return float64(usage.Maxrss) / 1024 // KiB
}

// cpuName returns the name of the processor, or its architecture if the system
// doesn't tell.
func cpuName() string {
	if name, ok := procValue("/proc/cpuinfo", "model name"); ok {
		return name
	}
	return runtime.GOARCH
}

// procValue returns the first value of a key in a file of lines "key: value".
func procValue(path, key string) (value string, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), true
		}
	}
	return "", false
}
