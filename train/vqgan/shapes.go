package vqgan

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// CheckShapes builds the graph of one picture of side size through the whole
// network, discriminator included, and checks the shapes at its ends. It makes
// no weights and runs nothing, so that the largest recipe can be checked anywhere.
func CheckShapes(c Config, size int, backend compute.Backend, store *model.Store) error {
	if err := c.Validate(size); err != nil {
		return err
	}
	return exceptions.TryCatch[error](func() {
		g := NewGraph(backend, "shapes")
		store.SetTraining(g, true)
		scope := store.RootScope()
		x := Parameter(g, "pictures", shapes.Make(dtypes.Float32, 1, 3, size, size))
		p := c.reconstruct(scope.In(generatorScope), x, true)
		side := size / c.Factor()
		if p.ids.Shape().Dim(1) != side*side || p.z.Shape().Dim(2) != c.Embedding || !p.x.Shape().Equal(x.Shape()) {
			panic(fmt.Errorf("tokens %s, vectors %s, reconstruction %s of pictures %s", p.ids.Shape(), p.z.Shape(), p.x.Shape(), x.Shape()))
		}
		if d := c.Discriminator; d.Start > 0 {
			d.judge(scope.In(discriminatorScope), p.x)
		}
	})
}
