package onnx

import (
	"bytes"
	"os"
	"testing"
)

// mixed is a model with every type of input and output and a float16 weight:
//
//	doubled = 2 * ids            int32 [B,3]
//	scaled  = x * (0.5, 1, 2)    float32 [B,3], the weight being float16
//	long    = long               int64 [B]
//	flags   = not flags          bool [B,3]
//	bytes   = bytes              uint8 [B,3]
func mixed() []byte {
	const float16 = 10
	half := []byte{0x00, 0x38, 0x00, 0x3c, 0x00, 0x40} // 0.5, 1, 2
	rows := []int64{Dynamic, 3}
	return Graph{
		Name:    "test",
		Weights: []Weight{{Tensor{"w16", float16, []int64{3}}, half}},
		Nodes: []Node{
			{Op: "Add", In: []string{"ids", "ids"}, Out: []string{"doubled"}},
			{Op: "Cast", In: []string{"w16"}, Out: []string{"w"}, Attributes: map[string]int{"to": int(Float32)}},
			{Op: "Mul", In: []string{"x", "w"}, Out: []string{"scaled"}},
			{Op: "Identity", In: []string{"long"}, Out: []string{"long_out"}},
			{Op: "Not", In: []string{"flags"}, Out: []string{"flags_out"}},
			{Op: "Identity", In: []string{"bytes"}, Out: []string{"bytes_out"}},
		},
		Inputs: []Tensor{
			{"ids", Int32, rows}, {"x", Float32, rows}, {"long", Int64, rows[:1]}, {"flags", Bool, rows}, {"bytes", Uint8, rows},
		},
		Outputs: []Tensor{
			{"doubled", Int32, rows}, {"scaled", Float32, rows}, {"long_out", Int64, rows[:1]}, {"flags_out", Bool, rows}, {"bytes_out", Uint8, rows},
		},
	}.Marshal()
}

// products is y = x^(n+1), for matrices of side k: a model that takes a while.
func products(k int64, n int) []byte {
	g := Graph{Name: "test", Inputs: []Tensor{{"x", Float32, []int64{Dynamic, k, k}}}, Outputs: []Tensor{{"y", Float32, []int64{Dynamic, k, k}}}}
	last := "x"
	for i := range n {
		next := "y"
		if i < n-1 {
			next = "t" + string(rune('a'+i))
		}
		g.Nodes = append(g.Nodes, Node{Op: "MatMul", In: []string{last, "x"}, Out: []string{next}})
		last = next
	}
	return g.Marshal()
}

// The embedded probe is what this package would write: y = x + x.
func TestProbeModel(t *testing.T) {
	want := Graph{
		Name: "probe", Nodes: []Node{{Op: "Add", In: []string{"x", "x"}, Out: []string{"y"}}},
		Inputs: []Tensor{{"x", Float32, []int64{1}}}, Outputs: []Tensor{{"y", Float32, []int64{1}}},
	}.Marshal()
	got, err := os.ReadFile("probe.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("probe.onnx is % x, want % x", got, want)
	}
}
