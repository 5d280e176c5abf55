package onnxfile

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// Graph is a small model written by hand, for measurements and tests that need
// a known network and no training.
type Graph struct {
	Name            string
	Inputs, Outputs []Tensor // a [Dynamic] axis is named "batch"
	Weights         []Weight
	Nodes           []Node // in topological order
}

// Weight is a constant tensor. Raw holds its elements in row-major order, little
// endian.
type Weight struct {
	Tensor
	Raw []byte
}

// Node is one operation.
type Node struct {
	Op      string // its name in the ONNX operator set
	In, Out []string
	Ints    map[string]int // integer attributes
	Strings map[string]string
}

// Floats returns a float32 weight.
func Floats(name string, shape []int64, values []float32) Weight {
	w := Weight{Tensor: Tensor{Name: name, Type: Float32, Shape: shape}}
	for _, v := range values {
		w.Raw = binary.LittleEndian.AppendUint32(w.Raw, math.Float32bits(v))
	}
	return w
}

// The versions that the files name: those of ONNX 1.12, which every runtime since
// 2022 reads.
const (
	irVersion    = 8
	opsetVersion = 17
)

// Marshal writes the ONNX file. Equal graphs give equal bytes. It panics if a
// name is not valid UTF-8.
func (g Graph) Marshal() []byte {
	graph := &protos.GraphProto{Name: g.Name}
	for _, n := range g.Nodes {
		graph.Node = append(graph.Node, n.proto())
	}
	for _, w := range g.Weights {
		graph.Initializer = append(graph.Initializer, &protos.TensorProto{
			Name: w.Name, DataType: int32(w.Type), Dims: w.Shape, RawData: w.Raw,
		})
	}
	for _, t := range g.Inputs {
		graph.Input = append(graph.Input, t.proto())
	}
	for _, t := range g.Outputs {
		graph.Output = append(graph.Output, t.proto())
	}
	file, err := proto.MarshalOptions{Deterministic: true}.Marshal(&protos.ModelProto{
		IrVersion: irVersion, Graph: graph, OpsetImport: []*protos.OperatorSetIdProto{{Version: opsetVersion}},
	})
	if err != nil {
		panic(fmt.Sprintf("onnxfile: %v", err))
	}
	return file
}

func (n Node) proto() *protos.NodeProto {
	p := &protos.NodeProto{OpType: n.Op, Input: n.In, Output: n.Out}
	for _, name := range slices.Sorted(maps.Keys(n.Ints)) {
		p.Attribute = append(p.Attribute, &protos.AttributeProto{
			Name: name, Type: protos.AttributeProto_INT, I: int64(n.Ints[name]),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(n.Strings)) {
		p.Attribute = append(p.Attribute, &protos.AttributeProto{
			Name: name, Type: protos.AttributeProto_STRING, S: []byte(n.Strings[name]),
		})
	}
	return p
}

func (t Tensor) proto() *protos.ValueInfoProto {
	kind := &protos.TypeProto_Tensor{ElemType: int32(t.Type)}
	if t.Shape != nil {
		kind.Shape = &protos.TensorShapeProto{}
	}
	for _, d := range t.Shape {
		axis := &protos.TensorShapeProto_Dimension{Value: &protos.TensorShapeProto_Dimension_DimValue{DimValue: d}}
		if d == Dynamic {
			axis.Value = &protos.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
		}
		kind.Shape.Dim = append(kind.Shape.Dim, axis)
	}
	return &protos.ValueInfoProto{
		Name: t.Name, Type: &protos.TypeProto{Value: &protos.TypeProto_TensorType{TensorType: kind}},
	}
}
