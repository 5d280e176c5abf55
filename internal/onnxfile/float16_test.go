package onnxfile

import (
	"strings"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// mixedGraph is y = softmax(x·a + b)·c + x, with a weight d that float16 can't hold:
// z = y·d.
func mixedGraph() Graph {
	square := []int64{2, 2}
	tensor := func(name string) Tensor { return Tensor{Name: name, Type: Float32, Shape: square} }
	return Graph{
		Name: "mixed", Inputs: []Tensor{tensor("x")}, Outputs: []Tensor{tensor("z")},
		Weights: []Weight{
			Floats("a", square, []float32{1, 2, 3, 4}), Floats("b", []int64{2}, []float32{0.5, -0.5}),
			Floats("c", square, []float32{1, 0, 0, 1}), Floats("d", square, []float32{1e6, 0, 0, 1}),
		},
		Nodes: []Node{
			{Op: "MatMul", In: []string{"x", "a"}, Out: []string{"product"}},
			{Op: "Add", In: []string{"product", "b"}, Out: []string{"scores"}},
			{Op: "Softmax", In: []string{"scores"}, Out: []string{"weights"}},
			{Op: "MatMul", In: []string{"weights", "c"}, Out: []string{"values"}},
			{Op: "Add", In: []string{"values", "x"}, Out: []string{"y"}},
			{Op: "MatMul", In: []string{"y", "d"}, Out: []string{"z"}},
		},
	}
}

// Products and what lies between them run in float16, all else in float32.
func TestFloat16(t *testing.T) {
	file, err := Float16(Model{Graph: mixedGraph().Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	c, err := newCaster(m.Graph, "") // for the types of the rewritten graph
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int32{ // by the original name of the output
		"product": typeFloat16, "scores": typeFloat16, "weights": typeFloat, "values": typeFloat16, "y": typeFloat, "z": typeFloat,
	}
	seen := 0
	for _, n := range m.Graph.Node {
		if n.OpType == "Cast" {
			continue
		}
		seen++
		name := strings.TrimSuffix(n.Output[0], "_float16")
		for _, value := range append(n.Input, n.Output...) {
			if c.types[value] != want[name] {
				t.Errorf("%s for %s has the value %s of type %d, want %d", n.OpType, name, value, c.types[value], want[name])
			}
		}
	}
	if seen != len(want) {
		t.Errorf("%d nodes, want %d", seen, len(want))
	}
	for _, w := range m.Graph.Initializer {
		if half := w.DataType == typeFloat16; half == (w.Name == "d") {
			t.Errorf("the weight %s has type %d", w.Name, w.DataType)
		}
	}
	if m.Graph.Output[0].Type.GetTensorType().ElemType != typeFloat {
		t.Error("the output's type has changed")
	}
}

// The product that gives a prior's logits stays in float32.
func TestFloat16KeepsLogits(t *testing.T) {
	g := mixedGraph()
	g.Outputs[0].Name, g.Nodes = "logits", g.Nodes[:4]
	g.Nodes[3].Out[0] = "logits"
	file, err := Float16(Model{Graph: g.Marshal()})
	if err != nil {
		t.Fatal(err)
	}
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	last := m.Graph.Node[len(m.Graph.Node)-1]
	if last.OpType != "MatMul" || last.Output[0] != "logits" || last.Input[1] != "c" {
		t.Errorf("the logits come from %v", last)
	}
}

func TestFloat16Errors(t *testing.T) {
	loop := mixedGraph()
	loop.Nodes[0].Op = "Loop"
	for want, file := range map[string][]byte{"control flow (Loop)": loop.Marshal(), "no graph": nil, "compute in float16": []byte("text")} {
		if _, err := Float16(Model{Graph: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// Whatever file comes: a file that can be read, or an error.
func FuzzFloat16(f *testing.F) {
	f.Add(mixedGraph().Marshal())
	f.Add(Graph{Nodes: []Node{{Op: "Cast"}, {Op: "Reshape", Out: []string{"x"}}, {Op: "MatMul", In: []string{"x"}}}}.Marshal())
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := Float16(Model{Graph: file})
		if err != nil {
			return
		}
		var m protos.ModelProto
		if err := proto.Unmarshal(out, &m); err != nil {
			t.Error(err)
		}
	})
}
