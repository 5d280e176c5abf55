package prior

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// trained runs a few steps and returns the checkpoint's folder.
func trained(t *testing.T, c Config, l Latents) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: l, Seed: 1, Out: dir}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLearns(t *testing.T) {
	for _, optimizer := range []string{"adamw", "muon"} {
		c, g := flat()
		c.Optimizer, c.Steps, c.Every = optimizer, 80, 80
		r, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: toy(g, 24), Seed: 1, Out: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		// Uniform guessing costs ln 12 = 2.48 nats.
		if r.HeldOut[0] > 1.0 {
			t.Errorf("%s: held-out loss %v after %d steps on rows of one token", optimizer, r.HeldOut, r.Step)
		}
	}
}

// The published network learns with the published optimizer. Without averages, what is
// exported are the weights themselves.
func TestPublishedLearns(t *testing.T) {
	c, g := flat()
	c.Network, c.Resample, c.PositionEmbedding, c.ShiftMixing, c.ClassDropout = publishedNetwork, "attention", false, 0, 0
	c.Schedule, c.Betas, c.WeightDecay, c.EMA, c.Clip, c.LearningRate = engine.ConstantRate, []float64{0.9, 0.999}, 0.01, 0, 0, 5e-3
	c.Steps, c.Every = 60, 60
	o := Options{Backend: open(t, "onnx:cpu"), Latents: toy(g, 24), Seed: 1, Out: t.TempDir()}
	r, err := Train(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.HeldOut[0] > 1.5 {
		t.Errorf("held-out loss %v after %d steps on rows of one token", r.HeldOut, r.Step)
	}
	path := filepath.Join(o.Out, Checkpoint)
	checkpoint := model.NewStore()
	if _, err := engine.Load(path, checkpoint); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path, c, g)
	if err != nil {
		t.Fatal(err)
	}
	for v := range checkpoint.IterVariables() {
		if strings.HasPrefix(v.Path(), engine.EMARoot+"/") {
			t.Errorf("the checkpoint holds the average %s", v.Path())
		}
	}
	for v := range m.store.IterVariables() {
		if !v.MustValue().Equal(checkpoint.GetVariable(v.Path()).MustValue()) {
			t.Errorf("%s is not the weight itself", v.Path())
		}
	}
}

// The number of workers that share a batch makes no difference to the weights.
func TestWorkersShareTheBatch(t *testing.T) {
	c, g := flat()
	l, backend := toy(g, 8), open(t, "onnx:cpu")
	var reports [][]stepReport
	var weights [][]float32
	for _, workers := range []int{1, 2} {
		store := engine.NewStore(2)
		step, err := c.newStep(backend, store, g, workers)
		if err != nil {
			t.Fatal(err)
		}
		var steps []stepReport
		for i := range 4 {
			r, err := step(batchOf(c, l, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, i), 1e-2, 0.9)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, r)
		}
		reports = append(reports, steps)
		weights = append(weights, tensors.MustCopyFlatData[float32](store.GetVariable("/model/head/weight").MustValue()))
	}
	for k := 1; k < len(reports); k++ {
		for i, want := range reports[0] {
			if got := reports[k][i]; math.Abs(got.Loss-want.Loss) > 1e-4 || math.Abs(got.Last-want.Last) > 1e-3 || math.Abs(got.Norm-want.Norm) > 1e-3 {
				t.Errorf("step %d: %+v, with one worker %+v", i, got, want)
			}
		}
		for i, want := range weights[0] {
			if math.Abs(float64(weights[k][i]-want)) > 2e-3 {
				t.Fatalf("weight %d is %g, with one worker %g", i, weights[k][i], want)
			}
		}
	}
}

func TestResumeRepeats(t *testing.T) {
	c, g := flat()
	c.Optimizer = "muon" // which keeps the moments of both optimizers
	l := toy(g, 12)
	straight := trained(t, c, l)
	dir := t.TempDir()
	o := Options{Backend: open(t, "onnx:cpu"), Latents: l, Seed: 1, Out: dir}

	ctx := stopAfter{t.Context(), new(int), 5}
	if _, err := Train(ctx, c, o); err == nil {
		t.Fatal("the run was not stopped")
	}
	if _, err := Train(t.Context(), c, o); err == nil {
		t.Fatal("a second run over the first one's checkpoint did not fail")
	}
	o.Resume = true
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	a, b := model.NewStore(), model.NewStore()
	if _, err := engine.Load(straight+"/"+Checkpoint, a); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Load(dir+"/"+Checkpoint, b); err != nil {
		t.Fatal(err)
	}
	for v := range a.IterVariables() {
		other := b.GetVariable(v.Path())
		if other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s differs between the straight and the resumed run", v.Path())
		}
	}
}
