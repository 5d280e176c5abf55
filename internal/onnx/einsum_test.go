package onnx

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// einsumModel is y = Einsum(x, w).
func einsumModel(equation string, x, w, y []int64) []byte {
	return Graph{
		Name: "einsum", Inputs: []Tensor{{"x", Float32, x}, {"w", Float32, w}}, Outputs: []Tensor{{"y", Float32, y}},
		Nodes: []Node{{Op: "Einsum", In: []string{"x", "w"}, Out: []string{"y"}, Text: map[string]string{"equation": equation}}},
	}.Marshal()
}

func TestIsProduct(t *testing.T) {
	for equation, want := range map[string]bool{
		"abc,cd->abd": true, "abcd,de->abce": true, "abcd,abde->abce": true, "ij,jk->ik": true, " ij , jk -> ik ": true,
		"abcd,abed->abce": false, "ab,bc->ca": false, "ab,ab->a": false, "abc,dc->abd": false, "abcd,bade->abce": false,
		"abcd,ade->abce": false, "...b,bc->...c": false, "ab,bc": false, "aab,bc->aac": false, "ab,ba->aa": false, "": false, ",->": false,
	} {
		if isProduct(equation) != want {
			t.Errorf("%q: %v", equation, !want)
		}
	}
}

// A session computes what the equation says, whichever way it was turned.
func TestEinsumsAreComputed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		equation string
		x, w, y  []int64
		product  bool
	}{
		{"abc,cd->abd", []int64{2, 3, 4}, []int64{4, 5}, []int64{2, 3, 5}, true},
		{"abcd,abde->abce", []int64{2, 3, 4, 5}, []int64{2, 3, 5, 6}, []int64{2, 3, 4, 6}, true},
		{"abcd,abed->abce", []int64{2, 3, 4, 5}, []int64{2, 3, 6, 5}, []int64{2, 3, 4, 6}, false},
	} {
		model := einsumModel(c.equation, c.x, c.w, c.y)
		if turned := productsForEinsums(model); bytes.Equal(turned, model) == c.product || bytes.Contains(turned, []byte("MatMul")) != c.product {
			t.Errorf("%s was not treated as it should", c.equation)
		}
		b := bind(t, open(t, model, Options{Device: CPU}), 1)
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
			wide := 0 // where this row's matrix begins in w
			if len(c.w) > 2 {
				wide = row / int(c.x[len(c.x)-2]) * k * n
			}
			var want float64
			for j := range k {
				at := wide + j*n + column
				if !c.product { // this one is transposed
					at = wide + column*k + j
				}
				want += float64(x[row*k+j]) * float64(w[at])
			}
			if math.Abs(float64(got)-want) > 1e-5 {
				t.Fatalf("%s: y[%d] = %g, want %g", c.equation, i, got, want)
			}
		}
	}
}
