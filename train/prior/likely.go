package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// LogProbabilities returns a function from one picture's tokens [N] and class to what
// the prior of from says of each place, log p of each code, [N, V].
func (c Config) LogProbabilities(from *File, grid Grid, backend compute.Backend) (func(tokens []int32, class int32) ([]float32, error), error) {
	store := engine.NewStore(0)
	if _, err := c.begin(store, Options{From: from, Latents: Latents{Grid: grid}}); err != nil {
		return nil, err
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, tokens, class *Node) *Node {
		return LogSoftmax(c.Logits(scope.At(modelScope), grid, tokens, class))
	})
	if err != nil {
		return nil, fmt.Errorf("build the prior: %w", err)
	}
	return func(tokens []int32, class int32) ([]float32, error) {
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(tokens, 1, len(tokens)), []int32{class})
		if err != nil {
			return nil, fmt.Errorf("run the prior: %w", err)
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[float32](out[0])
	}, nil
}
