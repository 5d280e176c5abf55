package prior

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/train/engine"
)

// A model that samples inside its graph and one that leaves it to the host are
// interchangeable: from the same seed they draw the same tokens, but for the few
// whose uniform number falls just where float32 rounds differently, and those
// that follow from them.
func TestGraphAndHostDrawAlike(t *testing.T) {
	const side, n, v = 8, 64, 96
	backend, err := engine.Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	rng := rand.New(rand.NewPCG(8, 9))
	values := make([]float32, v*v)
	for i := range values {
		values[i] = float32(2 * rng.NormFloat64())
	}
	logits := func(tokens *Node) *Node { // [B, N] -> [B, N, V]: the row that the token names
		table := ConstTensor(tokens.Graph(), tensors.FromFlatDataAndDimensions(values, v, v))
		return Gather(table, ExpandAxes(tokens, -1))
	}
	input := func(dtype dtypes.DType, dims ...int) shapes.Shape {
		return shapes.MakeDynamic(dtype, append([]int{shapes.DynamicDim}, dims...), append([]string{"batch"}, make([]string, len(dims))...))
	}
	inGraph, err := engine.ExportONNX(backend, model.NewStore(), nil, func(_ *model.Scope, in []*Node) []*Node {
		drawn, confidence := draw(logits(in[0]), in[1], in[3])
		return []*Node{Where(in[2], drawn, in[0]), confidence}
	}, []string{"tokens", "uniform", "update", "temperature"}, []string{"next", "confidence"},
		input(dtypes.Int32, n), input(dtypes.Float32, n), input(dtypes.Bool, n), input(dtypes.Float32))
	if err != nil {
		t.Fatal(err)
	}
	onHost, err := engine.ExportONNX(backend, model.NewStore(), nil, func(_ *model.Scope, in []*Node) []*Node {
		return []*Node{logits(in[0])}
	}, []string{"tokens"}, []string{"logits"}, input(dtypes.Int32, n))
	if err != nil {
		t.Fatal(err)
	}
	const samples = 40
	for _, temperature := range []schedule.Schedule{{Start: 1, Curve: schedule.Constant}, {Start: 0.4, Curve: schedule.Constant}, {Curve: schedule.Constant}} {
		settings := schedule.Settings{Steps: 1, Temperature: temperature, Proportion: schedule.Schedule{Start: 0.7, Curve: schedule.Constant}, Seed: 11}
		var frames [2]sampler.Frame
		for i, file := range [][]byte{marshal(t, inGraph), marshal(t, onHost)} {
			prior, err := sampler.Open(wrap(t, file, side, v), orttest.Opener(t))
			if err != nil {
				t.Fatal(err)
			}
			run, err := prior.Start(sampler.Start{N: samples, Settings: settings, From: sampler.Noise{}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := run.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			frames[i] = run.At(1)
			prior.Close()
		}
		differ := 0
		for i, tokens := range frames[0].Tokens {
			for k, id := range tokens {
				if id != frames[1].Tokens[i][k] {
					differ++
				} else if a, b := frames[0].Confidence[i][k], frames[1].Confidence[i][k]; a-b > 1e-4 || b-a > 1e-4 {
					// Where a token was not updated, the two may have drawn different ones.
					differ++
				}
			}
		}
		if differ > samples*n/1000 {
			t.Errorf("at temperature %g, %d of %d tokens differ", temperature.Start, differ, samples*n)
		}
	}
}

// wrap makes a bundle of a prior, with a decoder and an encoder that nobody runs.
func wrap(t *testing.T, prior []byte, side, v int) *bundle.Bundle {
	t.Helper()
	h := int64(side)
	grid := onnxfile.Tensor{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{1, h, h}}
	planes := onnxfile.Tensor{Name: "image", Type: onnxfile.Float32, Shape: []int64{1, 3, h, h}}
	dir := filepath.Join(t.TempDir(), "bundle")
	m := bundle.Manifest{Name: "test", ImageSize: side, Downsample: 1, Latent: bundle.Latent{Height: side, Width: side}, Vocabulary: v}
	err := bundle.Write(dir, m, map[string][]byte{
		bundle.PriorFile:   prior,
		bundle.DecoderFile: onnxfile.Graph{Inputs: []onnxfile.Tensor{grid}, Outputs: []onnxfile.Tensor{planes}}.Marshal(),
		bundle.EncoderFile: onnxfile.Graph{Inputs: []onnxfile.Tensor{planes}, Outputs: []onnxfile.Tensor{grid}}.Marshal(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
