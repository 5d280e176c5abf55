package prior

import (
	"math"
	"testing"
)

// What the prior of a file says is log softmax of the trained model's logits.
func TestLogProbabilities(t *testing.T) {
	c, g := small()
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	m, file := exported(t, backend, c, set)
	likely, err := c.LogProbabilities(&File{ONNX: file, Writer: backend}, g, backend)
	if err != nil {
		t.Fatal(err)
	}
	got, err := likely(make([]int32, g.Tokens()), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := logits(t, m)
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
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
