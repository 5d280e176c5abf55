package prior

import (
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// corrupt appends to out a sample of q(z'|z): a copy of clean in which every token has,
// with probability rate, been replaced by one drawn uniformly from the vocabulary
// (2206.12351, section 3.3; 2112.06749, equation 2). The replacement may be the same token.
func corrupt(out, clean []int32, vocabulary int, rate float64, rng *rand.Rand) []int32 {
	for _, id := range clean {
		if rng.Float64() < rate {
			id = rng.Int32N(int32(vocabulary))
		}
		out = append(out, id)
	}
	return out
}

// noiseRate is the corruption rate of a training sample, u^NoiseExponent for u ~ U[0, 1].
func (c Config) noiseRate(u float64) float64 {
	if c.NoiseExponent == 0 {
		return u
	}
	return math.Pow(u, c.NoiseExponent)
}

// unrolled is the step-unrolled denoising objective (2206.12351, section 3.3; 2112.06749,
// equation 6): from corrupted tokens, predict the clean ones, sample from the prediction,
// and predict again from the sample, T times in all. No gradient flows through the
// samples, so a step's loss does not reach the steps before it. Where update is false, a
// token of a sample stays as it was.
//
// corrupted and clean are int32 [B, N], class int32 [B], uniform float32 and update bool
// [B, T-1, N]. It returns the T logits [B, N, V] and the T losses; the objective is the
// mean of the losses.
func (c Config) unrolled(scope *model.Scope, grid Grid, corrupted, clean, class, uniform, update *Node) (logits, losses []*Node) {
	g := corrupted.Graph()
	tokens := corrupted
	for step := range c.Unroll {
		predicted := c.logits(scope.At(modelScope), grid, tokens, class) // [B, N, V]
		logits = append(logits, predicted)
		losses = append(losses, crossEntropy(predicted, c.target(scope, grid, tokens, clean, class)))
		if step == c.Unroll-1 {
			break
		}
		ofStep := func(all *Node) *Node { return Squeeze(Slice(all, AxisRange(), AxisElem(step)), 1) } // [B, N]
		drawn, _ := draw(StopGradient(predicted), ofStep(uniform), Ones(g, shapes.Make(dtypes.Float32, 1)))
		tokens = StopGradient(Where(ofStep(update), drawn, tokens)) // [B, N]
	}
	return logits, losses
}

// target is what the network learns to predict, as probabilities [B, N, V]: the clean
// token (2112.06749, equation 4) or, with distillation, the teacher's prediction.
func (c Config) target(scope *model.Scope, grid Grid, tokens, clean, class *Node) *Node {
	if c.Distillation > 0 {
		return c.teacherTarget(scope, grid, tokens, class)
	}
	return OneHot(clean, grid.Vocabulary, dtypes.Float32) // [B, N, V]
}

// crossEntropy is the mean of -Σ target · log softmax(logits) over all tokens, corrupted
// or not (2112.06749, equation 4): logits and target [B, N, V] to a scalar, in nats.
func crossEntropy(logits, target *Node) *Node {
	hit := ReduceSum(Mul(logits, target), -1)                       // [B, N]
	top := StopGradient(ReduceAndKeep(logits, ReduceMax, -1))       // [B, N, 1]
	sum := ReduceSum(Exp(Sub(logits, top)), -1)                     // [B, N]
	return ReduceAllMean(Sub(Add(Log(sum), Squeeze(top, -1)), hit)) // scalar
}
