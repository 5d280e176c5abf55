package vqgan

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
	"sundae/internal/picture"
	"sundae/train/dataset"
	"sundae/train/engine"
)

// small has every part of the network, at the smallest sizes.
func small() Config {
	return Config{
		Stem: 4, StemChannels: 4, Channels: 8, Multipliers: []int{1, 2}, Blocks: 1, DecoderBlocks: []int{1, 2}, Attention: true,
		LinearShortcut: true, SphereCodes: true, Groups: 4, Embedding: 4, Vocabulary: 16,
		Crop: 16, Batch: 4, CropsPerImage: 2, Steps: 10, Every: 5, HeldOut: 2, LearningRate: 1e-3, Clip: 1, EMA: 0.9,
		Loss:          Loss{L1: 1, L2: 1, Gradient: 1, Scales: 2, Seams: 1, Commitment: 0.25},
		Codebook:      Codebook{Start: 4, Decay: 0.9, Restart: 2, Dead: 0.1},
		Discriminator: Discriminator{Start: 7, Channels: 4, Layers: 1, Weight: 0.1, Contrast: 8, LearningRate: 1e-3},
	}
}

// minimal has no more layers than the training loop needs: graphs are compiled faster.
func minimal() Config {
	c := small()
	c.Stem, c.DecoderBlocks, c.Attention, c.LinearShortcut = 2, nil, false, false
	c.Loss = Loss{L1: 1, Commitment: 0.25}
	c.Discriminator.Contrast = 0
	return c
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

// noise returns random crops [n, side, side, 3].
func noise(n, side int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Uint8, n, side, side, 3))
	rng := rand.New(rand.NewPCG(1, 2))
	tensors.MustMutableFlatData(t, func(flat []uint8) {
		for i := range flat {
			flat[i] = uint8(rng.IntN(256))
		}
	})
	return t
}

// folder writes n smooth images of side pixels.
func folder(t *testing.T, n, side int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				img.SetRGBA(x, y, color.RGBA{uint8(40*i + x), uint8(3 * y), uint8(200 - 2*x), 255})
			}
		}
		if err := picture.Save(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), img); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func options(t *testing.T, dir string) Options {
	t.Helper()
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Backend: open(t, "onnx:cpu"), Set: set, Size: 32, Seed: 1, Out: t.TempDir()}
}

// train runs a training and returns its report and its checkpoint.
func train(t *testing.T, c Config, o Options) (Report, *model.Store) {
	t.Helper()
	report, err := Train(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if _, err := engine.Load(filepath.Join(o.Out, Checkpoint), store); err != nil {
		t.Fatal(err)
	}
	return report, store
}

func setValue(t *testing.T, v *model.Variable, value *tensors.Tensor) {
	t.Helper()
	if err := v.SetValue(value); err != nil {
		t.Fatal(err)
	}
}

// equal compares two lists of numbers up to a relative error.
func equal(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d values, want %d", name, len(got), len(want))
		return
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > tolerance*max(1, math.Abs(float64(want[i]))) {
			t.Errorf("%s[%d] is %g, want %g", name, i, got[i], want[i])
			return
		}
	}
}

// normal is a constant drawn from N(0, 1).
func normal(g *Graph, store *model.Store, path string, dims ...int) *Node {
	value := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	tensors.MustMutableFlatData(value, func(values []float32) { engine.Draw(store, path, 1, values) })
	return ConstTensor(g, value)
}
