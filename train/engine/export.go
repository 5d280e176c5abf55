package engine

import (
	"bytes"
	"fmt"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
)

// ExportONNX builds the graph of fn, with the store's weights as constants, for
// inputs of the given shapes (whose batch may be dynamic) and returns it as an
// ONNX file. backend must be an ONNX one: it is its compiler that writes the file.
func ExportONNX[F model.ExecGraphFn](backend compute.Backend, store *model.Store, fn F, inputs, outputs []string, in ...shapes.Shape) ([]byte, error) {
	writer, ok := backend.(*allCores)
	if !ok {
		return nil, fmt.Errorf("export ONNX: backend %s cannot write it; use onnx:cpu", backend.Name())
	}
	store.WithVariableAsConst(true)
	defer store.WithVariableAsConst(false)
	exec, err := model.NewExec(writer.Backend, store, fn)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	defer exec.Finalize()
	graph, err := exec.Compile(in...)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	var file bytes.Buffer
	if err := onnxbackend.SaveModel(writer.Backend, graph.Executable(), &file, inputs, outputs); err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	out, err := onnxfile.RemoveUnread(file.Bytes())
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	return out, nil
}
