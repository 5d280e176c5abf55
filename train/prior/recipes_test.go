package prior_test

import (
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
	"sundae/train/engine"
	"sundae/train/prior"
	"sundae/train/recipe"
)

// TestRecipes builds the prior's graph of every built-in recipe, without weights,
// and checks its shapes.
func TestRecipes(t *testing.T) {
	backend, err := engine.Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	for _, name := range recipe.BuiltIn() {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := prior.CheckShapes(r.Prior, r.Grid(8), backend, model.NewStore()); err != nil {
				t.Error(err)
			}
		})
	}
}
