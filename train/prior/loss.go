package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// modelScope is where the network keeps its weights.
const modelScope = "model"

// crossEntropy is the mean of -log softmax(logits)[target] over all tokens, the
// kept ones as well (2112.06749, equation 4): logits [B, N, V], target int32 [B, N].
func crossEntropy(logits, target *Node) *Node {
	v := logits.Shape().Dim(2)
	right := ReduceSum(Mul(logits, OneHot(target, v, logits.DType())), -1) // [B, N]
	top := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))
	sum := ReduceSum(Exp(Sub(logits, top)), -1)
	return ReduceAllMean(Sub(Add(Log(sum), Squeeze(top, -1)), right))
}

// unrolledLoss is the step-unrolled denoising objective (2112.06749, equation
// 6): from corrupted tokens, denoise, sample, and denoise what was sampled, T
// times in all, with no gradient through the samples. It returns the loss of
// each step; the objective is their mean.
//
// corrupted and clean are int32 [B, N], class int32 [B], uniform [T-1, B, N].
func (c Config) unrolledLoss(scope *model.Scope, grid Grid, corrupted, clean, class, uniform *Node) []*Node {
	g := corrupted.Graph()
	tokens := corrupted
	losses := make([]*Node, c.Unroll)
	for step := range c.Unroll {
		weights := scope.At(modelScope)
		logits := c.Logits(weights, grid, tokens, class)
		losses[step] = crossEntropy(logits, clean)
		if step < c.Unroll-1 {
			u := Squeeze(Slice(uniform, AxisElem(step)), 0)
			tokens, _ = draw(StopGradient(logits), u, Ones(g, shapes.Make(dtypes.Float32, 1)))
			tokens = StopGradient(tokens)
		}
	}
	return losses
}

// stepReport is what one optimizer step tells.
type stepReport struct {
	Loss, First, Last, Norm float64
}

// newStep compiles one optimizer step.
func (c Config) newStep(backend compute.Backend, store *model.Store, grid Grid) (func(b batch, rate, decay float64) (stepReport, error), error) {
	optimizer := engine.AdamW{Beta1: 0.9, Beta2: 0.98, WeightDecay: c.WeightDecay, Clip: c.Clip}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		corrupted, clean, class, uniform, rate, decay := in[0], in[1], in[2], in[3], in[4], in[5]
		scope.Store().SetTraining(clean.Graph(), true)
		losses := c.unrolledLoss(scope, grid, corrupted, clean, class, uniform)
		loss := ReduceAllMean(Stack(losses, 0))
		norm := optimizer.Update(scope.At(modelScope), loss, rate)
		engine.Average(scope.At(modelScope), decay)
		return []*Node{Stack([]*Node{loss, losses[0], losses[len(losses)-1], norm}, 0)}
	})
	if err != nil {
		return nil, fmt.Errorf("build the prior's training step: %w", err)
	}
	return func(b batch, rate, decay float64) (stepReport, error) {
		out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, float32(rate), float32(decay))
		if err != nil {
			return stepReport{}, fmt.Errorf("run the prior's training step: %w", err)
		}
		v := tensors.MustCopyFlatData[float32](out[0])
		return stepReport{float64(v[0]), float64(v[1]), float64(v[2]), float64(v[3])}, nil
	}, nil
}
