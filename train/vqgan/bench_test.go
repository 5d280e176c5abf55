package vqgan

import (
	"os"
	"testing"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"sundae/train/engine"
)

func TestTune(t *testing.T) {
	c := Config{Stem: 8, StemChannels: 16, Channels: 64, Multipliers: []int{1, 2, 4}, Blocks: 1, Groups: 8, Embedding: 32, Vocabulary: 1024,
		Crop: 256, Batch: 8, PerPict: 4, Steps: 100, Every: 10, LearningRate: 1e-3, Clip: 1,
		Loss: Loss{L1: 1, L2: 1, Gradient: 1, Scales: 3, Commitment: 0.25}, Codebook: Codebook{Decay: 0.99}}
	if err := c.Validate(1024); err != nil {
		t.Fatal(err)
	}
	backend, err := engine.Open("onnx:cpu", os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
	if err != nil {
		t.Fatal(err)
	}
	store := engine.NewStore(1)
	step, err := c.newStep(backend, store, quantized)
	if err != nil {
		t.Fatal(err)
	}
	x := tensors.FromShape(shapes.Make(dtypes.Uint8, c.Batch, c.Crop, c.Crop, 3))
	for i := range 12 {
		start := time.Now()
		r, err := step(x, 1e-3, 0.9)
		if err != nil {
			t.Fatal(err)
		}
		r.vectors.FinalizeAll()
		t.Logf("step %d %v loss %v params %d", i, time.Since(start), r.Loss, store.NumParameters())
	}
}
