package ort

import (
	"math"
	"math/rand/v2"
	"testing"

	"sundae/internal/onnxfile"
)

// A session computes what the equation says, whether it runs as a MatMul or not.
func TestEinsumsAreComputed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		equation string
		x, w, y  []int64
		matMul   bool
	}{
		{"abc,cd->abd", []int64{2, 3, 4}, []int64{4, 5}, []int64{2, 3, 5}, true},
		{"abcd,abde->abce", []int64{2, 3, 4, 5}, []int64{2, 3, 5, 6}, []int64{2, 3, 4, 6}, true},
		{"abcd,abed->abce", []int64{2, 3, 4, 5}, []int64{2, 3, 6, 5}, []int64{2, 3, 4, 6}, false},
	} {
		file := onnxfile.Graph{
			Name:    "einsum",
			Inputs:  []onnxfile.Tensor{tensor("x", onnxfile.Float32, c.x...), tensor("w", onnxfile.Float32, c.w...)},
			Outputs: []onnxfile.Tensor{tensor("y", onnxfile.Float32, c.y...)},
			Nodes: []onnxfile.Node{
				{Op: "Einsum", In: []string{"x", "w"}, Out: []string{"y"}, Strings: map[string]string{"equation": c.equation}},
			},
		}.Marshal()
		b := bind(t, open(t, onnxfile.Model{Graph: file}, Options{Device: CPU}), 1)
		x, w := data[float32](t, b, "x"), data[float32](t, b, "w")
		for i := range x {
			x[i] = rng.Float32()
		}
		for i := range w {
			w[i] = rng.Float32()
		}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, got := range data[float32](t, b, "y") {
			n := int(c.y[len(c.y)-1])
			k := int(c.x[len(c.x)-1])
			row, column := i/n, i%n
			matrix := 0 // where this row's matrix begins in w
			if len(c.w) > 2 {
				matrix = row / int(c.x[len(c.x)-2]) * k * n
			}
			var want float64
			for j := range k {
				at := matrix + j*n + column
				if !c.matMul { // this one is transposed
					at = matrix + column*k + j
				}
				want += float64(x[row*k+j]) * float64(w[at])
			}
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Fatalf("%s: y[%d] = %g, want %g", c.equation, i, got, want)
			}
		}
	}
}
