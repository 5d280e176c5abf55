package prior

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// modelScope is where the network keeps its weights.
const modelScope = "model"

// crossEntropy is the mean of -Σ target · log softmax(logits) over all tokens, the
// kept ones as well (2112.06749, equation 4): logits and target [B, N, V].
func crossEntropy(logits, target *Node) *Node {
	right := ReduceSum(Mul(logits, target), -1) // [B, N]
	top := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))
	sum := ReduceSum(Exp(Sub(logits, top)), -1)
	return ReduceAllMean(Sub(Add(Log(sum), Squeeze(top, -1)), right))
}

// unrolledLoss is the step-unrolled denoising objective (2112.06749, equation
// 6): from corrupted tokens, denoise, sample, and denoise what was sampled, T
// times in all, with no gradient through the samples. Where update is false, a token
// of a sample stays as it was. It returns the loss of each step; the objective is
// their mean.
//
// corrupted and clean are int32 [B, N], class int32 [B], uniform and update [B, T-1, N].
func (c Config) unrolledLoss(scope *model.Scope, grid Grid, corrupted, clean, class, uniform, update *Node) []*Node {
	g := corrupted.Graph()
	tokens := corrupted
	losses := make([]*Node, c.Unroll)
	for step := range c.Unroll {
		weights := scope.At(modelScope)
		logits := c.Logits(weights, grid, tokens, class)
		losses[step] = crossEntropy(logits, c.target(scope, grid, tokens, clean, class))
		if step < c.Unroll-1 {
			of := func(all *Node) *Node { return Squeeze(Slice(all, AxisRange(), AxisElem(step)), 1) }
			drawn, _ := draw(StopGradient(logits), of(uniform), Ones(g, shapes.Make(dtypes.Float32, 1)))
			tokens = StopGradient(Where(of(update), drawn, tokens))
		}
	}
	return losses
}
