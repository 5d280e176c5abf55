package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// CheckShapes builds the graph of a sampling step on the grid and checks the
// shapes at its ends. It makes no weights and runs nothing, so that the largest
// recipe can be checked anywhere.
func CheckShapes(c Config, grid Grid, backend compute.Backend, store *model.Store) error {
	if err := c.Validate(grid); err != nil {
		return err
	}
	return exceptions.TryCatch[error](func() {
		g := NewGraph(backend, "shapes")
		store.SetTraining(g, true)
		tokens := Parameter(g, "tokens", shapes.Make(dtypes.Int32, 2, grid.Tokens()))
		class := Parameter(g, "class", shapes.Make(dtypes.Int32, 2))
		uniform := Parameter(g, "uniform", shapes.Make(dtypes.Float32, 2, grid.Tokens()))
		logits := c.Logits(store.RootScope().In(modelScope), grid, tokens, class)
		next, _ := draw(logits, uniform, Parameter(g, "temperature", shapes.Make(dtypes.Float32, 2)))
		if logits.Shape().Dim(2) != grid.Vocabulary || !next.Shape().Equal(tokens.Shape()) {
			panic(fmt.Errorf("logits %s and tokens %s of tokens %s", logits.Shape(), next.Shape(), tokens.Shape()))
		}
	})
}
