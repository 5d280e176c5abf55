package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
)

// O is the polar factor of X but for its singular values, which lie near 1: then
// OᵀX is symmetric, and O takes no vector of the shorter side far from its length.
func TestOrthogonal(t *testing.T) {
	backend, err := Open("go", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][2]int{{5, 5}, {4, 9}, {9, 4}} {
		n, m := shape[0], shape[1]
		values := make([]float32, n*m)
		for i := range values {
			values[i] = 1e-3 * float32(rng.NormFloat64())
		}
		exec, err := NewExec(backend, func(x *Node) (*Node, *Node, *Node) {
			o := orthogonal(x)
			turned := MatMul(TransposeAllDims(o, 1, 0), x)
			square := MatMul(o, TransposeAllDims(o, 1, 0))
			if n > m {
				square = MatMul(TransposeAllDims(o, 1, 0), o)
			}
			return o, turned, square
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(values, n, m))
		if err != nil {
			t.Fatal(err)
		}
		turned, square := tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
		for i := range m {
			for j := range i {
				if a, b := turned[i*m+j], turned[j*m+i]; math.Abs(float64(a-b)) > 1e-5 {
					t.Errorf("%d×%d: OᵀX is %g at %d, %d and %g across", n, m, a, i, j, b)
				}
			}
		}
		side := min(n, m)
		for range 100 {
			u, length := make([]float64, side), 0.0
			for i := range u {
				u[i] = rng.NormFloat64()
				length += u[i] * u[i]
			}
			taken := 0.0
			for i := range side {
				for j := range side {
					taken += u[i] * u[j] * float64(square[i*side+j])
				}
			}
			if ratio := math.Sqrt(taken / length); ratio < 0.6 || ratio > 1.3 {
				t.Errorf("%d×%d: a vector becomes %g times as long", n, m, ratio)
			}
		}
	}
}

// A matrix takes Muon's step, along its gradient and of AdamW's length, and a kernel the
// one of its matrix; what is neither moves as it does without Muon. All stay trainable.
func TestMuon(t *testing.T) {
	const rate, decay = 0.01, 0.1
	gradient := []float32{3, 0, 0, 0, 2e-3, 0} // of two singular values
	walk := func(moves bool, dims ...int) (w, b []float32) {
		backend, err := Open("onnx:cpu", orttest.Library(t))
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Finalize()
		store := NewStore(5)
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, lr *Node) *Node {
			scope.Store().SetTraining(lr.Graph(), true)
			net := scope.In("net")
			w, b := Constant(net, lr.Graph(), "weight", 1, dims...), Constant(net, lr.Graph(), "bias", 1, 3)
			push := ConstTensor(lr.Graph(), tensors.FromFlatDataAndDimensions(gradient, dims...))
			loss := Add(ReduceAllSum(Mul(w, push)), ReduceAllSum(Square(b)))
			grads := scope.At("net").BuildTrainableVariablesGradientsGraph(loss)
			muon := Muon{
				Momentum: 0.9, Moves: func(v *model.Variable) bool { return moves && v.Shape().Rank() == len(dims) },
				Rest: AdamW{Beta1: 0.9, Beta2: 0.99, WeightDecay: decay, Clip: 1},
			}
			return muon.Apply(scope.At("net"), grads, lr)
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(float32(rate))
		if err != nil {
			t.Fatal(err)
		}
		if norm := tensors.ToScalar[float32](out[0]); math.Abs(float64(norm)-math.Sqrt(9+4e-6+12)) > 1e-4 {
			t.Errorf("the gradient's norm is %g", norm)
		}
		for v := range store.Scope("/net").IterVariables() {
			if (v.Name() == "weight" || v.Name() == "bias") && !v.Trainable {
				t.Errorf("%s is not trainable any more", v.Path())
			}
		}
		read := func(path string) []float32 {
			return tensors.MustCopyFlatData[float32](store.GetVariable(path).MustValue())
		}
		return read("/net/weight"), read("/net/bias")
	}
	moved, bias := walk(true, 2, 3)
	_, alone := walk(false, 2, 3)
	if kernel, _ := walk(true, 2, 1, 3, 1); !slices.Equal(kernel, moved) {
		t.Errorf("a kernel becomes %v, its matrix %v", kernel, moved)
	}
	for i := range bias {
		if bias[i] != alone[i] || bias[i] == 1 {
			t.Errorf("bias %d is %g, with AdamW alone %g", i, bias[i], alone[i])
		}
	}
	for i, push := range gradient {
		step := (1-float64(moved[i]))/rate - decay // in units of 0.2·√3, the orthogonal matrix
		step /= 0.2 * math.Sqrt(3)
		switch {
		case push == 0 && math.Abs(step) > 1e-3:
			t.Errorf("weight %d moves by %g without a gradient", i, step)
		case push == 3 && (step < 0.6 || step > 1.3):
			t.Errorf("weight %d moves by %g", i, step)
		case push == 2e-3 && (step < 0.1 || step > 1.3): // 1500 times smaller a gradient
			t.Errorf("weight %d, of a small gradient, moves by %g", i, step)
		}
	}
}
