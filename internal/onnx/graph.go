package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Graph is a small model written by hand: enough of the ONNX format for
// measurements and tests, which need nets of a known kind and no training.
type Graph struct {
	Name            string
	Inputs, Outputs []Tensor // an axis of Dynamic is named "batch"
	Weights         []Weight
	Nodes           []Node // in an order in which they can be computed
}

// A Weight is a constant tensor. Raw is its elements in raster order, little endian.
type Weight struct {
	Tensor
	Raw []byte
}

// A Node is one operation, with its attributes: at most one of either kind, for
// the order of several would not be fixed.
type Node struct {
	Op         string // its name in the ONNX operator set
	In, Out    []string
	Attributes map[string]int
	Text       map[string]string
}

// Floats is a float32 weight.
func Floats(name string, shape []int64, values []float32) Weight {
	w := Weight{Tensor: Tensor{Name: name, Type: Float32, Shape: shape}}
	for _, v := range values {
		w.Raw = binary.LittleEndian.AppendUint32(w.Raw, math.Float32bits(v))
	}
	return w
}

// The versions that the files name: ONNX 1.12, which every runtime since 2022 reads.
const (
	irVersion    = 8
	opsetVersion = 17
)

// Marshal writes the ONNX file. The same graph gives the same bytes.
func (g Graph) Marshal() []byte {
	var graph []byte
	for _, n := range g.Nodes {
		graph = message(graph, 1, n.marshal())
	}
	graph = message(graph, 2, []byte(g.Name))
	for _, w := range g.Weights {
		graph = message(graph, 5, w.marshal())
	}
	for _, t := range g.Inputs {
		graph = message(graph, 11, t.marshal())
	}
	for _, t := range g.Outputs {
		graph = message(graph, 12, t.marshal())
	}
	file := message(number(nil, 1, irVersion), 7, graph)
	return message(file, 8, number(nil, 2, opsetVersion))
}

// marshal writes a NodeProto.
func (n Node) marshal() []byte {
	var out []byte
	for _, in := range n.In {
		out = message(out, 1, []byte(in))
	}
	for _, name := range n.Out {
		out = message(out, 2, []byte(name))
	}
	out = message(out, 4, []byte(n.Op))
	for name, value := range n.Attributes {
		const isInt = 2
		out = message(out, 5, number(number(message(nil, 1, []byte(name)), 3, uint64(value)), 20, isInt))
	}
	for name, value := range n.Text {
		const isString = 3
		out = message(out, 5, number(message(message(nil, 1, []byte(name)), 4, []byte(value)), 20, isString))
	}
	return out
}

// marshal writes a TensorProto.
func (w Weight) marshal() []byte {
	var out []byte
	for _, d := range w.Shape {
		out = number(out, 1, uint64(d))
	}
	out = number(out, 2, uint64(w.Type))
	return message(message(out, 8, []byte(w.Name)), 9, w.Raw)
}

// marshal writes a ValueInfoProto.
func (t Tensor) marshal() []byte {
	var dims []byte
	for _, d := range t.Shape {
		axis := number(nil, 1, uint64(d))
		if d == Dynamic {
			axis = message(nil, 2, []byte("batch"))
		}
		dims = message(dims, 1, axis)
	}
	kind := number(nil, 1, uint64(t.Type))
	if t.Shape != nil {
		kind = message(kind, 2, dims)
	}
	return message(message(nil, 1, []byte(t.Name)), 2, message(nil, 1, kind))
}

// message appends a field of bytes: a string or a message of its own.
func message(out []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), value)
}

// number appends a whole number.
func number(out []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), value)
}
