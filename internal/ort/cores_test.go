package ort

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Threads of one core count once; on a system without the list every thread counts.
func TestPhysicalCores(t *testing.T) {
	dir := t.TempDir()
	if got := physicalCores(dir); got != runtime.NumCPU() {
		t.Errorf("without a list: %d cores, want %d", got, runtime.NumCPU())
	}
	for cpu, siblings := range map[string]string{"cpu0": "0,4\n", "cpu1": "1,5\n", "cpu4": "0,4\n", "cpu5": "1,5\n", "cpu10": "10\n"} {
		topology := filepath.Join(dir, cpu, "topology")
		if err := os.MkdirAll(topology, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(topology, "thread_siblings_list"), []byte(siblings), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := physicalCores(dir); got != 3 {
		t.Errorf("%d cores, want 3", got)
	}
}
