package prior

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// evaluator measures the moving average of the weights, or the weights of a run without
// one, on held-out latents, under corruption that is the same at every report, so that
// reports and runs compare.
type evaluator struct {
	config  Config
	latents Latents
	held    []int
	seed    uint64
	loss    *model.Exec
	step    *model.Exec
}

func (c Config) newEvaluator(backend compute.Backend, store *model.Store, l Latents, held []int, seed uint64) (*evaluator, error) {
	e := &evaluator{config: c, latents: l, held: held, seed: seed}
	evaluated := "/" + modelScope
	if c.EMA > 0 {
		evaluated = engine.EMARoot + evaluated
	}
	// Training mode keeps the weights parameters of the graph. Otherwise they would be
	// built into it as constants of their present values.
	logits := func(store *model.Store, tokens, class *Node) *Node {
		store.SetTraining(tokens.Graph(), true)
		return c.logits(store.Scope(evaluated), l.Grid, tokens, class)
	}
	var err error
	e.loss, err = model.NewExec(backend, store, func(scope *model.Scope, tokens, clean, class *Node) *Node {
		return crossEntropy(logits(scope.Store(), tokens, class), OneHot(clean, l.Grid.Vocabulary, dtypes.Float32))
	})
	if err != nil {
		return nil, fmt.Errorf("build the evaluation: %w", err)
	}
	e.step, err = model.NewExec(backend, store, func(scope *model.Scope, tokens, uniform, temperature, class *Node) *Node {
		next, _ := draw(logits(scope.Store(), tokens, class), uniform, temperature)
		return next
	})
	if err != nil {
		return nil, fmt.Errorf("build the sampling step: %w", err)
	}
	return e, nil
}

// losses is the held-out loss at each corruption rate of Levels.
func (e *evaluator) losses() (out [5]float64, err error) {
	c := e.config
	if len(e.held) == 0 {
		return out, nil
	}
	for k, level := range Levels {
		rng := engine.Keyed(e.seed, fmt.Sprintf("heldout/%g", level))
		batches := 0
		for from := 0; from+c.Batch <= len(e.held) || from == 0; from += c.Batch {
			chosen := make([]int, c.Batch)
			for i := range chosen {
				chosen[i] = e.held[(from+i)%len(e.held)]
			}
			plain := c
			plain.ClassDropout, plain.Unroll = 0, 1
			b := plain.makeBatch(e.latents, chosen, rng, func() float64 { return level })
			result, err := e.loss.Exec(b.corrupted, b.clean, b.class)
			if err != nil {
				return out, fmt.Errorf("evaluate the held-out latents: %w", err)
			}
			out[k] += float64(tensors.ToScalar[float32](result[0]))
			batches++
		}
		out[k] /= float64(batches)
	}
	return out, nil
}

// Sampling settings of the sheets, the same for all so that sheets compare. Every step
// updates all tokens.
const (
	sheetSteps            = 18
	sheetTemperatureStart = 1.0
	sheetTemperatureEnd   = 0.6
)

// samples draws one batch [B][N] from noise, with the classes in turn and a temperature
// that falls linearly.
func (e *evaluator) samples() ([][]int32, error) {
	c, n := e.config, e.latents.Grid.Tokens()
	rng := engine.Keyed(e.seed, "sheet")
	tokens, class := make([]int32, c.Batch*n), make([]int32, c.Batch)
	for i := range tokens {
		tokens[i] = rng.Int32N(int32(e.latents.Grid.Vocabulary))
	}
	for i := range class {
		class[i] = int32(i % max(1, e.latents.Grid.Classes))
	}
	for t := range sheetSteps {
		temperature := make([]float32, c.Batch)
		for i := range temperature {
			temperature[i] = float32(sheetTemperatureStart + (sheetTemperatureEnd-sheetTemperatureStart)*float64(t)/(sheetSteps-1))
		}
		out, err := e.step.Exec(tensors.FromFlatDataAndDimensions(tokens, c.Batch, n), uniforms(rng, c.Batch, n),
			tensors.FromFlatDataAndDimensions(temperature, c.Batch), tensors.FromFlatDataAndDimensions(class, c.Batch))
		if err != nil {
			return nil, fmt.Errorf("draw samples: %w", err)
		}
		tokens = tensors.MustCopyFlatData[int32](out[0])
		out[0].FinalizeAll()
	}
	samples := make([][]int32, c.Batch)
	for i := range samples {
		samples[i] = tokens[i*n : (i+1)*n]
	}
	return samples, nil
}

// uniforms is float32 [b, n] of U[0, 1).
func uniforms(rng *rand.Rand, b, n int) *tensors.Tensor {
	values := make([]float32, b*n)
	for i := range values {
		values[i] = rng.Float32()
	}
	return tensors.FromFlatDataAndDimensions(values, b, n)
}
