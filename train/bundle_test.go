package train

import (
	"image"
	"testing"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// sampleBundle samples n pictures of every class from the bundle in dir, in twelve steps
// with a temperature from 1.0 to 0.6.
func sampleBundle(t *testing.T, dir string, n int) [][]*image.RGBA {
	t.Helper()
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	open := orttest.Opener(t)
	prior, err := sampler.Open(b, open)
	if err != nil {
		t.Fatal(err)
	}
	defer prior.Close()
	pictures, err := decoder.Open(b, open)
	if err != nil {
		t.Fatal(err)
	}
	defer pictures.Close()
	temperature, err := schedule.Parse("1.0:0.6:linear")
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]*image.RGBA, len(b.Manifest.Classes))
	for class := range out {
		run, err := prior.Start(sampler.Start{N: n, From: sampler.Noise{}, Settings: schedule.Settings{
			Steps: 12, Temperature: temperature, Proportion: schedule.DefaultProportion(12), Class: class, Seed: 1,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if out[class], err = pictures.DecodeAll(t.Context(), run.At(12).Tokens); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
