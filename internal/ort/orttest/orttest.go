// Package orttest gives tests the ONNX Runtime library, which it installs as the
// program would.
package orttest

import (
	"testing"

	"sundae/internal/inference"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
)

// Library returns the path of the library. The test fails if there is none and
// it can't be installed.
func Library(tb testing.TB) string {
	tb.Helper()
	return library(tb).Path
}

func library(tb testing.TB) install.Library {
	tb.Helper()
	lib, err := install.Ensure(tb.Context(), "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return lib
}

// Runtime loads the library.
func Runtime(tb testing.TB) *ort.Runtime {
	tb.Helper()
	rt, err := ort.Load(library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return rt
}

// Opener opens models on the CPU.
func Opener(tb testing.TB) inference.Opener {
	tb.Helper()
	return Runtime(tb).Opener(ort.Options{Device: ort.CPU})
}
