package tui

import (
	"testing"

	"sundae/decoder"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/config"
	"sundae/internal/onnx"
	"sundae/internal/onnx/onnxtest"
	"sundae/sampler"
	"sundae/tui/graphics"
)

// options is an app on the mini bundle, in half blocks: two samples of 12 steps.
func options(tb testing.TB) Options {
	tb.Helper()
	b := bundletest.Bundle(tb)
	if err := onnx.Start(onnx.Library{Path: onnxtest.Library(tb)}); err != nil {
		tb.Fatal(err)
	}
	prior, err := sampler.Open(b, onnx.Options{Device: onnx.CPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(prior.Close)
	pictures, err := decoder.Open(b, onnx.Options{Device: onnx.CPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pictures.Close)
	s, err := sampler.Recommended(b.Manifest)
	if err != nil {
		tb.Fatal(err)
	}
	s.Steps, s.Freeze = 12, false
	return Options{
		Model: b.Manifest, Prior: prior, Pictures: pictures, Settings: s, Samples: 2,
		Terminal: graphics.Terminal{Protocol: graphics.Blocks, Colours: graphics.TrueColour},
		Scale:    1, Mask: config.Mask{Rule: "any", Composite: true, Feather: 2},
		SavePreset: func(string, config.Preset) (string, error) { return "config.yaml", nil },
		Folder:     tb.TempDir(),
	}
}
