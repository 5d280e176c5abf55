package onnxfile

import (
	"errors"
	"testing"
)

func FuzzReadWeights(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("no model"))
	f.Fuzz(func(t *testing.T, file []byte) { _, _ = ReadWeights(file) })
}

func TestUnnamedWeights(t *testing.T) {
	if _, err := ReadWeights(nil); !errors.Is(err, ErrUnnamed) {
		t.Errorf("a file without names: %v", err)
	}
}
