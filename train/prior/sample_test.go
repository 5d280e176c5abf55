package prior

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// drawMany draws n tokens from one row of logits.
func drawMany(t *testing.T, logits []float32, temperature float32, n int, rng *rand.Rand) []int32 {
	t.Helper()
	exec, err := NewExec(open(t, "onnx:cpu"), func(l, u, temperature *Node) []*Node {
		l = BroadcastToDims(Reshape(l, 1, 1, len(logits)), 1, n, len(logits))
		ids, p := draw(l, u, temperature)
		return []*Node{ids, p}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(logits, len(logits)), uniforms(rng, 1, n), []float32{temperature})
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[int32](out[0])
}

func TestDrawFollowsSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	const n = 20000
	for _, v := range []int{7, 24, 64} {
		logits := make([]float32, v)
		for i := range logits {
			logits[i] = float32(2 * rng.NormFloat64())
		}
		for _, temperature := range []float64{0.5, 1, 2} {
			want := make([]float64, v)
			var sum float64
			for i, l := range logits {
				want[i] = math.Exp(float64(l) / temperature)
				sum += want[i]
			}
			counts := make([]float64, v)
			for _, id := range drawMany(t, logits, float32(temperature), n, rng) {
				counts[id]++
			}
			// Chi-squared over the tokens expected five times or more.
			var chi, free float64
			for i := range want {
				if expected := want[i] / sum * n; expected >= 5 {
					chi += (counts[i] - expected) * (counts[i] - expected) / expected
					free++
				}
			}
			// Mean free-1, variance 2(free-1): five deviations is beyond chance.
			if chi > free-1+5*math.Sqrt(2*(free-1)) {
				t.Errorf("v %d, temperature %g: chi-squared %.1f with %g degrees of freedom", v, temperature, chi, free-1)
			}
		}
	}
}

func TestColdDrawIsArgMax(t *testing.T) {
	logits := []float32{0.1, -2, 0.4, 0.399, 3, 2.99, -7, 0}
	for _, id := range drawMany(t, logits, 0, 500, rand.New(rand.NewPCG(1, 1))) {
		if id != 4 {
			t.Fatalf("temperature 0 drew token %d, the arg-max is 4", id)
		}
	}
}
