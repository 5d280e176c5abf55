package prior

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// CheckShapes builds the graph of a sampling step on the grid and checks the shapes at
// its ends. It makes no weights and runs nothing, so the largest recipe can be checked on
// any machine. It is exported for recipes_test.go, because package recipe imports this one.
func CheckShapes(c Config, grid Grid, backend compute.Backend, store *model.Store) error {
	if err := c.Validate(grid); err != nil {
		return err
	}
	_, err := engine.Declare(backend, store, func(scope *model.Scope, g *Graph) {
		logits := c.declare(scope, g, grid)
		uniform := Parameter(g, "uniform", shapes.Make(dtypes.Float32, 2, grid.Tokens()))
		next, _ := draw(logits, uniform, Parameter(g, "temperature", shapes.Make(dtypes.Float32, 2)))
		logits.AssertDims(2, grid.Tokens(), grid.Vocabulary)
		next.AssertDims(2, grid.Tokens())
	})
	return err
}
