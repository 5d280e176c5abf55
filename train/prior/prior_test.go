package prior

import (
	"testing"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/internal/ort/orttest"
	"sundae/train/engine"
)

// small is a net with every kind of layer, nested and with attention resampling.
func small() (Config, Grid) {
	return Config{
		Depth: Depth{Before: 1, Inner: &Depth{Before: 1, Middle: 1, After: 1}, After: 1}, Shortening: 4, Resample: "attention",
		Dim: 16, Heads: 2, HeadDim: 8, MLP: 2, Neighbours: 1, Unroll: 2, ClassDropout: 0.1, Batch: 4, Steps: 10, Every: 5, HeldOut: 4,
		LearningRate: 1e-2, Average: 0.9, Clip: 1,
	}, Grid{Height: 8, Width: 8, Vocabulary: 12, Classes: 3}
}

func open(tb testing.TB, name string) compute.Backend {
	tb.Helper()
	backend, err := engine.Open(name, orttest.Library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(backend.Finalize)
	return backend
}

// toy is a data set with structure: rows of one token, a class each.
func toy(g Grid, n int) Latents {
	l := Latents{Grid: g}
	for i := range n {
		class := i % max(1, g.Classes)
		for at := range g.Tokens() {
			l.Tokens = append(l.Tokens, uint16((at/g.Width+3*class)%g.Vocabulary))
		}
		l.Labels = append(l.Labels, uint16(class))
	}
	return l
}

// tiny is the tiny recipe's prior, with a batch of four.
func tiny(t *testing.T) (Config, Grid) {
	t.Helper()
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var recipe struct{ Prior Config }
	if err := yaml.Unmarshal(text, &recipe); err != nil {
		t.Fatal(err)
	}
	recipe.Prior.Batch = 4
	return recipe.Prior, Grid{Height: 8, Width: 8, Vocabulary: 64, Classes: 8}
}
