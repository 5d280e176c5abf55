package engine

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// seedParam is the store's hyperparameter that keys every weight's generator.
const seedParam = "seed"

// NewStore returns an empty store whose initial weights are drawn from seed.
func NewStore(seed uint64) *model.Store {
	store := model.NewStore()
	store.SetParam("/"+seedParam, int(seed))
	return store
}

// Normal returns the trainable weight called name. If the store does not hold it yet, it is
// drawn from N(0, std²), by the store's seed and the weight's path alone, for
// any backend and order of construction.
func Normal(scope *model.Scope, g *Graph, name string, std float64, dims ...int) *Node {
	path := model.JoinPath(scope.Scope(), name)
	draw := func(g *Graph, shape shapes.Shape) *Node {
		return Draw(g, scope.Store(), path, std, shape.Dimensions...)
	}
	return scope.WithInitializer(draw).VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).NodeValue(g)
}

// Draw returns a constant drawn from N(0, std²), keyed by the store's seed and path.
func Draw(g *Graph, store *model.Store, path string, std float64, dims ...int) *Node {
	rng := Keyed(uint64(model.GetRootParamOr(store, seedParam, 0)), path)
	values := make([]float32, shapes.Make(dtypes.Float32, dims...).Size())
	for i := range values {
		values[i] = float32(rng.NormFloat64() * std)
	}
	return ConstTensor(g, tensors.FromFlatDataAndDimensions(values, dims...))
}

// Constant returns the trainable weight called name, all of whose values start at value.
func Constant(scope *model.Scope, g *Graph, name string, value float64, dims ...int) *Node {
	fill := func(g *Graph, shape shapes.Shape) *Node {
		return BroadcastToShape(Scalar(g, shape.DType, value), shape)
	}
	return scope.WithInitializer(fill).VariableWithShape(name, shapes.Make(dtypes.Float32, dims...)).NodeValue(g)
}

// Keyed returns the random generator of (seed, path): the same stream for the same pair,
// independent streams for different ones.
func Keyed(seed uint64, path string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(path))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
