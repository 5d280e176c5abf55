package engine

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
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

// EMAWeights returns a new store with the averages in the place of the weights under
// scope: the one to sample from and to export. Trainable weights without an average are
// copied.
func EMAWeights(store *model.Store, scope string) (*model.Store, error) {
	out := model.NewStore()
	for v := range store.Scope(scope).IterVariables() {
		source := v
		if ema := store.GetVariable(EMARoot + v.Path()); ema != nil {
			source = ema
		} else if !v.Trainable {
			continue
		}
		value, err := clone(source)
		if err == nil {
			_, err = out.CreateVariable(v.Path(), value)
		}
		if err != nil {
			return nil, fmt.Errorf("copy the average of %s: %w", v.Path(), err)
		}
	}
	return out, nil
}

func clone(v *model.Variable) (*tensors.Tensor, error) {
	value, err := v.Value()
	if err != nil {
		return nil, err
	}
	return value.LocalClone()
}
