package engine

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// seedParam is the store's hyperparameter that keys every weight's generator.
const seedParam = "seed"

// NewStore returns an empty store whose initial weights are drawn from seed, while the
// network's graph is built. Any other store only names weights that it does not hold, with
// their shapes: see [Declare].
func NewStore(seed uint64) *model.Store {
	store := model.NewStore()
	store.SetParam("/"+seedParam, int(seed))
	return store
}

// Weight returns the variable called name. If the store does not hold it yet, fill sets its
// initial elements, which are zeros before. They never pass through a graph: as constants of
// one, those of a large network would exceed what a protobuf can hold.
func Weight(scope *model.Scope, name string, fill func(values []float32), dims ...int) *model.Variable {
	store, path, shape := scope.Store(), model.JoinPath(scope.Scope(), name), shapes.Make(dtypes.Float32, dims...)
	if draws := model.GetRootParamOr(store, seedParam, -1) >= 0; draws && store.GetVariable(path) == nil {
		value := tensors.FromShape(shape)
		tensors.MustMutableFlatData(value, fill)
		if _, err := store.CreateVariable(path, value); err != nil {
			panic(err) // as GoMLX does while a graph is built
		}
	}
	return scope.WithInitializer(missing(path)).VariableWithShape(name, shape)
}

// missing is the initializer of a weight that the store should have held.
func missing(path string) model.VariableInitializer {
	return func(*Graph, shapes.Shape) *Node {
		exceptions.Panicf("the weight %s has no value", path)
		return nil
	}
}

// Normal returns the trainable weight called name. If the store does not hold it yet, it is
// drawn from N(0, std²), by the store's seed and the weight's path alone, for
// any backend and order of construction.
func Normal(scope *model.Scope, g *Graph, name string, std float64, dims ...int) *Node {
	path := model.JoinPath(scope.Scope(), name)
	draw := func(values []float32) { Draw(scope.Store(), path, std, values) }
	return Weight(scope, name, draw, dims...).NodeValue(g)
}

// Draw sets values to draws from N(0, std²), keyed by the store's seed and path.
func Draw(store *model.Store, path string, std float64, values []float32) {
	rng := Keyed(uint64(model.GetRootParamOr(store, seedParam, 0)), path)
	for i := range values {
		values[i] = float32(rng.NormFloat64() * std)
	}
}

// Uniform returns the trainable weight called name. If the store does not hold it yet, it is
// drawn from U(-bound, bound) as Normal draws: by the store's seed and the weight's path
// alone.
func Uniform(scope *model.Scope, g *Graph, name string, bound float64, dims ...int) *Node {
	path := model.JoinPath(scope.Scope(), name)
	draw := func(values []float32) {
		rng := Keyed(uint64(model.GetRootParamOr(scope.Store(), seedParam, 0)), path)
		for i := range values {
			values[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	return Weight(scope, name, draw, dims...).NodeValue(g)
}

// Constant returns the trainable weight called name, all of whose values start at value.
func Constant(scope *model.Scope, g *Graph, name string, value float64, dims ...int) *Node {
	fill := func(values []float32) {
		for i := range values {
			values[i] = float32(value)
		}
	}
	return Weight(scope, name, fill, dims...).NodeValue(g)
}

// startAtZero gives a variable that has no value zeros, without a graph.
func startAtZero(v *model.Variable) {
	if v.HasValue() {
		return
	}
	if err := v.SetValue(tensors.FromShape(v.Shape())); err != nil {
		panic(err) // as GoMLX does while a graph is built
	}
}

// Keyed returns the random generator of (seed, path): the same stream for the same pair,
// independent streams for different ones.
func Keyed(seed uint64, path string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(path))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
