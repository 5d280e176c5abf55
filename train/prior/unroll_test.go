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
		_, losses := c.unrolled(scope, g, in[0], in[1], in[2], in[3], in[4])
		if len(losses) != 1 {
			t.Errorf("%d losses for T = 1", len(losses))
		}
		// -log softmax(logits)[target], written out.
		logits := c.logits(scope.At(modelScope), g, in[0], in[2])
		p := ReduceSum(Mul(Softmax(logits, -1), OneHot(in[1], g.Vocabulary, dtypes.Float32)), -1)
		return []*Node{losses[0], Neg(ReduceAllMean(Log(p)))}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := batchOf(c, toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, b.update)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1]); math.Abs(float64(got-want)) > 1e-5 {
		t.Errorf("loss %g, plain denoising %g", got, want)
	}
}

// Tokens that an unrolled step does not draw stay as they are: if it draws none, the next
// loss equals the one before.
func TestUpdateMask(t *testing.T) {
	c, g := small()
	backend := open(t, "onnx:cpu")
	exec, err := model.NewExec(backend, engine.NewStore(3), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		_, losses := c.unrolled(scope, g, in[0], in[1], in[2], in[3], in[4])
		return losses
	})
	if err != nil {
		t.Fatal(err)
	}
	b := batchOf(c, toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	for _, draws := range []bool{false, true} {
		update := slices.Repeat([]bool{draws}, c.Batch*g.Tokens())
		out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, tensors.FromFlatDataAndDimensions(update, c.Batch, 1, g.Tokens()))
		if err != nil {
			t.Fatal(err)
		}
		first, second := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1])
		if (first != second) != draws {
			t.Errorf("update %v: loss %g, and after the step %g", draws, first, second)
		}
	}
}

// No gradient flows through the sample between two steps: the second loss does not depend
// on the first step's logits, while each loss depends on its own.
func TestStopGradientBetweenSteps(t *testing.T) {
	c, g := small()
	exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(3), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		logits, losses := c.unrolled(scope, g, in[0], in[1], in[2], in[3], in[4])
		var sums []*Node
		for _, loss := range losses {
			for _, gradient := range Gradient(loss, logits...) {
				sums = append(sums, ReduceAllSum(Abs(gradient)))
			}
		}
		return sums
	})
	if err != nil {
		t.Fatal(err)
	}
	b := batchOf(c, toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, b.update)
	if err != nil {
		t.Fatal(err)
	}
	for i, sum := range out {
		loss, logits := i/c.Unroll, i%c.Unroll
		if got := tensors.ToScalar[float32](sum); (got != 0) != (loss == logits) {
			t.Errorf("the gradient of loss %d for the logits of step %d sums to %g", loss+1, logits+1, got)
		}
	}
}
