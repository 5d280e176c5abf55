package onnxfile

import (
	"errors"
	"testing"
)

func FuzzOpenWeights(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("no model"))
	f.Fuzz(func(t *testing.T, file []byte) { _, _ = OpenWeights(Model{Graph: file}) })
}

func TestUnnamedWeights(t *testing.T) {
	if _, err := OpenWeights(Model{}); !errors.Is(err, ErrUnnamed) {
		t.Errorf("a file without names: %v", err)
	}
}
