package vqgan

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

func TestGradDebug(t *testing.T) {
	c := Config{Stem: 4, StemChannels: 4, Channels: 8, Multipliers: []int{1, 2}, Blocks: 1, Groups: 4, Embedding: 4, Vocabulary: 16,
		Crop: 16, Batch: 2, PerPict: 1, Steps: 100, Every: 10, LearningRate: 1e-3,
		Loss: Loss{L1: 1, L2: 1, Gradient: 1, Scales: 2, Commitment: 0.25}, Codebook: Codebook{Decay: 0.99}}
	results := map[string]map[string][]float32{}
	for _, name := range []string{"go", "onnx:cpu"} {
		bytes := tensors.FromShape(shapes.Make(dtypes.Uint8, c.Batch, c.Crop, c.Crop, 3))
		rng := rand.New(rand.NewPCG(1, 2))
		tensors.MustMutableFlatData(bytes, func(f []uint8) {
			for i := range f {
				f[i] = uint8(rng.IntN(256))
			}
		})
		backend, err := engine.Open(name, os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
		if err != nil {
			t.Fatal(err)
		}
		store := engine.NewStore(1)
		var names []string
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) []*Node {
			scope.Store().SetTraining(bytes.Graph(), true)
			x := pixels(bytes)
			p := c.reconstruct(scope.In(generatorScope), x, false)
			loss := c.Loss.reconstructionLoss(x, p.x)
			grads := scope.At(generatorScope).BuildTrainableVariablesGradientsGraph(loss)
			names = nil
			for v := range scope.At(generatorScope).IterVariables() {
				names = append(names, v.Path())
			}
			return append([]*Node{loss}, grads...)
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(bytes)
		if err != nil {
			t.Fatal(err)
		}
		results[name] = map[string][]float32{"loss": {tensors.ToScalar[float32](out[0])}}
		for i, n := range names {
			results[name][n] = tensors.MustCopyFlatData[float32](out[i+1])
		}
	}
	for n, a := range results["go"] {
		b := results["onnx:cpu"][n]
		var worst, scale float64
		for i := range a {
			worst = max(worst, math.Abs(float64(a[i]-b[i])))
			scale = max(scale, math.Abs(float64(a[i])))
		}
		mark := ""
		if worst > 1e-3*scale+1e-6 {
			mark = "  <<<<"
		}
		t.Logf("%-50s worst %.2e of %.2e%s", n, worst, scale, mark)
	}
}
