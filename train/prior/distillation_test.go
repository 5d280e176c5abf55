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

// The target is softmax(l + w·(l - l⁻)) of the teacher, for any student.
func TestTeacherTarget(t *testing.T) {
	c, g := small()
	c.Distillation = 0.7
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	plain := c
	plain.Distillation = 0
	_, file := exported(t, backend, plain, g)
	store := engine.NewStore(3)
	if _, err := c.startFrom(store, Options{Backend: backend, Latents: set, From: &Pretrained{ONNX: file}}); err != nil {
		t.Fatal(err)
	}
	head := store.GetVariable("/model/head/weight")
	if err := head.SetValue(tensors.FromShape(head.Shape())); err != nil {
		t.Fatal(err)
	}
	weak := c
	weak.ShiftMixing = 0
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		tokens, clean, class := in[0], in[1], in[2]
		return []*Node{
			c.target(scope, g, tokens, clean, class),
			c.logits(scope.At(teacherScope), g, tokens, class), weak.logits(scope.At(teacherScope), g, tokens, class),
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := batchOf(c, set, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
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
		t.Error("the teacher predicts the same without shift mixing")
	}
}

// A prior comes closer to its guided teacher, also over a stop and a resume.
func TestDistillation(t *testing.T) {
	c, g := flat()
	set := toy(g, 12)
	backend := open(t, "onnx:cpu")
	_, file := exported(t, backend, c, g)
	c.Distillation, c.Steps, c.Every, c.LearningRate = 4, 60, 30, 1e-3
	o := Options{Backend: backend, Latents: set, Seed: 3, Out: t.TempDir()}
	if _, err := Train(t.Context(), c, o); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("without a teacher: %v", err)
	}
	o.From = &Pretrained{ONNX: file}
	store := engine.NewStore(3)
	if _, err := c.startFrom(store, o); err != nil {
		t.Fatal(err)
	}
	b := batchOf(c, set, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	// divergence is the KL divergence of the prediction from the target, nats per token.
	divergence := func(store *model.Store) float64 {
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, tokens, clean, class *Node) *Node {
			target := c.target(scope, g, tokens, clean, class)
			predicted := c.logits(scope.At(modelScope), g, tokens, class)
			return Sub(crossEntropy(predicted, target), crossEntropy(Log(target), target))
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
	half.Steps = 30
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
