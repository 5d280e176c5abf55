package engine

import (
	"math"
	"path/filepath"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
)

// The average follows decay·ema + (1-decay)·weight, from 0 or from StartEMA, leaves the
// weights alone, and takes their place in LoadEMA.
func TestEMA(t *testing.T) {
	backend, err := Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	for _, from := range []float64{0, 2} {
		store := NewStore(1)
		weight, err := store.CreateVariable("/net/weight", tensors.FromFlatDataAndDimensions([]float32{2, 2}, 2))
		if err != nil {
			t.Fatal(err)
		}
		if from != 0 {
			if err := StartEMA(store, "/net"); err != nil {
				t.Fatal(err)
			}
		}
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, decay *Node) *Node {
			scope.Store().SetTraining(decay.Graph(), true)
			sum := ReduceAllSum(weight.NodeValue(decay.Graph()))
			UpdateEMA(scope.At("net"), decay)
			return sum
		})
		if err != nil {
			t.Fatal(err)
		}
		want := from
		for step, value := range []float32{2, 4, -1} {
			if err := weight.SetValue(tensors.FromFlatDataAndDimensions([]float32{value, value}, 2)); err != nil {
				t.Fatal(err)
			}
			decay := EMADecay(step+1, 0.25)
			if _, err := exec.Exec(float32(decay)); err != nil {
				t.Fatal(err)
			}
			want = decay*want + (1-decay)*float64(value)
		}
		run := RunFile{Path: filepath.Join(t.TempDir(), "run.safetensors")}
		if err := run.Save(store, 3, 3); err != nil {
			t.Fatal(err)
		}
		averages, steps := model.NewStore(), 0
		if err := run.LoadEMA(averages, &steps, "/net"); err != nil || averages.NumVariables() != 1 {
			t.Fatalf("%d variables read, %v", averages.NumVariables(), err)
		}
		for path, want := range map[*model.Variable]float64{averages.GetVariable("/net/weight"): want, weight: -1} {
			if got := tensors.MustCopyFlatData[float32](path.MustValue())[1]; math.Abs(float64(got)-want) > 1e-5 {
				t.Errorf("from %g: %g, want %g", from, got, want)
			}
		}
	}
	if EMADecay(1, 0.999) != 2.0/11 || EMADecay(1e6, 0.999) != 0.999 {
		t.Error("the decay does not warm up from 2/11 to its full value")
	}
}
