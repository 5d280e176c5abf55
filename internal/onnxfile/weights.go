package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/dtypes/float16"
	"google.golang.org/protobuf/proto"
)

// NamedWeight is the value of a float initializer.
type NamedWeight struct {
	Shape  []int
	Values []float32
}

// ErrUnnamed says that a file's weights have no names to read them by.
var ErrUnnamed = errors.New("the model's weights have no names, because an earlier version of Sundae wrote them: sample from it, or train a new model to start from")

// BindWeights makes initializers of the graph inputs that weight knows a value for, under
// the inputs' names and in that order. Identity nodes that only rename a weight are removed.
func BindWeights(file []byte, weight func(name string) (NamedWeight, bool)) ([]byte, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, fmt.Errorf("name weights: %w", err)
	}
	if m.Graph == nil {
		return nil, errors.New("name weights: the file has no graph")
	}
	isWeight := map[string]bool{}
	var inputs []*protos.ValueInfoProto
	for _, in := range m.Graph.Input {
		w, ok := weight(in.Name)
		if !ok {
			inputs = append(inputs, in)
			continue
		}
		isWeight[in.Name] = true
		tensor := &protos.TensorProto{Name: in.Name, DataType: int32(protos.TensorProto_FLOAT), RawData: make([]byte, 0, 4*len(w.Values))}
		for _, dim := range w.Shape {
			tensor.Dims = append(tensor.Dims, int64(dim))
		}
		for _, value := range w.Values {
			tensor.RawData = binary.LittleEndian.AppendUint32(tensor.RawData, math.Float32bits(value))
		}
		m.Graph.Initializer = append(m.Graph.Initializer, tensor)
	}
	m.Graph.Input = inputs
	removeRenames(m.Graph, isWeight)
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("name weights: %w", err)
	}
	return out, nil
}

// removeRenames removes the Identity nodes of weights, except those that make an output.
func removeRenames(g *protos.GraphProto, isWeight map[string]bool) {
	isOutput := map[string]bool{}
	for _, out := range g.Output {
		isOutput[out.Name] = true
	}
	original := map[string]string{}
	var nodes []*protos.NodeProto
	for _, node := range g.Node {
		for i, name := range node.Input {
			if weight, ok := original[name]; ok {
				node.Input[i] = weight
			}
		}
		if node.OpType == "Identity" && isWeight[node.Input[0]] && !isOutput[node.Output[0]] {
			original[node.Output[0]] = node.Input[0]
			continue
		}
		nodes = append(nodes, node)
	}
	g.Node = nodes
}

// ReadWeights returns the weights that BindWeights has named: the float initializers whose
// names are paths such as "/model/head/bias". Those that Half has stored as float16 are
// found under the names of their Casts. A file without any is ErrUnnamed.
func ReadWeights(file []byte) (map[string]NamedWeight, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, err
	}
	names := map[string]string{} // initializer to weight, where they differ
	for _, node := range m.GetGraph().GetNode() {
		if node.GetOpType() == "Cast" && len(node.Input) == 1 && len(node.Output) == 1 {
			names[node.Input[0]] = node.Output[0]
		}
	}
	weights := map[string]NamedWeight{}
	for _, tensor := range m.GetGraph().GetInitializer() {
		name := tensor.GetName()
		if tensor.GetDataType() == int32(protos.TensorProto_FLOAT16) && names[name] != "" {
			name = names[name]
		}
		if !strings.HasPrefix(name, "/") {
			continue
		}
		weight, err := floatValues(tensor)
		if err != nil {
			return nil, fmt.Errorf("weight %s: %w", name, err)
		}
		weights[name] = weight
	}
	if len(weights) == 0 {
		return nil, ErrUnnamed
	}
	return weights, nil
}

// floatValues reads a float32 or float16 tensor.
func floatValues(tensor *protos.TensorProto) (NamedWeight, error) {
	var w NamedWeight
	size := 1
	for _, dim := range tensor.GetDims() {
		if dim < 1 || dim > math.MaxInt32 || size > math.MaxInt32 {
			return w, fmt.Errorf("impossible shape %v", tensor.GetDims())
		}
		size *= int(dim)
		w.Shape = append(w.Shape, int(dim))
	}
	raw, width := tensor.GetRawData(), 4
	if tensor.GetDataType() == int32(protos.TensorProto_FLOAT16) {
		width = 2
	} else if tensor.GetDataType() != int32(protos.TensorProto_FLOAT) {
		return w, fmt.Errorf("type %v, expected float32 or float16", protos.TensorProto_DataType(tensor.GetDataType()))
	}
	if len(raw)/width != size || len(raw)%width != 0 {
		return w, fmt.Errorf("shape %v needs %d bytes, the file holds %d", w.Shape, size*width, len(raw))
	}
	w.Values = make([]float32, size)
	for i := range w.Values {
		if width == 4 {
			w.Values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		} else {
			w.Values[i] = float16.FromBits(binary.LittleEndian.Uint16(raw[2*i:])).Float32()
		}
	}
	return w, nil
}
