package vqgan

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestAdaptiveWeight compares the weight with a ratio of gradients computed by hand,
// and checks that the weight itself is a constant to the gradient.
func TestAdaptiveWeight(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(last, reconstructionGradient, generatorGradient *Node) []*Node {
		// Quadratic losses, so that the weight depends on last: gradients g·last.
		loss := func(g *Node) *Node { return MulScalar(ReduceAllSum(Mul(g, Square(last))), 0.5) }
		reconstruction, generator := loss(reconstructionGradient), loss(generatorGradient)
		weight := adaptiveWeight(reconstruction, generator, last)
		return []*Node{weight, Gradient(Mul(weight, generator), last)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		last, reconstruction, generator []float32
		weight                          float32
		gradient                        []float32
	}{
		// ‖(3, 4)‖ / ‖(0, 2)‖, and ‖(6, -8)‖ / ‖(4, -3)‖.
		"ratio":   {[]float32{1, 1}, []float32{3, 4}, []float32{0, 2}, 5 / (2 + 1e-4), []float32{0, 5}},
		"at last": {[]float32{2, -1}, []float32{3, 8}, []float32{2, 3}, 10 / (5 + 1e-4), []float32{8, -6}},
		"clipped": {[]float32{1, 1}, []float32{300, 400}, []float32{0, 0}, 1e4, []float32{0, 0}},
	} {
		out, err := exec.Call(test.last, test.reconstruction, test.generator)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name+": weight", []float32{tensors.ToScalar[float32](out[0])}, []float32{test.weight}, 1e-5)
		equal(t, name+": gradient", tensors.MustCopyFlatData[float32](out[1]), test.gradient, 1e-3)
	}
}
