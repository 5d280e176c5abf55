// Package bundletest makes a small working bundle for tests, by training one for
// a few seconds: 32x32 pictures, 8x8 tokens of 16 codes, eight classes.
package bundletest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/onnx/onnxtest"
	"sundae/train"
	"sundae/train/engine"
	"sundae/train/recipe"
	"sundae/train/scenes"
)

var made struct {
	sync.Mutex
	bundle *bundle.Bundle
}

// Bundle returns the bundle, made once for each test binary. Its pictures are
// no good: it is its shapes and its contract that are real.
func Bundle(tb testing.TB) *bundle.Bundle {
	tb.Helper()
	made.Lock()
	defer made.Unlock()
	if made.bundle != nil {
		return made.bundle
	}
	dir, err := os.MkdirTemp("", "bundletest")
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r, err := recipe.Open("tiny")
	if err != nil {
		tb.Fatal(err)
	}
	r.VQGAN.Vocabulary, r.VQGAN.Channels, r.VQGAN.Steps, r.VQGAN.Every, r.VQGAN.Codebook.Start = 16, 16, 12, 12, 6
	r.VQGAN.HeldOut, r.VQGAN.Discriminator.Start = 8, 0
	r.Prior.Dim, r.Prior.Heads, r.Prior.Steps, r.Prior.Every, r.Prior.HeldOut = 32, 2, 30, 30, 8
	backend, err := engine.Open("onnx:cpu", onnxtest.Library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	defer backend.Finalize()
	data := filepath.Join(dir, "data")
	if _, err := scenes.Write(tb.Context(), data, scenes.Options{Count: 64, Size: 32, Seed: 1}, nil); err != nil {
		tb.Fatal(err)
	}
	run := train.AllOptions{Run: train.Run{Recipe: r, Out: filepath.Join(dir, "run"), Backend: backend}, Data: []string{data}, Writer: backend}
	if _, err := train.All(tb.Context(), run); err != nil {
		tb.Fatal(err)
	}
	if made.bundle, err = bundle.OpenFolder(filepath.Join(run.Out, "bundle")); err != nil {
		tb.Fatal(err)
	}
	return made.bundle
}
