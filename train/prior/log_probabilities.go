package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// LogProbabilities returns a function from the tokens [n, N] of n pictures, their classes
// [n] and P positions in each, [n, P], to the log-probabilities of every code at those
// positions, [n, P, V], by a pretrained prior.
func (c Config) LogProbabilities(from *Pretrained, grid Grid, backend compute.Backend) (func(tokens, classes, positions []int32) ([]float32, error), error) {
	store := engine.NewStore(0)
	if err := c.loadPretrained(store, from, grid, backend); err != nil {
		return nil, err
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, tokens, class, rows *Node) *Node {
		scope = scope.At(modelScope)
		b, n := tokens.Shape().Dim(0), tokens.Shape().Dim(1)
		x := Reshape(c.features(scope, grid, tokens, class), b*n, c.Dim) // [B·N, D]
		x = Gather(x, ExpandAxes(rows, -1))                              // [B, P, D]
		return LogSoftmax(c.head(scope, x, grid.Vocabulary))             // [B, P, V]
	})
	if err != nil {
		return nil, fmt.Errorf("build the prior: %w", err)
	}
	return func(tokens, classes, positions []int32) ([]float32, error) {
		b := len(classes)
		n, p := len(tokens)/b, len(positions)/b
		rows := make([]int32, len(positions)) // positions in the tokens of all pictures together
		for i, position := range positions {
			rows[i] = int32(i/p*n) + position
		}
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(tokens, b, n), classes, tensors.FromFlatDataAndDimensions(rows, b, p))
		if err != nil {
			return nil, fmt.Errorf("run the prior: %w", err)
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[float32](out[0])
	}, nil
}
