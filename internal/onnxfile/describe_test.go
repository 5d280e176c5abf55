package onnxfile

import (
	"slices"
	"strings"
	"testing"
)

// small is y = x w for x [B,2], with every kind of field that Describe and FLOPs read.
func small() []byte {
	return Graph{
		Name:    "small",
		Inputs:  []Tensor{{"x", Float32, []int64{Dynamic, 2}}, {"w", Float32, []int64{2, 3}}},
		Outputs: []Tensor{{"y", Float32, []int64{Dynamic, 3}}, {"z", Int64, nil}},
		Weights: []Weight{Floats("w", []int64{2, 3}, make([]float32, 6)), Floats("unread", []int64{1}, []float32{1})},
		Nodes: []Node{
			{Op: "MatMul", In: []string{"x", "w"}, Out: []string{"y"}},
			{Op: "Cast", In: []string{"y"}, Out: []string{"z"}, Ints: map[string]int{"to": int(Int64)}},
		},
	}.Marshal()
}

func TestDescribe(t *testing.T) {
	inputs, outputs, err := Describe(small())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tensor := range slices.Concat(inputs, outputs) {
		got = append(got, tensor.String())
	}
	// The weight that is listed among the inputs is not one.
	if want := []string{"x float32 [?,2]", "y float32 [?,3]", "z int64"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	deep := Graph{Outputs: []Tensor{{"y", Float32, make([]int64, maxRank+1)}}}.Marshal()
	for name, file := range map[string][]byte{
		"text": []byte("not a model"), "empty": nil, "half": small()[:60], "no outputs": Graph{}.Marshal(), "too many axes": deep,
	} {
		if _, _, err := Describe(file); err == nil || !strings.HasPrefix(err.Error(), "not a") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFixedBatch(t *testing.T) {
	open, fixed := Tensor{"x", Float32, []int64{Dynamic, 2}}, Tensor{"y", Float32, []int64{4, 2}}
	if n := FixedBatch([]Tensor{open, {Name: "shapeless"}}); n != 0 {
		t.Errorf("an open batch is %d", n)
	}
	if n := FixedBatch([]Tensor{open, fixed}); n != 4 {
		t.Errorf("a batch of 4 is %d", n)
	}
}

// Whatever the file, every reader returns, and what Describe returns is sound.
func FuzzDescribe(f *testing.F) {
	f.Add(small())
	f.Add(small()[:40])
	f.Add([]byte("\x3a\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		MatMulForEinsum(file)
		_, _ = FLOPs(file, func(_ []byte, names []string) ([][]int64, error) { return make([][]int64, len(names)), nil })
		_, _ = Half(file)
		_, _ = Externals(file)
		inputs, outputs, err := Describe(file)
		if err != nil {
			return
		}
		for _, tensor := range slices.Concat(inputs, outputs) {
			if len(tensor.Shape) > maxRank {
				t.Errorf("%v has %d axes", tensor, len(tensor.Shape))
			}
			for _, d := range tensor.Shape {
				if d < 1 && d != Dynamic {
					t.Errorf("%v has an axis of %d", tensor, d)
				}
			}
		}
	})
}
