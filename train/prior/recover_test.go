package prior

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// A prior begins as the one that a bundle holds: nested levels, attention
// resampling, classes and all.
func TestBeginFromFile(t *testing.T) {
	c, g := small()
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	m, file := exported(t, backend, c, set)
	o := Options{Backend: backend, Latents: set, Seed: 3, Out: t.TempDir(), From: &File{ONNX: file, Steps: 40, Hours: 2, Writer: backend}}
	store := engine.NewStore(3)
	if report, err := c.begin(store, o); err != nil || report.Step != 0 || report.Earlier != 40 || report.Hours != 2 {
		t.Fatalf("begins at step %d after %d and %g hours, %v", report.Step, report.Earlier, report.Hours, err)
	}
	compared := 0
	for v := range store.IterVariables() {
		weight, _ := strings.CutPrefix(v.Path(), "/average")
		compared++
		if !m.store.GetVariable(weight).MustValue().Equal(v.MustValue()) {
			t.Errorf("%s is another", v.Path())
		}
	}
	if compared < 100 {
		t.Errorf("%d weights and averages came back", compared)
	}
	report, err := Train(t.Context(), c, o)
	if err != nil || report.Step != c.Steps || report.Earlier != 40 || report.Hours < 2 {
		t.Errorf("trained to step %d after %d and %g hours, %v", report.Step, report.Earlier, report.Hours, err)
	}
	c.Heads, c.HeadDim = 1, 4
	if _, err := c.begin(engine.NewStore(3), o); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("the file of another network: %v", err)
	}
}

// A prior goes on with neighbours, or with more layers, that it did not have, and
// is at first what it was.
func TestGrows(t *testing.T) {
	c, g := small()
	alone, shallow := c, c
	alone.Neighbours = 0
	shallow.Depth.After = 0
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	for lesser, added := range map[*Config]string{
		&alone:   "/model/hourglass/before/layer0/mlp/around/weight",
		&shallow: "/model/hourglass/after/layer0/mlp/up/weight",
	} {
		m, file := exported(t, backend, *lesser, set)
		store := engine.NewStore(3)
		if _, err := c.begin(store, Options{Latents: set, From: &File{ONNX: file, Writer: backend}}); err != nil {
			t.Fatal(err)
		}
		grown := &Model{Config: c, Grid: g, store: store}
		if before, after := logits(t, m), logits(t, grown); !slices.Equal(before, after) {
			t.Errorf("with %s the prior is another", added)
		}
		if store.GetVariable(added) == nil {
			t.Errorf("there is no %s", added)
		}
	}
}

// exported is a model that was trained a little, and its file.
func exported(t *testing.T, backend compute.Backend, c Config, set Latents) (*Model, []byte) {
	t.Helper()
	m, err := Open(trained(t, c, set)+"/"+Checkpoint, c, set.Grid)
	if err != nil {
		t.Fatal(err)
	}
	file, err := m.Export(backend)
	if err != nil {
		t.Fatal(err)
	}
	return m, file
}

// logits of a model for one sample of token 0.
func logits(t *testing.T, m *Model) []float32 {
	t.Helper()
	exec, err := model.NewExec(open(t, "onnx:cpu"), m.store, func(scope *model.Scope, tokens, class *Node) *Node {
		return m.Config.Logits(scope.At(modelScope), m.Grid, tokens, class)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec([][]int32{make([]int32, m.Grid.Tokens())}, []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out[0])
}
