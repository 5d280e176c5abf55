package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// LogProbabilities returns a function from n pictures' tokens [n, N], their classes [n] and
// P places of each, [n, P], to what the prior of from says of those: log p of each code,
// [n, P, V].
func (c Config) LogProbabilities(from *File, grid Grid, backend compute.Backend) (func(tokens, classes, places []int32) ([]float32, error), error) {
	store := engine.NewStore(0)
	if _, err := c.begin(store, Options{From: from, Latents: Latents{Grid: grid}}); err != nil {
		return nil, err
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, tokens, class, places *Node) *Node {
		scope = scope.At(modelScope)
		b, n := tokens.Shape().Dim(0), tokens.Shape().Dim(1)
		x := Reshape(c.trunk(scope, grid, tokens, class), b*n, c.Dim)
		return LogSoftmax(c.head(scope, Gather(x, ExpandAxes(places, -1)), grid.Vocabulary))
	})
	if err != nil {
		return nil, fmt.Errorf("build the prior: %w", err)
	}
	return func(tokens, classes, places []int32) ([]float32, error) {
		b := len(classes)
		n, p := len(tokens)/b, len(places)/b
		rows := make([]int32, len(places)) // of all pictures' tokens below each other
		for i, place := range places {
			rows[i] = int32(i/p*n) + place
		}
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(tokens, b, n), classes, tensors.FromFlatDataAndDimensions(rows, b, p))
		if err != nil {
			return nil, fmt.Errorf("run the prior: %w", err)
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[float32](out[0])
	}, nil
}
