package tui

import (
	"testing"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/config"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/graphics"
)

// options returns the options of an app on the test bundle, in block characters: two samples of 12 steps.
func options(tb testing.TB) Options {
	tb.Helper()
	b := bundletest.Bundle(tb)
	prior, err := sampler.Open(b, orttest.Opener(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(prior.Close)
	pictures, err := decoder.Open(b, orttest.Opener(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pictures.Close)
	o, err := optionsOf(b.Manifest, prior, pictures, tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func optionsOf(m bundle.Manifest, prior *sampler.Prior, pictures *decoder.Decoder, folder string) (Options, error) {
	s, err := sampler.Recommended(m)
	s.Steps, s.Freeze = 12, schedule.FreezeOff
	return Options{
		Model: m, Prior: prior, Pictures: pictures, Settings: s, Samples: 2,
		Terminal: graphics.Terminal{Protocol: graphics.Blocks, Colours: graphics.TrueColour},
		Scale:    1, Mask: config.Mask{Rule: "any", Composite: true, Feather: 2},
		SavePreset: func(string, config.Sampling) (string, error) { return "config.yaml", nil },
		Folder:     folder,
	}, err
}
