package engine

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
)

// A graph on all cores computes what pure Go does, for any inputs and outputs:
// numbers, whole numbers, bytes, truth values, scalars. It moves its weights from
// step to step, in memory that goes from one to the next.
func TestAllCoresAgreesWithGo(t *testing.T) {
	walk := func(name string) (weights []float32, reported [][]float32) {
		backend, err := Open(name, orttest.Library(t))
		if err != nil {
			t.Fatal(err)
		}
		defer backend.Finalize()
		store := NewStore(5)
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
			bytes, ids, rate := in[0], in[1], in[2]
			scope.Store().SetTraining(bytes.Graph(), true)
			w := Normal(scope.In("net"), bytes.Graph(), "weight", 0.5, 6, 3)
			x := MulScalar(ConvertDType(bytes, dtypes.Float32), 1.0/255) // [4, 6]
			y := Softmax(MatMul(x, w), -1)                               // [4, 3]
			loss := Neg(ReduceAllMean(Log(ReduceSum(Mul(y, OneHot(ids, 3, dtypes.Float32)), -1))))
			norm := AdamW{Beta1: 0.9, Beta2: 0.99, WeightDecay: 0.01, Clip: 1}.Update(scope.At("net"), loss, rate)
			right := ConvertDType(Equal(ArgMax(y, -1, dtypes.Int32), ids), dtypes.Float32)
			return []*Node{loss, norm, right, ConvertDType(right, dtypes.Bool)}
		})
		if err != nil {
			t.Fatal(err)
		}
		bytes := []uint8{9, 200, 31, 4, 77, 250, 1, 2, 3, 4, 5, 6, 255, 0, 255, 0, 128, 9, 60, 50, 40, 30, 20, 10}
		for range 5 {
			out, err := exec.Exec(tensors.FromFlatDataAndDimensions(bytes, 4, 6), []int32{2, 0, 1, 1}, float32(0.1))
			if err != nil {
				t.Fatal(err)
			}
			reported = append(reported, append([]float32{tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1])},
				tensors.MustCopyFlatData[float32](out[2])...))
			for i, hit := range tensors.MustCopyFlatData[bool](out[3]) {
				if hit != (reported[len(reported)-1][2+i] == 1) {
					t.Errorf("%s: truth value %d is %v", name, i, hit)
				}
			}
		}
		return tensors.MustCopyFlatData[float32](store.GetVariable("/net/weight").MustValue()), reported
	}
	wantWeights, want := walk("go")
	weights, reported := walk("onnx:cpu")
	near := func(what string, got, want []float32) {
		t.Helper()
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-4 {
				t.Errorf("%s %d is %g, in pure Go %g", what, i, got[i], want[i])
			}
		}
	}
	near("weight", weights, wantWeights)
	for step := range want {
		near("figure", reported[step], want[step])
	}
	if want[4][0] >= want[0][0] {
		t.Errorf("the loss went from %g to %g", want[0][0], want[4][0])
	}
}
