package onnxfile

import (
	"bytes"
	"testing"
)

func TestIsMatMul(t *testing.T) {
	for equation, want := range map[string]bool{
		"abc,cd->abd": true, "abcd,de->abce": true, "abcd,abde->abce": true, "ij,jk->ik": true, " ij , jk -> ik ": true,
		"abcd,abed->abce": false, "ab,bc->ca": false, "ab,ab->a": false, "abc,dc->abd": false, "abcd,bade->abce": false,
		"abcd,ade->abce": false, "...b,bc->...c": false, "ab,bc": false, "aab,bc->aac": false, "ab,ba->aa": false, "": false, ",->": false,
	} {
		if isMatMul(equation) != want {
			t.Errorf("%q: %v", equation, !want)
		}
	}
}

func TestMatMulForEinsum(t *testing.T) {
	einsum := func(equation string) []byte {
		return Graph{Outputs: []Tensor{{Name: "y"}}, Nodes: []Node{
			{Op: "Einsum", In: []string{"x", "w"}, Out: []string{"y"}, Strings: map[string]string{"equation": equation}},
		}}.Marshal()
	}
	want := Graph{Outputs: []Tensor{{Name: "y"}}, Nodes: []Node{{Op: "MatMul", In: []string{"x", "w"}, Out: []string{"y"}}}}.Marshal()
	if got := MatMulForEinsum(einsum("abc,cd->abd")); !bytes.Equal(got, want) {
		t.Errorf("a product became %q", got)
	}
	transposed := einsum("abcd,abed->abce")
	for _, file := range [][]byte{transposed, transposed[:len(transposed)-3], []byte("not a model"), nil} {
		if got := MatMulForEinsum(file); !bytes.Equal(got, file) {
			t.Errorf("%q became %q", file, got)
		}
	}
}
