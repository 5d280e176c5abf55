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

// judge measures a run with the averaged weights on held-out latents, under
// corruption that stays the same all run long, so that runs compare.
type judge struct {
	config  Config
	latents Latents
	held    []int
	seed    uint64
	loss    *model.Exec
	step    *model.Exec
}

func (c Config) newJudge(backend compute.Backend, store *model.Store, l Latents, held []int, seed uint64) (*judge, error) {
	j := &judge{config: c, latents: l, held: held, seed: seed}
	// Training mode keeps the averages parameters; otherwise they would be frozen
	// into the graph as the constants they are now.
	logits := func(store *model.Store, tokens, class *Node) *Node {
		store.SetTraining(tokens.Graph(), true)
		return c.Logits(store.Scope("/average/"+modelScope), l.Grid, tokens, class)
	}
	var err error
	j.loss, err = model.NewExec(backend, store, func(scope *model.Scope, tokens, clean, class *Node) *Node {
		return crossEntropy(logits(scope.Store(), tokens, class), OneHot(clean, l.Grid.Vocabulary, dtypes.Float32))
	})
	if err != nil {
		return nil, fmt.Errorf("build the held-out report: %w", err)
	}
	j.step, err = model.NewExec(backend, store, func(scope *model.Scope, tokens, uniform, temperature, class *Node) *Node {
		next, _ := draw(logits(scope.Store(), tokens, class), uniform, temperature)
		return next
	})
	if err != nil {
		return nil, fmt.Errorf("build the sampling step: %w", err)
	}
	return j, nil
}

// losses is the held-out loss at each of Levels.
func (j *judge) losses() (out [5]float64, err error) {
	c := j.config
	if len(j.held) == 0 {
		return out, nil
	}
	for k, level := range Levels {
		rng := engine.Keyed(j.seed, fmt.Sprintf("heldout/%g", level))
		batches := 0
		for from := 0; from+c.Batch <= len(j.held) || from == 0; from += c.Batch {
			chosen := make([]int, c.Batch)
			for i := range chosen {
				chosen[i] = j.held[(from+i)%len(j.held)]
			}
			shown := c
			shown.ClassDropout, shown.Unroll = 0, 1
			b := shown.makeBatch(j.latents, chosen, rng, func() float64 { return level })
			result, err := j.loss.Exec(b.corrupted, b.clean, b.class)
			if err != nil {
				return out, fmt.Errorf("run the held-out report: %w", err)
			}
			out[k] += float64(tensors.ToScalar[float32](result[0]))
			batches++
		}
		out[k] /= float64(batches)
	}
	return out, nil
}

// Sampling of the sheets: fixed, so that sheets of different steps compare.
const (
	sheetSteps = 18 // below 20 every step updates all tokens
	sheetHot   = 1.0
	sheetCold  = 0.6
)

// samples draws one batch from noise, classes in turn, under a temperature that
// falls in a straight line.
func (j *judge) samples() ([][]int32, error) {
	c, n := j.config, j.latents.Grid.Tokens()
	rng := engine.Keyed(j.seed, "sheet")
	tokens, class := make([]int32, c.Batch*n), make([]int32, c.Batch)
	for i := range tokens {
		tokens[i] = rng.Int32N(int32(j.latents.Grid.Vocabulary))
	}
	for i := range class {
		class[i] = int32(i % max(1, j.latents.Grid.Classes))
	}
	for t := range sheetSteps {
		temperature := make([]float32, c.Batch)
		for i := range temperature {
			temperature[i] = float32(sheetHot + (sheetCold-sheetHot)*float64(t)/(sheetSteps-1))
		}
		out, err := j.step.Exec(tensors.FromFlatDataAndDimensions(tokens, c.Batch, n), uniforms(rng, c.Batch, n),
			tensors.FromFlatDataAndDimensions(temperature, c.Batch), tensors.FromFlatDataAndDimensions(class, c.Batch))
		if err != nil {
			return nil, fmt.Errorf("draw a sheet: %w", err)
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

func uniforms(rng *rand.Rand, b, n int) *tensors.Tensor {
	values := make([]float32, b*n)
	for i := range values {
		values[i] = rng.Float32()
	}
	return tensors.FromFlatDataAndDimensions(values, b, n)
}
