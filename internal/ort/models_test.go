package ort

import (
	"strconv"

	"sundae/internal/onnxfile"
)

func tensor(name string, t onnxfile.Type, shape ...int64) onnxfile.Tensor {
	return onnxfile.Tensor{Name: name, Type: t, Shape: shape}
}

// mixed is a model with every type of input and output and a float16 weight:
//
//	doubled = 2 * ids            int32 [B,3]
//	scaled  = x * (0.5, 1, 2)    float32 [B,3], the weight being float16
//	long    = long               int64 [B]
//	flags   = not flags          bool [B,3]
//	bytes   = bytes              uint8 [B,3]
func mixed() onnxfile.Model {
	const float16 = 10
	half := []byte{0x00, 0x38, 0x00, 0x3c, 0x00, 0x40} // 0.5, 1, 2
	const b = onnxfile.Dynamic
	graph := onnxfile.Graph{
		Name:    "test",
		Weights: []onnxfile.Weight{{Tensor: tensor("w16", float16, 3), Raw: half}},
		Nodes: []onnxfile.Node{
			{Op: "Add", In: []string{"ids", "ids"}, Out: []string{"doubled"}},
			{Op: "Cast", In: []string{"w16"}, Out: []string{"w"}, Ints: map[string]int{"to": int(onnxfile.Float32)}},
			{Op: "Mul", In: []string{"x", "w"}, Out: []string{"scaled"}},
			{Op: "Identity", In: []string{"long"}, Out: []string{"long_out"}},
			{Op: "Not", In: []string{"flags"}, Out: []string{"flags_out"}},
			{Op: "Identity", In: []string{"bytes"}, Out: []string{"bytes_out"}},
		},
		Inputs: []onnxfile.Tensor{
			tensor("ids", onnxfile.Int32, b, 3), tensor("x", onnxfile.Float32, b, 3), tensor("long", onnxfile.Int64, b),
			tensor("flags", onnxfile.Bool, b, 3), tensor("bytes", onnxfile.Uint8, b, 3),
		},
		Outputs: []onnxfile.Tensor{
			tensor("doubled", onnxfile.Int32, b, 3), tensor("scaled", onnxfile.Float32, b, 3), tensor("long_out", onnxfile.Int64, b),
			tensor("flags_out", onnxfile.Bool, b, 3), tensor("bytes_out", onnxfile.Uint8, b, 3),
		},
	}
	return onnxfile.Model{Graph: graph.Marshal()}
}

// products is y = x^(n+1) for matrices of side k: a model that runs long.
func products(k int64, n int) onnxfile.Model {
	g := onnxfile.Graph{
		Name:    "test",
		Inputs:  []onnxfile.Tensor{tensor("x", onnxfile.Float32, onnxfile.Dynamic, k, k)},
		Outputs: []onnxfile.Tensor{tensor("y", onnxfile.Float32, onnxfile.Dynamic, k, k)},
	}
	last := "x"
	for i := range n {
		next := "t" + strconv.Itoa(i)
		if i == n-1 {
			next = "y"
		}
		g.Nodes = append(g.Nodes, onnxfile.Node{Op: "MatMul", In: []string{last, "x"}, Out: []string{next}})
		last = next
	}
	return onnxfile.Model{Graph: g.Marshal()}
}
