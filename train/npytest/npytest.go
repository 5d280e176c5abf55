// Package npytest reads the reference values of tests from .npy files.
package npytest

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// Read returns the elements of an array in a .npy file of version 1, in row-major order. The
// file's type must be T.
func Read[T int64 | float32](t testing.TB, path string) []T {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data := file[10+int(binary.LittleEndian.Uint16(file[8:])):]
	values := make([]T, len(data)/binary.Size(T(0)))
	if err := binary.Read(bytes.NewReader(data), binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// Int32s returns an array of int64, as PyTorch has token ids, as int32.
func Int32s(t testing.TB, path string) []int32 {
	t.Helper()
	var values []int32
	for _, v := range Read[int64](t, path) {
		values = append(values, int32(v))
	}
	return values
}
