package prior

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
)

func TestExportAgreesWithNetwork(t *testing.T) {
	c, g := small()
	backend := open(t, "onnx:cpu")
	m, file := exported(t, backend, c, g)
	half, err := onnxfile.Half(file.Graph)
	if err != nil {
		t.Fatal(err)
	}
	exported, err := orttest.Opener(t)(onnxfile.Model{Graph: half})
	if err != nil {
		t.Fatal(err)
	}
	defer exported.Close()

	const most = 8
	n := g.Tokens()
	rng := rand.New(rand.NewPCG(7, 7))
	tokens, uniform, update := make([]int32, most*n), make([]float32, most*n), make([]bool, most*n)
	temperature, class := make([]float32, most), make([]int32, most)
	for i := range tokens {
		tokens[i], uniform[i], update[i] = rng.Int32N(int32(g.Vocabulary)), rng.Float32(), rng.IntN(2) == 0
	}
	for i := range class {
		temperature[i], class[i] = 0.5+rng.Float32(), rng.Int32N(int32(g.Classes+1))
	}
	run := func(from, to int) ([]int32, []float32) {
		bound, err := exported.Bind(to-from, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close()
		feed(t, bound, "tokens", tokens[from*n:to*n])
		feed(t, bound, "uniform", uniform[from*n:to*n])
		feed(t, bound, "update", update[from*n:to*n])
		feed(t, bound, "temperature", temperature[from:to])
		feed(t, bound, "class", class[from:to])
		if err := bound.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(memory[int32](t, bound, "next")), slices.Clone(memory[float32](t, bound, "confidence"))
	}
	next, confidence := run(0, most)
	for i, keep := range update {
		if !keep && next[i] != tokens[i] {
			t.Fatalf("token %d was not to be updated and changed", i)
		}
	}
	for _, size := range []int{1, 3} {
		for from := 0; from+size <= most; from += size {
			some, sure := run(from, from+size)
			for i, id := range some {
				if id != next[from*n+i] || math.Abs(float64(sure[i]-confidence[from*n+i])) > 1e-4 {
					t.Fatalf("batch %d, row %d differs from the row of batch %d", size, from+i/n, most)
				}
			}
		}
	}
	exec, err := model.NewExec(backend, m.store, func(scope *model.Scope, in []*Node) []*Node {
		next, confidence := m.step(scope, in[0], in[1], in[2], in[3], in[4])
		return []*Node{next, confidence}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(tokens, most, n), tensors.FromFlatDataAndDimensions(uniform, most, n),
		tensors.FromFlatDataAndDimensions(update, most, n), temperature, class)
	if err != nil {
		t.Fatal(err)
	}
	// float16 weights may change a draw only where its uniform number is close to a border.
	drawn, sure, changed := tensors.MustCopyFlatData[int32](out[0]), tensors.MustCopyFlatData[float32](out[1]), 0
	for i, id := range drawn {
		switch {
		case !update[i]: // the file does not return what was drawn
		case id != next[i]:
			changed++
		case math.Abs(float64(sure[i]-confidence[i])) > 1e-3:
			t.Errorf("token %d: confidence %g in the network, %g in the file", i, sure[i], confidence[i])
		}
	}
	if changed > len(next)/100 {
		t.Errorf("%d of %d tokens differ between network and file", changed, len(next))
	}
}

// memory is a bound input or output.
func memory[T inference.Element](t *testing.T, b inference.Binding, name string) []T {
	t.Helper()
	data, err := inference.View[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func feed[T inference.Element](t *testing.T, b inference.Binding, name string, values []T) {
	t.Helper()
	copy(memory[T](t, b, name), values)
}
