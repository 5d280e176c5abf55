package engine

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"sundae/train/safetensors"
)

// EMARoot is the scope of the exponential moving averages, under the weights' own paths:
// the average of "/model/head/bias" is "/ema/model/head/bias".
const EMARoot = "/ema"

// UpdateEMA adds to the graph the exponential moving average of every trainable weight
// under scope: ema = decay·ema + (1-decay)·weight. decay is a scalar node, so that it can
// warm up; a decay of 0 copies the weights.
func UpdateEMA(scope *model.Scope, decay *Node) {
	g := decay.Graph()
	for _, v := range trainable(scope, g) {
		ema := scope.Store().Scope(EMARoot+v.Scope()).WithInitializer(initializer.Zero).
			VariableWithShape(v.Name(), v.Shape()).SetTrainable(false)
		startAtZero(ema)
		old, weight := ema.NodeValue(g), v.NodeValue(g)
		ema.SetNodeValue(Add(weight, Mul(decay, Sub(old, weight))))
	}
}

// EMADecay is the decay at step (1-based): it rises as (1+t)/(10+t) to its full value, so
// that early averages forget the random weights they started from.
func EMADecay(step int, full float64) float64 {
	return min(full, float64(1+step)/float64(10+step))
}

// StartEMA sets the average of every weight under scope to the weight.
func StartEMA(store *model.Store, scope string) error {
	for _, v := range slices.Collect(store.Scope(scope).IterVariables()) {
		value, err := clone(v)
		if err == nil {
			_, err = store.CreateVariable(EMARoot+v.Path(), value)
		}
		if err != nil {
			return fmt.Errorf("start the average of %s: %w", v.Path(), err)
		}
	}
	return nil
}

// LoadEMA reads a checkpoint for use, as Load does: into store go the averages in the place
// of the weights under scope, the weights there that have no average, and the variables
// called also. What only training needs is not read.
func (f RunFile) LoadEMA(store *model.Store, report any, scope string, also ...string) error {
	return f.load(store, report, func(name string, header safetensors.Header) string {
		if weight, ok := strings.CutPrefix(name, EMARoot); ok && strings.HasPrefix(weight, scope+"/") {
			return weight
		}
		_, averaged := header.Entries[EMARoot+name]
		if strings.HasPrefix(name, scope+"/") && !averaged || slices.Contains(also, name) {
			return name
		}
		return ""
	})
}

func clone(v *model.Variable) (*tensors.Tensor, error) {
	value, err := v.Value()
	if err != nil {
		return nil, err
	}
	return value.LocalClone()
}
