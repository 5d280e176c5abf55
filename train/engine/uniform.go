package engine

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Uniform returns the trainable weight called name. If the store does not hold it yet, it is
// drawn from U(-bound, bound) as Normal draws: by the store's seed and the weight's path
// alone.
func Uniform(scope *model.Scope, g *Graph, name string, bound float64, dims ...int) *Node {
	path := model.JoinPath(scope.Scope(), name)
	draw := func(g *Graph, shape shapes.Shape) *Node {
		rng := Keyed(uint64(model.GetRootParamOr(scope.Store(), seedParam, 0)), path)
		values := make([]float32, shape.Size())
		for i := range values {
			values[i] = float32((2*rng.Float64() - 1) * bound)
		}
		return ConstTensor(g, tensors.FromFlatDataAndDimensions(values, shape.Dimensions...))
	}
	return scope.WithInitializer(draw).VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).NodeValue(g)
}
