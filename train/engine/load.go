package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"sundae/internal/onnxfile"
)

// Declare builds a network's graph with build and returns store, which then names the
// network's variables with their shapes. Nothing runs and no weights are made.
func Declare(backend compute.Backend, store *model.Store, build func(scope *model.Scope, g *Graph)) (*model.Store, error) {
	err := exceptions.TryCatch[error](func() {
		g := NewGraph(backend, "declare")
		store.SetTraining(g, true) // otherwise a backend may ask for the values
		build(store.RootScope(), g)
	})
	if err != nil {
		return nil, fmt.Errorf("build the network: %w", err)
	}
	return store, nil
}

// LoadONNX creates in store the variables that an ONNX file of ExportONNX holds, by name.
// network declares the variables expected. A scope of mayBeMissing may be absent from the
// file as a whole; LoadONNX returns those that are. Any other difference is a
// *MismatchError.
func LoadONNX(store *model.Store, file onnxfile.Model, network *model.Store, mayBeMissing ...string) (missing []string, err error) {
	weights, err := onnxfile.OpenWeights(file)
	if err != nil {
		return nil, fmt.Errorf("load weights: %w", err)
	}
	paths := weights.Names()
	absent := func(scope string) bool {
		return !slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(path, scope+"/") })
	}
	for _, scope := range mayBeMissing {
		if absent(scope) {
			missing = append(missing, scope)
		}
	}
	inMissing := func(path string) bool {
		return slices.ContainsFunc(missing, func(scope string) bool { return strings.HasPrefix(path, scope+"/") })
	}
	var mismatch MismatchError
	for v := range network.IterVariables() {
		shape, ok := weights.Shape(v.Path())
		switch {
		case !ok && !inMissing(v.Path()):
			mismatch.Missing = append(mismatch.Missing, v.Path())
		case ok && !slices.Equal(shape, v.Shape().Dimensions):
			mismatch.Shapes = append(mismatch.Shapes, fmt.Sprintf("%s is %v, expected %v", v.Path(), shape, v.Shape().Dimensions))
		}
	}
	for _, path := range paths {
		if network.GetVariable(path) == nil {
			mismatch.Unexpected = append(mismatch.Unexpected, path)
		}
	}
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Shapes) > 0 {
		return nil, &mismatch
	}
	for _, path := range paths {
		values, err := weights.Read(path)
		if err != nil {
			return nil, fmt.Errorf("load weights: %w", err)
		}
		shape, _ := weights.Shape(path)
		if _, err := store.CreateVariable(path, tensors.FromFlatDataAndDimensions(values, shape...)); err != nil {
			return nil, fmt.Errorf("load weights: %w", err)
		}
	}
	return missing, nil
}

// CreateZeros creates a variable of zeros.
func CreateZeros(store *model.Store, path string, shape shapes.Shape) error {
	_, err := store.CreateVariable(path, tensors.FromShape(shape))
	return err
}

// MismatchError says how the weights of a file differ from those of a network.
type MismatchError struct {
	Missing    []string // variables that the file does not hold
	Unexpected []string // weights that the network does not have
	Shapes     []string // weights of another shape, each with both shapes
}

func (e *MismatchError) Error() string {
	return "the weights are those of another network than the recipe's: " + e.Differences()
}

// Differences names the first missing and unexpected keys, and the first wrong shapes.
func (e *MismatchError) Differences() string {
	var parts []string
	for _, part := range []struct {
		name  string
		paths []string
	}{{"missing keys", e.Missing}, {"unexpected keys", e.Unexpected}, {"wrong shapes", e.Shapes}} {
		if len(part.paths) == 0 {
			continue
		}
		slices.SortFunc(part.paths, cmp.Compare[string])
		const most = 3
		text := fmt.Sprintf("%s: %s", part.name, strings.Join(part.paths[:min(most, len(part.paths))], ", "))
		if more := len(part.paths) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
