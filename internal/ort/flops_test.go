package ort

import (
	"strings"
	"testing"

	"sundae/internal/onnxfile"
)

func TestCountFLOPs(t *testing.T) {
	rt := load(t)
	convAndGemm := onnxfile.Graph{
		Name:    "conv and gemm",
		Inputs:  []onnxfile.Tensor{tensor("x", onnxfile.Float32, onnxfile.Dynamic, 4, 6, 6), tensor("a", onnxfile.Float32, 5, 7)},
		Outputs: []onnxfile.Tensor{tensor("y", onnxfile.Float32, onnxfile.Dynamic, 8, 4, 4), tensor("b", onnxfile.Float32, 5, 9)},
		Weights: []onnxfile.Weight{
			onnxfile.Floats("kernel", []int64{8, 4, 3, 3}, make([]float32, 8*4*9)),
			onnxfile.Floats("w", []int64{9, 7}, make([]float32, 9*7)),
		},
		Nodes: []onnxfile.Node{
			{Op: "Conv", In: []string{"x", "kernel"}, Out: []string{"conv"}},
			{Op: "Relu", In: []string{"conv"}, Out: []string{"y"}},
			{Op: "Gemm", In: []string{"a", "w"}, Out: []string{"b"}, Ints: map[string]int{"transB": 1}},
		},
	}
	for name, c := range map[string]struct {
		model onnxfile.Model
		want  int64
	}{
		"products":             {products(16, 3), 3 * 2 * 16 * 16 * 16},
		"convolution and Gemm": {onnxfile.Model{Graph: convAndGemm.Marshal()}, 2*8*4*4*4*9 + 2*5*7*9},
	} {
		if got, err := rt.CountFLOPs(c.model); err != nil || got != c.want {
			t.Errorf("%s: %d, want %d, %v", name, got, c.want, err)
		}
	}
	if _, err := rt.CountFLOPs(mixed()); err == nil || !strings.Contains(err.Error(), "no matrix product") {
		t.Errorf("a model without products: %v", err)
	}
}
