package prior

import (
	"math"
	"slices"
	"testing"
)

// The log-probabilities of an exported prior are the log softmax of its logits.
func TestLogProbabilities(t *testing.T) {
	c, g := small()
	backend := open(t, "onnx:cpu")
	m, file := exported(t, backend, c, g)
	logProbabilities, err := c.LogProbabilities(&Pretrained{ONNX: file}, g, backend)
	if err != nil {
		t.Fatal(err)
	}
	// At all positions of one picture, and at two positions of the second of two.
	all := make([]int32, g.Tokens())
	for i := range all {
		all[i] = int32(i)
	}
	got, err := logProbabilities(make([]int32, g.Tokens()), []int32{0}, all)
	if err != nil {
		t.Fatal(err)
	}
	want := logits(t, m)
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	two := slices.Concat(slices.Repeat([]int32{1}, g.Tokens()), make([]int32, g.Tokens()))
	some, err := logProbabilities(two, []int32{1, 0}, []int32{0, 0, 3, 2})
	if err != nil {
		t.Fatal(err)
	}
	v := g.Vocabulary
	for i := range v {
		if third, second := got[3*v+i], got[2*v+i]; math.Abs(float64(some[2*v+i]-third)) > 1e-4 || math.Abs(float64(some[3*v+i]-second)) > 1e-4 {
			t.Fatalf("code %d: %g and %g beside another picture, %g and %g alone", i, some[2*v+i], some[3*v+i], third, second)
		}
	}
	for from := 0; from < len(want); from += g.Vocabulary {
		var sum float64
		for _, l := range want[from : from+g.Vocabulary] {
			sum += math.Exp(float64(l))
		}
		for k := range g.Vocabulary {
			if l := float64(want[from+k]) - math.Log(sum); math.Abs(l-float64(got[from+k])) > 1e-4 {
				t.Fatalf("value %d is %g, want %g", from+k, got[from+k], l)
			}
		}
	}
}
