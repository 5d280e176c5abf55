package engine

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Without clipping, AdamW takes the steps of its paper (1711.05101, algorithm 2), as
// PyTorch does: decay times the learning rate, corrected moments, all weights alike.
func TestAdamW(t *testing.T) {
	const rate, beta1, beta2, decay = 0.1, 0.9, 0.999, 0.01
	gradients := [][]float32{{3, -0.5}, {-20, 0.25}, {1e-3, 4}}
	store := NewStore(1)
	adamw := AdamW{Beta1: beta1, Beta2: beta2, WeightDecay: decay}
	exec, err := model.NewExec(openGo(t), store, func(scope *model.Scope, gradient, lr *Node) *Node {
		scope.Store().SetTraining(lr.Graph(), true)
		scope = scope.At("net")
		Constant(scope, lr.Graph(), "w", 1, 2)
		return adamw.Apply(scope, []*Node{gradient}, lr)
	})
	if err != nil {
		t.Fatal(err)
	}
	want, m, v := []float64{1, 1}, make([]float64, 2), make([]float64, 2)
	for i, gradient := range gradients {
		out, err := exec.Exec(gradient, float32(rate))
		if err != nil {
			t.Fatal(err)
		}
		if norm := float64(tensors.ToScalar[float32](out[0])); math.Abs(norm-math.Hypot(float64(gradient[0]), float64(gradient[1]))) > 1e-5*norm {
			t.Errorf("step %d: the gradient's norm is %g", i+1, norm)
		}
		got := tensors.MustCopyFlatData[float32](store.GetVariable("/net/w").MustValue())
		for k, g := range gradient {
			m[k] = beta1*m[k] + (1-beta1)*float64(g)
			v[k] = beta2*v[k] + (1-beta2)*float64(g)*float64(g)
			mean := m[k] / (1 - math.Pow(beta1, float64(i+1)))
			square := v[k] / (1 - math.Pow(beta2, float64(i+1)))
			want[k] += -rate*decay*want[k] - rate*mean/(math.Sqrt(square)+1e-8)
			if math.Abs(float64(got[k])-want[k]) > 1e-5 {
				t.Errorf("step %d: weight %d is %g, expected %g", i+1, k, got[k], want[k])
			}
		}
	}
}

// Weights of a uniform distribution fill their range, and depend on seed and path alone.
func TestUniform(t *testing.T) {
	const bound = 0.25
	draw := func(seed uint64, name string) []float32 {
		exec, err := model.NewExec(openGo(t), NewStore(seed), func(scope *model.Scope, x *Node) *Node {
			return Add(Uniform(scope.At("net"), x.Graph(), name, bound, 2000), x)
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(float32(0))
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out[0])
	}
	values := draw(1, "a")
	var sum, squares float64
	for _, v := range values {
		if math.Abs(float64(v)) > bound {
			t.Fatalf("%g is beyond %g", v, bound)
		}
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	n := float64(len(values))
	if deviation := math.Sqrt(squares / n); math.Abs(sum/n) > 0.02 || math.Abs(deviation-bound/math.Sqrt(3)) > 0.01 {
		t.Errorf("mean %g, deviation %g", sum/n, deviation)
	}
	same, other, seed := draw(1, "a"), draw(1, "b"), draw(2, "a")
	for i, v := range values[:8] {
		if same[i] != v || other[i] == v || seed[i] == v {
			t.Errorf("value %d is %g, again %g, of another path %g, of another seed %g", i, v, same[i], other[i], seed[i])
		}
	}
}

// openGo opens the back end in Go.
func openGo(t *testing.T) compute.Backend {
	t.Helper()
	backend, err := Open("go", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}
