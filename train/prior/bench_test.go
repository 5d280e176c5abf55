package prior

import (
	"os"
	"testing"
	"time"

	"sundae/train/engine"
)

func TestTune(t *testing.T) {
	for name, tc := range map[string]struct {
		c Config
		g Grid
	}{
		"issue": {Config{Depth: Depth{Before: 2, Middle: 4, After: 2}, Shortening: 4, Resample: "linear", Dim: 192, Heads: 6, HeadDim: 32, MLP: 4, Unroll: 2, Batch: 8, Steps: 10, Every: 5, LearningRate: 1e-3}, Grid{16, 16, 512, 0}},
		"vistas": {Config{Depth: Depth{Before: 1, Inner: &Depth{Before: 1, Middle: 6, After: 1}, After: 1}, Shortening: 4, Resample: "linear", Dim: 192, Heads: 6, HeadDim: 32, MLP: 4, Unroll: 2, Batch: 8, Steps: 10, Every: 5, LearningRate: 1e-3}, Grid{32, 32, 1024, 8}},
		"vistas0": {Config{Depth: Depth{Before: 0, Inner: &Depth{Before: 2, Middle: 6, After: 2}, After: 1}, Shortening: 4, Resample: "linear", Dim: 192, Heads: 6, HeadDim: 32, MLP: 4, Unroll: 2, Batch: 8, Steps: 10, Every: 5, LearningRate: 1e-3}, Grid{32, 32, 1024, 8}},
	} {
		if f := os.Getenv("ONLY"); f != "" && f != name {
			continue
		}
		c, g := tc.c, tc.g
		if err := c.Validate(g); err != nil {
			t.Fatal(err)
		}
		backend, err := engine.Open("onnx:cpu", os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
		if err != nil {
			t.Fatal(err)
		}
		store := engine.NewStore(1)
		step, err := c.newStep(backend, store, g)
		if err != nil {
			t.Fatal(err)
		}
		l := Latents{Grid: g, Tokens: make([]uint16, 16*g.Tokens()), Labels: make([]uint16, 16)}
		items := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
		for i := range 5 {
			start := time.Now()
			r, err := step(c.batch(l, items, 1, i), 1e-3, 0.9)
			if err != nil {
				t.Fatal(err)
			}
			e := time.Since(start)
			t.Logf("%s step %d %v loss %v params %d tokens/s %.0f", name, i, e, r.Loss, store.NumParameters()/4, float64(c.Batch*g.Tokens())/e.Seconds())
		}
	}
}
