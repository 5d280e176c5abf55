package prior

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// A run starts from the weights of an exported prior, with nested levels, attention
// resampling and classes. Training leaves the frequencies of the published network alone.
func TestStartFromONNX(t *testing.T) {
	_, g := small()
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	for name, c := range networks() {
		m, file := exported(t, backend, c, g)
		o := Options{Backend: backend, Latents: set, Seed: 3, Out: t.TempDir(), From: &Pretrained{ONNX: file, Steps: 40, Hours: 2}}
		store := engine.NewStore(3)
		if report, err := c.startFrom(store, o); err != nil || report.Step != 0 || report.Earlier != 40 || report.Hours != 2 {
			t.Fatalf("%s starts at step %d after %d and %g hours, %v", name, report.Step, report.Earlier, report.Hours, err)
		}
		compared := 0
		for v := range store.IterVariables() {
			weight, _ := strings.CutPrefix(v.Path(), engine.EMARoot)
			compared++
			if !m.store.GetVariable(weight).MustValue().Equal(v.MustValue()) {
				t.Errorf("%s: %s is different", name, v.Path())
			}
		}
		if compared < 80 {
			t.Errorf("%s: %d weights and averages were loaded", name, compared)
		}
		report, err := Train(t.Context(), c, o)
		if err != nil || report.Step != c.Steps || report.Earlier != 40 || report.Hours < 2 {
			t.Errorf("%s is trained to step %d after %d and %g hours, %v", name, report.Step, report.Earlier, report.Hours, err)
		}
		trained, err := Open(filepath.Join(o.Out, Checkpoint), c, g)
		if err != nil {
			t.Fatal(err)
		}
		for v := range m.store.IterVariables() {
			same := v.MustValue().Equal(trained.store.GetVariable(v.Path()).MustValue())
			if same != strings.HasSuffix(v.Path(), "/frequencies") {
				t.Errorf("%s: %s: unchanged is %t", name, v.Path(), same)
			}
		}
		c.Heads, c.HeadDim = 1, 4
		if _, err := c.startFrom(engine.NewStore(3), o); err == nil || !strings.Contains(err.Error(), "another network") {
			t.Errorf("%s: weights of another network: %v", name, err)
		}
	}
}

// A pretrained prior is trained further with shift mixing, or with more layers, and is at
// first the same function.
func TestAddedLayers(t *testing.T) {
	c, g := small()
	plain, shallow := c, c
	plain.ShiftMixing = 0
	shallow.Depth.After = 0
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	for smaller, added := range map[*Config]string{
		&plain:   "/model/hourglass/before/layer0/mlp/shift_mixing/out/weight",
		&shallow: "/model/hourglass/after/layer0/mlp/up/weight",
	} {
		m, file := exported(t, backend, *smaller, g)
		store := engine.NewStore(3)
		if _, err := c.startFrom(store, Options{Backend: backend, Latents: set, From: &Pretrained{ONNX: file}}); err != nil {
			t.Fatal(err)
		}
		grown := &Model{Config: c, Grid: g, store: store}
		if before, after := logits(t, m), logits(t, grown); !slices.Equal(before, after) {
			t.Errorf("with %s the prior is another function", added)
		}
		if store.GetVariable(added) == nil {
			t.Errorf("%s was not added", added)
		}
	}
}

// logits of a model for one sample of token 0.
func logits(t *testing.T, m *Model) []float32 {
	t.Helper()
	exec, err := model.NewExec(open(t, "onnx:cpu"), m.store, func(scope *model.Scope, tokens, class *Node) *Node {
		return m.Config.logits(scope.At(modelScope), m.Grid, tokens, class)
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
