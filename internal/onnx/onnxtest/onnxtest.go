// Package onnxtest gives tests the ONNX Runtime library, installing it as the
// program would.
package onnxtest

import (
	"testing"

	"sundae/internal/onnx"
)

// Library is the path of the library; the test fails where none can be had.
func Library(tb testing.TB) string {
	tb.Helper()
	lib, err := onnx.Ensure(tb.Context(), "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	return lib.Path
}
