package engine

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
)

// Weights are read back by name, in their own layout, and equal ones stay two.
func TestLoadONNX(t *testing.T) {
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
	in := shapes.Make(dtypes.Float32, 2, 3)
	trained := NewStore(4)
	exec, err := model.NewExec(backend, trained, net)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.Exec(tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, -1, 0, 1}, 2, 3)); err != nil { // draws the weights
		t.Fatal(err)
	}
	file := exported(t, backend, trained, net, in)
	declare := func(net func(scope *model.Scope, x *Node) *Node) *model.Store {
		store, err := Declare(backend, model.NewStore(), func(scope *model.Scope, g *Graph) { net(scope, Parameter(g, "x", in)) })
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	loaded := model.NewStore()
	if _, err := LoadONNX(loaded, file, declare(net)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for v := range trained.IterVariables() {
		n++
		if other := loaded.GetVariable(v.Path()); other == nil || !other.MustValue().Equal(v.MustValue()) {
			t.Errorf("%s is different after loading", v.Path())
		}
	}
	if n != 4 {
		t.Errorf("%d weights, want 4", n)
	}

	other := func(scope *model.Scope, x *Node) *Node {
		g := x.Graph()
		x = MatMul(x, Normal(scope.In("a"), g, "weight", 1, 3, 8))
		return MatMul(x, Normal(scope.In("c"), g, "weight", 1, 8, 2))
	}
	_, err = LoadONNX(model.NewStore(), file, declare(other))
	want := "the weights are those of another network than the recipe's: missing keys: /c/weight; unexpected keys: /a/bias, /b/bias, /b/weight; wrong shapes: /a/weight is [3 4], expected [3 8]"
	if err == nil || err.Error() != want {
		t.Errorf("weights of another network: %v", err)
	}
	more := func(scope *model.Scope, x *Node) *Node {
		return MatMul(net(scope, x), Normal(scope.In("c"), x.Graph(), "weight", 1, 5, 2))
	}
	missing, err := LoadONNX(model.NewStore(), file, declare(more), "/b", "/c")
	if err != nil || !slices.Equal(missing, []string{"/c"}) {
		t.Errorf("with one more layer: missing %v, %v", missing, err)
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
	file := exported(t, backend, store, net, in)
	if size, kernel := len(file.Graph), 4*16*3*3*3; size < kernel || size > kernel+1024 {
		t.Errorf("the file has %d bytes, the kernel %d", size, kernel)
	}
}

// exported is the file of y = net(x).
func exported(t *testing.T, backend compute.Backend, store *model.Store, net func(scope *model.Scope, x *Node) *Node, in shapes.Shape) onnxfile.Model {
	t.Helper()
	network, err := ExportONNX(backend, store, nil, net, []string{"x"}, []string{"y"}, in)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := network.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return onnxfile.Model{Graph: graph}
}
