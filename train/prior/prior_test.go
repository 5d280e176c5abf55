package prior

import (
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
	"sundae/train/engine"
)

// small is a network with every kind of layer: nested, with attention resampling and our
// additions.
func small() (Config, Grid) {
	return Config{
		Depth: Depth{Before: 1, Inner: &Depth{Before: 1, Middle: 1, After: 1}, After: 1}, Downsample: 4, Resample: "attention",
		Dim: 16, Heads: 2, HeadDim: 8, MLP: 2, PositionEmbedding: true, ShiftMixing: 1, Unroll: 2, ClassDropout: 0.1, Batch: 4, Steps: 10, Every: 5, HeldOut: 4,
		LearningRate: 1e-2, EMA: 0.9, Clip: 1,
	}, Grid{Height: 8, Width: 8, Vocabulary: 12, Classes: 3}
}

// flat is a smaller network without nesting and with linear resampling.
func flat() (Config, Grid) {
	c, g := small()
	c.Depth, c.Resample = Depth{Before: 1, Middle: 1, After: 1}, "linear"
	return c, g
}

// random is a model with random weights, none of them zero.
func random(t *testing.T, c Config, g Grid) *Model {
	t.Helper()
	network, err := engine.Declare(open(t, "onnx:cpu"), model.NewStore(), func(scope *model.Scope, graph *Graph) { c.declare(scope, graph, g) })
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{Config: c, Grid: g, store: model.NewStore()}
	for v := range network.IterVariables() {
		rng := engine.Keyed(1, v.Path())
		values := make([]float32, v.Shape().Size())
		for i := range values {
			values[i] = float32(0.3 * rng.NormFloat64())
		}
		if _, err := m.store.CreateVariable(v.Path(), tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// marshal is a network's file in float32.
func marshal(t *testing.T, network onnxfile.Network) []byte {
	t.Helper()
	file, err := network.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// exported is a model with random weights, and its file.
func exported(t *testing.T, backend compute.Backend, c Config, g Grid) (*Model, onnxfile.Model) {
	t.Helper()
	m := random(t, c, g)
	network, err := m.Export(backend)
	if err != nil {
		t.Fatal(err)
	}
	return m, onnxfile.Model{Graph: marshal(t, network)}
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

// batchOf is the batch of a step, on the latents named by items.
func batchOf(c Config, l Latents, items []int, seed uint64, step int) batch {
	return (&batches{config: c, latents: l, items: items, seed: seed}).at(step)
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
