package engine

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/ort/orttest"
)

// Weights come back out of a file that holds them transposed, and two that are
// equal as one.
func TestRecover(t *testing.T) {
	backend, err := Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	net := func(scope *model.Scope, x *Node) *Node {
		g := x.Graph()
		a, b := scope.In("a"), scope.In("b")
		x = Add(MatMul(x, Normal(a, g, "weight", 1, 3, 4)), Constant(a, g, "bias", 0.25, 1, 4))
		x = Add(x, Constant(b, g, "bias", 0.25, 1, 4))
		x = MatMul(x, TransposeAllDims(Normal(b, g, "weight", 1, 5, 4), 1, 0))
		return MulScalar(Tanh(x), 3)
	}
	in, names := shapes.Make(dtypes.Float32, 2, 3), []string{"x"}
	trained := NewStore(4)
	exec, err := model.NewExec(backend, trained, net)
	if err != nil {
		t.Fatal(err)
	}
	input := tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, -1, 0, 1}, 2, 3)
	if _, err := exec.Exec(input); err != nil { // draws the weights
		t.Fatal(err)
	}
	file, err := ExportONNX(backend, trained, net, names, []string{"y"}, in)
	if err != nil {
		t.Fatal(err)
	}
	again := NewStore(5)
	if err := Recover(backend, again, file, net, names, []string{"y"}, in); err != nil {
		t.Fatal(err)
	}
	n := 0
	for v := range trained.IterVariables() {
		n++
		if other := again.GetVariable(v.Path()); other == nil || !other.MustValue().Equal(v.MustValue()) {
			t.Errorf("%s did not come back", v.Path())
		}
	}
	if n != 4 {
		t.Errorf("%d weights, want 4", n)
	}
	wider := func(scope *model.Scope, x *Node) *Node {
		return MatMul(x, Normal(scope.In("a"), x.Graph(), "weight", 1, 3, 8))
	}
	if err := Recover(backend, NewStore(5), file, wider, names, []string{"y"}, in); err == nil {
		t.Error("another network's weights were read")
	}
}

// An exported convolution holds its weight once.
func TestExportHoldsWeightsOnce(t *testing.T) {
	backend, err := Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	store, in := NewStore(1), shapes.Make(dtypes.Float32, 1, 3, 8, 8)
	net := func(scope *model.Scope, x *Node) *Node {
		kernel := Normal(scope, x.Graph(), "kernel", 1, 16, 3, 3, 3)
		return Convolve(x, kernel).ChannelsAxis(images.ChannelsFirst).PadSame().Done()
	}
	exec, err := model.NewExec(backend, store, net)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.Exec(tensors.FromShape(in)); err != nil {
		t.Fatal(err)
	}
	file, err := ExportONNX(backend, store, net, []string{"x"}, []string{"y"}, in)
	if err != nil {
		t.Fatal(err)
	}
	if kernel := 4 * 16 * 3 * 3 * 3; len(file) < kernel || len(file) > kernel+1024 {
		t.Errorf("the file has %d bytes, the kernel %d", len(file), kernel)
	}
}

func FuzzConstants(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("no model"))
	f.Fuzz(func(t *testing.T, file []byte) { _, _ = constants(file) })
}
