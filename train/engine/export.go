package engine

import (
	"bytes"
	"fmt"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
)

// ExportONNX builds the graph of fn for inputs of the given shapes, whose batch may be
// dynamic, and returns it as an ONNX file. The store's variables become initializers named
// by their paths ("/model/head/weight"), in their own layout, which LoadONNX reads again.
// backend must be an ONNX one: its compiler writes the file.
func ExportONNX[F model.ExecGraphFn](backend compute.Backend, store *model.Store, fn F, inputs, outputs []string, in ...shapes.Shape) ([]byte, error) {
	writer, ok := backend.(*allCores)
	if !ok {
		return nil, fmt.Errorf("export ONNX: backend %s cannot write it; use onnx:cpu", backend.Name())
	}
	// The backend would make constants without a name of variables that are not trainable.
	for v := range store.IterVariables() {
		if !v.Trainable {
			v.SetTrainable(true)
			defer v.SetTrainable(false)
		}
	}
	exec, err := model.NewExec(writer.Backend, store, fn)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	defer exec.Finalize()
	graph, err := exec.Compile(in...)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	// The graph's inputs are those of fn, followed by the variables that it reads.
	var file bytes.Buffer
	if err := onnxbackend.SaveModel(writer.Backend, graph.Executable(), &file, inputs, outputs); err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	named, err := bindVariables(file.Bytes(), store)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	out, err := onnxfile.RemoveUnread(named)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	return out, nil
}

// bindVariables gives the inputs of an ONNX file that are variables their values.
func bindVariables(file []byte, store *model.Store) ([]byte, error) {
	weights := map[string]onnxfile.NamedWeight{}
	for v := range store.IterVariables() {
		if v.Shape().DType != dtypes.Float32 {
			continue
		}
		value, err := v.Value()
		if err != nil {
			return nil, err
		}
		values, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return nil, err
		}
		weights[v.Path()] = onnxfile.NamedWeight{Shape: v.Shape().Dimensions, Values: values}
	}
	return onnxfile.BindWeights(file, func(name string) (onnxfile.NamedWeight, bool) {
		w, ok := weights[name]
		return w, ok
	})
}
