package onnxfile

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

func parse(t *testing.T, file []byte) *protos.GraphProto {
	t.Helper()
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	return m.Graph
}

// Large weights become float16 behind a Cast of their old name; small ones, and
// those outside float16's range, stay.
func TestHalf(t *testing.T) {
	values := slices.Repeat([]float32{0.1}, minHalfSize)
	huge := slices.Clone(values)
	huge[7] = maxFloat16 * 2
	file, err := Half(Graph{
		Outputs: []Tensor{{Name: "y"}},
		Weights: []Weight{
			Floats("large", []int64{minHalfSize}, values), Floats("small", []int64{1}, values[:1]), Floats("huge", []int64{minHalfSize}, huge),
			{Tensor{"broken", Float32, []int64{minHalfSize}}, make([]byte, 4*minHalfSize+1)},
		},
		Nodes: []Node{{Op: "Sum", In: []string{"large", "small", "huge", "broken"}, Out: []string{"y"}}},
	}.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	g := parse(t, file)
	for i, want := range []string{"large_half", "small", "huge", "broken"} {
		half := g.Initializer[i].DataType == int32(protos.TensorProto_FLOAT16)
		if g.Initializer[i].Name != want || half != (want == "large_half") {
			t.Errorf("weight %s, float16: %v", g.Initializer[i].Name, half)
		}
	}
	if got := g.Initializer[0].RawData; !bytes.Equal(got[:2], []byte{0x66, 0x2e}) || len(got) != 2*minHalfSize { // 0.1
		t.Errorf("%d bytes of float16, % x", len(got), got[:2])
	}
	if n := g.Node[0]; n.OpType != "Cast" || n.Input[0] != "large_half" || n.Output[0] != "large" {
		t.Errorf("the first node is %v", n)
	}
}

// Weights that only the body of a control-flow node reads are read.
func TestRemoveUnread(t *testing.T) {
	g := parse(t, Graph{
		Outputs: []Tensor{{Name: "y"}, {Name: "out"}},
		Weights: []Weight{
			Floats("read", []int64{1}, []float32{1}), Floats("unread", []int64{1}, []float32{2}),
			Floats("inner", []int64{1}, []float32{3}), Floats("out", []int64{1}, []float32{4}),
		},
		Nodes: []Node{{Op: "If", In: []string{"read"}, Out: []string{"y"}}},
	}.Marshal())
	g.Node[0].Attribute = []*protos.AttributeProto{{
		Name: "then_branch", Type: protos.AttributeProto_GRAPH,
		G: &protos.GraphProto{Node: []*protos.NodeProto{{OpType: "Identity", Input: []string{"inner"}, Output: []string{"z"}}}},
	}}
	removeUnread(g)
	var left []string
	for _, w := range g.Initializer {
		left = append(left, w.Name)
	}
	if want := []string{"read", "inner", "out"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

func TestFLOPs(t *testing.T) {
	var asked []string
	got, err := FLOPs(small(), func(file []byte, names []string) ([][]int64, error) {
		asked = names
		_, outputs, err := Describe(file)
		if _, ok := Find(outputs, names[0]); !ok || err != nil {
			t.Errorf("%s is not an output of the model to run: %v, %v", names[0], outputs, err)
		}
		return [][]int64{{1, 3}}, nil
	})
	if err != nil || got != 2*2*3 || !slices.Equal(asked, []string{"shape of y"}) {
		t.Errorf("%d FLOPs, %v; asked for %q", got, err, asked)
	}
	for equation, c := range map[string]struct {
		a, b []int64
		want int64
	}{
		"bhqd,bhkd->bhqk": {[]int64{2, 3, 5, 7}, []int64{2, 3, 5, 7}, 2 * 2 * 3 * 5 * 7 * 5},
		" ab , bc -> ac ": {[]int64{2, 3}, []int64{3, 5}, 2 * 2 * 3 * 5},
	} {
		if got, err := einsumFLOPs(equation, c.a, c.b); err != nil || got != c.want {
			t.Errorf("%q: %d, want %d, %v", equation, got, c.want, err)
		}
	}
	if _, err := einsumFLOPs("...a,ab->...b", []int64{2, 3}, []int64{3, 4}); err == nil {
		t.Error("an equation with an ellipsis was counted")
	}
}

// float32 weights are written bit by bit.
func TestFloats(t *testing.T) {
	nan := math.Float32frombits(0x7fc00001)
	if w := Floats("w", []int64{2}, []float32{nan, -0.5}); !bytes.Equal(w.Raw, []byte{1, 0, 0xc0, 0x7f, 0, 0, 0, 0xbf}) {
		t.Errorf("% x", w.Raw)
	}
}
