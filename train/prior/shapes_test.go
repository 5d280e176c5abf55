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

// Initial draws a network's initial weights and returns a function that saves them as a
// run's checkpoint.
func Initial(c Config, grid Grid, seed uint64, backend compute.Backend) (save func(path string) error, err error) {
	store, err := engine.Declare(backend, engine.NewStore(seed), func(scope *model.Scope, g *Graph) { c.declare(scope, g, grid) })
	if err != nil {
		return nil, err
	}
	return func(path string) error { return c.checkpoint(path, grid).Save(store, 0, Report{}) }, nil
}
