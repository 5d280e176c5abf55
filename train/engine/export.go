package engine

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
)

// ExportONNX builds the graph of fn for inputs of the given shapes, whose batch may be
// dynamic, and returns it as an ONNX file. The store's variables become initializers named
// by their paths ("/model/head/weight"), in their own layout, which LoadONNX reads again.
// They need no values: these come from source when the file is written, or from the store
// where source is nil.
// backend must be an ONNX one: its compiler writes the file.
func ExportONNX[F model.ExecGraphFn](backend compute.Backend, store *model.Store, source Source, fn F, inputs, outputs []string, in ...shapes.Shape) (onnxfile.Network, error) {
	writer, ok := backend.(*allCores)
	if !ok {
		return onnxfile.Network{}, fmt.Errorf("export ONNX: backend %s cannot write it; use onnx:cpu", backend.Name())
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
		return onnxfile.Network{}, fmt.Errorf("export ONNX: %w", err)
	}
	defer exec.Finalize()
	graph, err := exec.Compile(in...)
	if err != nil {
		return onnxfile.Network{}, fmt.Errorf("export ONNX: %w", err)
	}
	// The graph's inputs are those of fn, followed by the variables that it reads.
	var file bytes.Buffer
	if err := onnxbackend.SaveModel(writer.Backend, graph.Executable(), &file, inputs, outputs); err != nil {
		return onnxfile.Network{}, fmt.Errorf("export ONNX: %w", err)
	}
	isWeight := func(name string) bool {
		v := store.GetVariable(name)
		return strings.HasPrefix(name, "/") && v != nil && v.Shape().DType == dtypes.Float32
	}
	if source == nil {
		source = values(store)
	}
	network, err := onnxfile.Bind(file.Bytes(), isWeight, source)
	if err != nil {
		return onnxfile.Network{}, fmt.Errorf("export ONNX: %w", err)
	}
	return network, nil
}
