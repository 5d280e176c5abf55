package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// Float16 rewrites a model to compute its matrix products and convolutions in float16,
// as PyTorch's autocast does: what lies between two of them stays in float16 where
// every operand is, and everything else (softmax, the moments of norms, the residual
// stream, and the logits with what follows them) is computed in float32. The inputs
// and outputs keep their types.
//
// Weights in the file become float16; external ones stay as they are and are cast when the
// runtime opens the result, which is the graph of a model with the same folder.
//
// A model with control flow can't be rewritten and is an error.
func Float16(file Model) ([]byte, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file.Graph, &m); err != nil {
		return nil, fmt.Errorf("compute in float16: %w", err)
	}
	if m.Graph == nil {
		return nil, errors.New("compute in float16: the file has no graph")
	}
	c, err := newCaster(m.Graph, file.Folder)
	if err != nil {
		return nil, fmt.Errorf("compute in float16: %w", err)
	}
	for i, node := range m.Graph.Node {
		c.convert(node, i)
	}
	c.finish()
	removeUnread(m.Graph)
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("compute in float16: %w", err)
	}
	return out, nil
}

// caster rewrites a graph. A value of type float32 in the original may exist in
// float32, in float16, or in both; the other one is made by a Cast where it is first
// needed.
type caster struct {
	graph   *protos.GraphProto
	nodes   []*protos.NodeProto            // rewritten
	types   map[string]int32               // of the original values
	weights map[string]*protos.TensorProto // float32 initializers
	// constants are float32 values in the range of float16 that depend on nothing but
	// weights: the runtime computes their casts once, when it opens the file.
	constants map[string]bool
	in16      map[string]string // by original name: the float16 version
	only16    map[string]bool   // values that have no float32 version yet
	results   map[string]bool   // the graph's outputs
	head      int               // index of the node that computes the logits, -1 if there is none
}

const (
	typeFloat   = int32(protos.TensorProto_FLOAT)
	typeFloat16 = int32(protos.TensorProto_FLOAT16)
	typeInt64   = int32(protos.TensorProto_INT64)
	typeBool    = int32(protos.TensorProto_BOOL)
)

// Operations by what they need to run in float16.
var (
	// products are always computed in float16.
	products = []string{"MatMul", "Gemm", "Conv", "Einsum", "FusedMatMul"}
	// movements copy their first input, and follow its type.
	movements = []string{"Reshape", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Identity", "Expand", "Split", "Gather", "Flatten", "Tile", "DepthToSpace", "SpaceToDepth"}
	// elementwise operations run in float16 if all their operands are float16, or
	// weights that fit into it.
	elementwise = []string{"Add", "Sub", "Mul", "Neg", "Sigmoid", "Tanh", "Relu", "Erf", "Concat", "Pad", "Gelu"}
	// booleans and indices are the operations whose outputs are not of their inputs' type.
	booleans = []string{"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Not", "IsNaN", "IsInf"}
	indices  = []string{"Shape", "Size", "ArgMax", "ArgMin", "NonZero"}
	control  = []string{"If", "Loop", "Scan"}
)

func newCaster(g *protos.GraphProto, folder string) (*caster, error) {
	c := &caster{
		graph: g, types: map[string]int32{}, weights: map[string]*protos.TensorProto{}, constants: map[string]bool{},
		in16: map[string]string{}, only16: map[string]bool{}, results: map[string]bool{}, head: -1,
	}
	for _, t := range g.Initializer {
		c.types[t.Name] = t.DataType
		if t.DataType == typeFloat {
			c.weights[t.Name] = t
			var err error
			if c.constants[t.Name], err = fitsFloat16(t, folder); err != nil {
				return nil, fmt.Errorf("weight %s: %w", t.Name, err)
			}
		}
	}
	for _, v := range g.Input {
		c.types[v.Name] = v.GetType().GetTensorType().GetElemType()
	}
	samples := false
	for _, v := range g.Output {
		c.results[v.Name] = true
		samples = samples || v.Name == "logits" || v.Name == "next"
	}
	for i, n := range g.Node {
		if slices.Contains(control, n.OpType) {
			return nil, fmt.Errorf("the model has control flow (%s)", n.OpType)
		}
		for k, out := range n.Output {
			c.types[out] = c.outputType(n, k)
		}
		if samples && slices.Contains(products, n.OpType) {
			c.head = i // the last product of a prior gives the logits
		}
	}
	return c, nil
}

// outputType returns the element type of a node's output.
func (c *caster) outputType(n *protos.NodeProto, output int) int32 {
	switch {
	case n.OpType == "Cast":
		return int32(attribute(n, "to").GetI())
	case n.OpType == "Constant":
		return attribute(n, "value").GetT().GetDataType()
	case n.OpType == "ConstantOfShape":
		if t := attribute(n, "value").GetT(); t != nil {
			return t.DataType
		}
		return typeFloat
	case slices.Contains(booleans, n.OpType):
		return typeBool
	case slices.Contains(indices, n.OpType), n.OpType == "TopK" && output == 1:
		return typeInt64
	case n.OpType == "Where" && len(n.Input) > 1:
		return c.types[n.Input[1]]
	case n.OpType == "OneHot" && len(n.Input) > 2:
		return c.types[n.Input[2]]
	case len(n.Input) > 0:
		return c.types[n.Input[0]]
	}
	return typeFloat // the random number generators
}

func attribute(n *protos.NodeProto, name string) *protos.AttributeProto {
	for _, a := range n.Attribute {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// convert adds a node in float16 or in float32, with the casts of its inputs before it.
func (c *caster) convert(n *protos.NodeProto, index int) {
	if len(n.Input) == 0 || len(n.Output) == 0 {
		c.nodes = append(c.nodes, n)
		return
	}
	if n.OpType == "Cast" && c.types[n.Input[0]] == typeFloat16 && c.types[n.Output[0]] == typeFloat {
		c.in16[n.Output[0]] = n.Input[0] // a weight that Half has stored as float16
		c.constants[n.Output[0]] = true
	}
	if slices.Contains(movements, n.OpType) && c.constants[n.Input[0]] {
		for _, name := range n.Output {
			c.constants[name] = true
		}
	}
	half := index != c.head && c.runsInFloat16(n)
	for i, name := range n.Input {
		if c.types[name] != typeFloat || name == "" {
			continue
		}
		if half {
			n.Input[i] = c.float16(name)
		} else {
			c.float32(name)
		}
	}
	c.nodes = append(c.nodes, n)
	if !half {
		return
	}
	for i, name := range n.Output {
		if c.types[name] == typeFloat {
			n.Output[i] = name + "_float16"
			c.in16[name], c.only16[name] = n.Output[i], true
		}
	}
}

// runsInFloat16 decides for a node whose outputs are float32.
func (c *caster) runsInFloat16(n *protos.NodeProto) bool {
	if c.types[n.Output[0]] != typeFloat {
		return false
	}
	switch {
	case slices.Contains(products, n.OpType):
		return !slices.ContainsFunc(n.Input, func(name string) bool { return c.weights[name] != nil && !c.constants[name] })
	case slices.Contains(movements, n.OpType):
		return c.only16[n.Input[0]]
	case slices.Contains(elementwise, n.OpType):
		some := false
		for _, name := range n.Input {
			if c.types[name] != typeFloat || c.constants[name] {
				continue
			}
			if !c.only16[name] {
				return false
			}
			some = true
		}
		return some
	}
	return false
}

// fitsFloat16 reports whether all values of a weight are in the range of float16.
func fitsFloat16(t *protos.TensorProto, folder string) (bool, error) {
	if t.DataLocation != protos.TensorProto_EXTERNAL {
		return inFloat16Range(t.RawData) && len(t.FloatData) == 0, nil // weights in this older form stay float32
	}
	w, err := parseWeight(t)
	if err != nil {
		return false, err
	}
	raw, err := w.read(folder)
	return inFloat16Range(raw), err
}

func inFloat16Range(raw []byte) bool {
	for ; len(raw) >= 4; raw = raw[4:] {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(raw)); math.Abs(float64(v)) > maxFloat16 {
			return false
		}
	}
	return true
}

// float16 returns the name of a value's float16 version, and makes it if there is none.
func (c *caster) float16(name string) string {
	if half, ok := c.in16[name]; ok {
		return half
	}
	half := name + "_float16"
	c.in16[name] = half
	if t := c.weights[name]; t != nil && t.DataLocation != protos.TensorProto_EXTERNAL {
		w := &protos.TensorProto{Name: half, Dims: t.Dims, DataType: typeFloat16, RawData: halve(t.RawData)}
		c.graph.Initializer = append(c.graph.Initializer, w)
		return half
	}
	c.nodes = append(c.nodes, castNode(name, half, typeFloat16))
	return half
}

// float32 makes a value's float32 version if there is none.
func (c *caster) float32(name string) {
	if c.only16[name] {
		delete(c.only16, name)
		c.nodes = append(c.nodes, castNode(c.in16[name], name, typeFloat))
	}
}

func castNode(from, to string, elementType int32) *protos.NodeProto {
	return &protos.NodeProto{
		OpType: "Cast", Name: "cast_" + to, Input: []string{from}, Output: []string{to},
		Attribute: []*protos.AttributeProto{{Name: "to", Type: protos.AttributeProto_INT, I: int64(elementType)}},
	}
}

// finish makes the graph's outputs, and drops nodes that nothing reads any more: the
// casts of weights that are now used as they are stored.
func (c *caster) finish() {
	for name := range c.results {
		c.float32(name)
	}
	read := map[string]bool{}
	for name := range c.results {
		read[name] = true
	}
	var kept []*protos.NodeProto
	for _, n := range slices.Backward(c.nodes) {
		if !slices.ContainsFunc(n.Output, func(name string) bool { return read[name] }) {
			continue
		}
		for _, name := range n.Input {
			read[name] = true
		}
		kept = append(kept, n)
	}
	slices.Reverse(kept)
	c.graph.Node = kept
	c.graph.ValueInfo = nil // of types that may have changed
}
