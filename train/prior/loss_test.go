package prior

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

func TestOneUnrollIsPlainDenoising(t *testing.T) {
	c, g := small()
	c.Unroll = 1
	backend := open(t, "onnx:cpu")
	exec, err := model.NewExec(backend, engine.NewStore(3), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		losses := c.unrolledLoss(scope, g, in[0], in[1], in[2], in[3], in[4])
		if len(losses) != 1 {
			t.Errorf("%d losses for T = 1", len(losses))
		}
		// -log softmax(logits)[target], written out.
		logits := c.Logits(scope.At(modelScope), g, in[0], in[2])
		p := ReduceSum(Mul(Softmax(logits, -1), OneHot(in[1], g.Vocabulary, dtypes.Float32)), -1)
		return []*Node{losses[0], Neg(ReduceAllMean(Log(p)))}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := c.batch(toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, b.update)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1]); math.Abs(float64(got-want)) > 1e-5 {
		t.Errorf("loss %g, plain denoising %g", got, want)
	}
}

// Tokens that an unrolled step doesn't draw stay as they stood: where it draws none,
// the loss after it is the one before; where it draws all, another.
func TestUnrollDrawsWhatItIsTold(t *testing.T) {
	c, g := small()
	backend := open(t, "onnx:cpu")
	exec, err := model.NewExec(backend, engine.NewStore(3), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		return c.unrolledLoss(scope, g, in[0], in[1], in[2], in[3], in[4])
	})
	if err != nil {
		t.Fatal(err)
	}
	b := c.batch(toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	for _, draws := range []bool{false, true} {
		update := slices.Repeat([]bool{draws}, c.Batch*g.Tokens())
		out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, tensors.FromFlatDataAndDimensions(update, c.Batch, 1, g.Tokens()))
		if err != nil {
			t.Fatal(err)
		}
		first, second := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1])
		if (first != second) != draws {
			t.Errorf("draws %v: loss %g, and after the step %g", draws, first, second)
		}
	}
}
