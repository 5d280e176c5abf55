package engine

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	onnx "github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/ml/model"
	"google.golang.org/protobuf/proto"
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
	return dropUnread(file.Bytes())
}

// dropUnread takes constants out that no node reads: the compiler leaves every
// convolution's weight there beside a copy of it.
func dropUnread(file []byte) ([]byte, error) {
	var m onnx.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	read := map[string]bool{}
	for _, node := range m.Graph.Node {
		for _, name := range node.Input {
			read[name] = true
		}
	}
	for _, out := range m.Graph.Output {
		read[out.Name] = true
	}
	m.Graph.Initializer = slices.DeleteFunc(m.Graph.Initializer, func(t *onnx.TensorProto) bool { return !read[t.Name] })
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("export ONNX: %w", err)
	}
	return out, nil
}
