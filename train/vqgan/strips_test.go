package vqgan

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// TestStrips: layers on strips give what they give on the whole activation, in a graph for
// use and in one for training.
func TestStrips(t *testing.T) {
	backend := open(t, "onnx:cpu")
	for name, layer := range map[string]func(scope *model.Scope, x strips) strips{
		"3×3 convolution": func(scope *model.Scope, x strips) strips { return x.conv(scope, 5, 3) },
		"1×1 convolution": func(scope *model.Scope, x strips) strips { return x.conv(scope, 5, 1) },
		"group norm":      func(scope *model.Scope, x strips) strips { return x.groupNorm(scope, 2, 1e-6) },
		"downsample":      func(scope *model.Scope, x strips) strips { return x.downsample(scope) },
		"upsample":        func(scope *model.Scope, x strips) strips { return x.upsample(scope) },
		"sum":             func(_ *model.Scope, x strips) strips { return x.plus(x) },
	} {
		store := engine.NewStore(1)
		run := func(training bool, n int) []float32 {
			exec, err := model.NewExec(backend, store, func(scope *model.Scope, g *Graph) *Node {
				scope.Store().SetTraining(g, training)
				x := strips{normal(g, store, "/input", 2, 4, 16, 6)}
				return layer(scope.At("layer"), x.recut(8).recut(n)).join()
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Exec()
			if err != nil {
				t.Fatal(err)
			}
			return tensors.MustCopyFlatData[float32](out[0])
		}
		whole := run(true, 1)
		equal(t, name+" in use", run(false, 1), whole, 1e-5)
		equal(t, name+" on 4 strips", run(false, 4), whole, 1e-5)
		equal(t, name+" on 8 strips", run(false, 8), whole, 1e-5)
	}
}
