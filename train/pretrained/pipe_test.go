//go:build unix

package pretrained

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe is refused at once: opening it would wait for a writer.
func TestPipes(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"weights":       func() error { _, err := Open(pipe); return err },
		"VQ-GAN config": func() error { _, err := ReadVQGANConfig(pipe); return err },
		"prior config":  func() error { _, err := ReadPriorConfig(pipe); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "pipe or a device: give a file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
