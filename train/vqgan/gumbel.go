package vqgan

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// GumbelTraining says how a Gumbel quantizer is trained: its codes are drawn from the
// encoder's logits, with the gradient of a softmax in place of the choice (Jang et al.,
// 1611.01144). The defaults are those of GumbelVQ in taming-transformers.
type GumbelTraining struct {
	// KL is the weight of the divergence of the logits' distribution from the uniform one,
	// which keeps codes in use; 1e-8 if it is 0.
	KL float64 `yaml:"kl,omitempty"`
	// Temperature of the softmax at the first step and at the last, with a cosine between
	// them; 1 throughout if it is absent. The lower it is, the closer the softmax is to a
	// choice, and the noisier its gradient.
	Temperature []float64 `yaml:"temperature,omitempty"`
}

// defaultKL is GumbelVQ's kl_weight.
const defaultKL = 1e-8

func (t GumbelTraining) weight() float64 {
	if t.KL == 0 {
		return defaultKL
	}
	return t.KL
}

// temperatureAt is the temperature at a step (0-based) of a training of steps.
func (t GumbelTraining) temperatureAt(step, steps int) float64 {
	if len(t.Temperature) == 0 {
		return 1
	}
	start, end := t.Temperature[0], t.Temperature[1]
	share := float64(step) / float64(max(1, steps-1))
	return end + (start-end)*(1+math.Cos(math.Pi*share))/2
}

// validate reports the first setting that cannot work.
func (t GumbelTraining) validate() error {
	if t.KL < 0 {
		return fmt.Errorf("vqgan.gumbel.kl must be at least 0, not %g", t.KL)
	}
	if v := t.Temperature; len(v) != 0 && (len(v) != 2 || min(v[0], v[1]) <= 0) {
		return fmt.Errorf("vqgan.gumbel.temperature must be two numbers above 0, not %v", v)
	}
	return nil
}

// gumbelDraw is what the host gives a training step with a Gumbel quantizer.
type gumbelDraw struct {
	noise       *tensors.Tensor // [B, N, V], drawn from the standard Gumbel distribution
	temperature float32
}

// gumbelAt is the draw of a step. Its noise depends on the seed and the step alone.
func (c Config) gumbelAt(seed uint64, step int) *gumbelDraw {
	side := c.Crop / c.Factor()
	rng := engine.Keyed(seed, fmt.Sprintf("gumbel/%d", step))
	noise := make([]float32, c.Batch*side*side*c.Vocabulary)
	for i := range noise {
		noise[i] = float32(-math.Log(rng.ExpFloat64()))
	}
	return &gumbelDraw{
		noise:       tensors.FromFlatDataAndDimensions(noise, c.Batch, side*side, c.Vocabulary),
		temperature: float32(c.Gumbel.temperatureAt(step, c.Steps)),
	}
}

// codeLogits are the logits of the codes, [B, N, V], for the encoder's outputs, rows [B, N, E].
func (c Config) codeLogits(encoder *model.Scope, rows *Node) *Node {
	g, v, e := rows.Graph(), c.Vocabulary, c.Embedding
	scope := encoder.In("logits")
	weight := engine.Normal(scope, g, "weight", tamingGain/math.Sqrt(float64(e)), v, e, 1, 1)
	bias := engine.Constant(scope, g, "bias", 0, 1, v, 1, 1)
	logits := MatMul(rows, TransposeAllDims(Reshape(weight, v, e), 1, 0)) // [B, N, V]
	return Add(logits, Reshape(bias, 1, 1, v))
}

// drawCodes draws a code for each of the logits [B, N, V], with noise of the same shape and a
// scalar temperature. The vectors [B, N, E] are those of the codes drawn, of codes [V, E]; their
// gradient with respect to the logits is that of a softmax (1611.01144, section 2.2). kl is a
// scalar, the mean divergence of the logits' distribution from the uniform one.
func drawCodes(logits, noise, temperature, codes *Node) (q quantized, kl *Node) {
	v := codes.Shape().Dim(0)
	soft := Softmax(Div(Add(logits, noise), temperature), -1) // [B, N, V]
	ids := ArgMax(soft, -1, dtypes.Int32)                     // [B, N]
	hard := OneHot(ids, v, logits.DType())                    // [B, N, V]
	q = quantized{
		ids:     ids,
		vectors: MatMul(straightThrough(soft, hard), codes),
		counts:  ReduceSum(hard, 0, 1),
	}
	p := Softmax(logits, -1)                                                    // [B, N, V]
	kl = ReduceSum(Mul(p, Log(AddScalar(MulScalar(p, float64(v)), 1e-10))), -1) // [B, N]
	return q, ReduceAllMean(kl)
}
