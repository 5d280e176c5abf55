// Package bundletest gives tests a small model bundle: 32x32 pictures, 8x8 tokens of 16
// codes, eight classes. It was trained for a few seconds, so its pictures are meaningless;
// its files, shapes and manifest are those of a real model. A test in package train trains
// it again and compares, or rewrites it:
//
//	go test ./train -run TestCommittedBundle -update
package bundletest

import (
	"embed"
	"io/fs"
	"testing"

	"sundae/internal/bundle"
)

//go:embed testdata/tiny
var files embed.FS

// Bundle opens the bundle.
func Bundle(tb testing.TB) *bundle.Bundle {
	tb.Helper()
	dir, err := fs.Sub(files, "testdata/tiny")
	if err != nil {
		tb.Fatal(err)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
