package onnx

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	start(t)
	three := Graph{
		Name:    "three",
		Inputs:  []Tensor{{"x", Float32, []int64{Dynamic, 4, 6, 6}}, {"a", Float32, []int64{5, 7}}},
		Outputs: []Tensor{{"y", Float32, []int64{Dynamic, 8, 4, 4}}, {"b", Float32, []int64{5, 9}}},
		Weights: []Weight{
			Floats("kernel", []int64{8, 4, 3, 3}, make([]float32, 8*4*9)),
			Floats("w", []int64{9, 7}, make([]float32, 9*7)),
		},
		Nodes: []Node{
			{Op: "Conv", In: []string{"x", "kernel"}, Out: []string{"conv"}},
			{Op: "Relu", In: []string{"conv"}, Out: []string{"y"}},
			{Op: "Gemm", In: []string{"a", "w"}, Out: []string{"b"}, Attributes: map[string]int{"transB": 1}},
		},
	}
	for name, c := range map[string]struct {
		model []byte
		want  Work
	}{
		"products":              {products(16, 3), 3 * 2 * 16 * 16 * 16},
		"a convolution, a Gemm": {three.Marshal(), 2*8*4*4*4*9 + 2*5*7*9},
	} {
		if got, err := Count(c.model); err != nil || got != c.want {
			t.Errorf("%s: %d, want %d, %v", name, got, c.want, err)
		}
	}
	if _, err := Count(mixed()); err == nil || !strings.Contains(err.Error(), "no matrix product") {
		t.Errorf("a model without products: %v", err)
	}
	for equation, want := range map[string]Work{
		"bhqd,bhkd->bhqk": 2 * 2 * 3 * 5 * 7 * 5,
		" ab , bc -> ac ": 2 * 2 * 3 * 5,
	} {
		shapes := [][]int64{{2, 3, 5, 7}, {2, 3, 5, 7}}
		if len(equation) == 15 && equation[0] == ' ' {
			shapes = [][]int64{{2, 3}, {3, 5}}
		}
		if got, err := einsum(equation, shapes...); err != nil || got != want {
			t.Errorf("%q: %d, want %d, %v", equation, got, want, err)
		}
	}
	if _, err := einsum("...a,ab->...b", []int64{2, 3}, []int64{3, 4}); err == nil {
		t.Error("an equation with an ellipsis was counted")
	}
}
