package engine

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Source gives the values of a network's variables that a store only declares: path is the
// variable's in the store ("/model/head/weight"), shape its dimensions, and the result
// its elements in row-major order. Export reads one variable after the other, so that a
// network whose weights come from elsewhere is never in memory as a whole.
//
// A Source is used by one goroutine at a time, which may keep the result no longer than
// until the next call.
type Source func(path string, shape []int) ([]float32, error)

// values is the Source of the values that the variables of a store have.
func values(store *model.Store) Source {
	return func(path string, _ []int) ([]float32, error) {
		v := store.GetVariable(path)
		if v == nil {
			return nil, fmt.Errorf("there is no variable %s", path)
		}
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		var values []float32 // the tensor's own memory, which a copy would double
		err = tensors.ConstFlatData(value, func(flat []float32) { values = flat })
		return values, err
	}
}
