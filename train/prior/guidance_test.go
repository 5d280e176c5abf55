package prior

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// The target is softmax(l + w·(l - l⁻)) of the teacher, of the tokens that stand there.
func TestTargetIsGuided(t *testing.T) {
	c, g := small()
	c.Guidance = 0.7
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	plain := c
	plain.Guidance = 0
	_, file := exported(t, backend, plain, set)
	store := engine.NewStore(3)
	if _, err := c.begin(store, Options{Latents: set, From: &File{ONNX: file, Writer: backend}}); err != nil {
		t.Fatal(err)
	}
	// What the teacher was may not follow what the prior becomes.
	head := store.GetVariable("/model/head/weight")
	if err := head.SetValue(tensors.FromShape(head.Shape())); err != nil {
		t.Fatal(err)
	}
	alone := c
	alone.Neighbours = 0
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		tokens, clean, class := in[0], in[1], in[2]
		return []*Node{
			c.target(scope, g, tokens, clean, class),
			c.Logits(scope.At(teacherScope), g, tokens, class), alone.Logits(scope.At(teacherScope), g, tokens, class),
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := c.batch(set, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	out, err := exec.Exec(b.corrupted, b.clean, b.class)
	if err != nil {
		t.Fatal(err)
	}
	got, with, without := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1]), tensors.MustCopyFlatData[float32](out[2])
	v, differs := g.Vocabulary, false
	for from := 0; from < len(got); from += v {
		want, sum := make([]float64, v), 0.0
		for i := range want {
			l, less := float64(with[from+i]), float64(without[from+i])
			differs = differs || math.Abs(l-less) > 0.01
			want[i] = math.Exp(l + 0.7*(l-less))
			sum += want[i]
		}
		for i := range want {
			if math.Abs(float64(got[from+i])-want[i]/sum) > 1e-4 {
				t.Fatalf("target %g, want %g", got[from+i], want[i]/sum)
			}
		}
	}
	if !differs {
		t.Error("without its neighbours the teacher says the same")
	}
}

// A prior comes closer to what its teacher says under guidance, also after a stop.
func TestLearnsGuidance(t *testing.T) {
	c, g := small()
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	c.Steps, c.Every = 100, 100
	_, file := exported(t, backend, c, set)
	c.Guidance, c.Steps, c.Every, c.LearningRate = 4, 100, 50, 5e-4
	o := Options{Backend: backend, Latents: set, Seed: 3, Out: t.TempDir()}
	if _, err := Train(t.Context(), c, o); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("without a teacher: %v", err)
	}
	o.From = &File{ONNX: file, Writer: backend}
	store := engine.NewStore(3)
	if _, err := c.begin(store, o); err != nil {
		t.Fatal(err)
	}
	b := c.batch(set, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	// divergence is of what the network says from what it is to say, nats a token.
	divergence := func(store *model.Store) float64 {
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, tokens, clean, class *Node) *Node {
			target := c.target(scope, g, tokens, clean, class)
			said := c.Logits(scope.At(modelScope), g, tokens, class)
			return Sub(crossEntropy(said, target), crossEntropy(Log(target), target))
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(b.corrupted, b.clean, b.class)
		if err != nil {
			t.Fatal(err)
		}
		return float64(tensors.ToScalar[float32](out[0]))
	}
	before := divergence(store)
	half := c
	half.Steps = 50
	if _, err := Train(t.Context(), half, o); err != nil {
		t.Fatal(err)
	}
	o.Resume, o.From = true, nil
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	trained := model.NewStore()
	if _, err := engine.Load(filepath.Join(o.Out, Checkpoint), trained); err != nil {
		t.Fatal(err)
	}
	after := divergence(trained)
	t.Logf("%g nats, then %g", before, after)
	if before < 0.001 || after > before/2 {
		t.Errorf("%g nats from its target, after %d steps %g", before, c.Steps, after)
	}
}
