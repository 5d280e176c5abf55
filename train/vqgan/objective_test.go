package vqgan

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/progress"
	"sundae/train/engine"
)

// published has the objective and the optimizer of VQ-GAN, with LPIPS at an eighth of its
// channels.
func published() Config {
	c := minimal()
	c.Loss = Loss{L1: 1, Commitment: 1, Codebook: 0.25, Perceptual: &Perceptual{VGG: "vgg16.pth", Heads: "vgg.pth"}}
	c.Codebook = Codebook{Training: byGradient}
	c.Discriminator = Discriminator{Network: patchGAN, Channels: 4, Layers: 2, Weight: 0.5, LearningRate: 1e-3}
	c.Betas, c.Schedule = []float64{0.5, 0.9}, engine.ConstantRate
	c.Warmup, c.Clip, c.EMA = 0, 0, 0
	return c
}

// TestPublishedObjective trains with the losses of VQ-GAN: the reconstructions get better,
// without moving averages, the weights of LPIPS stay out of the checkpoint, and a run that
// was cancelled and resumed ends with the same weights.
func TestPublishedObjective(t *testing.T) {
	c := published()
	c.Steps, c.Every = 24, 4
	o := options(t, folder(t, 6, 32))
	o.Folder = filepath.Join("testdata", "lpips")
	_, straight := train(t, c, o)
	table, err := os.ReadFile(filepath.Join(o.Out, "vqgan.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Fields(string(table))
	column := slices.Index(strings.Split(rows[0], ","), "heldout_l1")
	first, last := strings.Split(rows[1], ",")[column], strings.Split(rows[len(rows)-1], ",")[column]
	if from, to := number(t, first), number(t, last); !(to < 0.8*from) {
		t.Errorf("the held-out L1 goes from %g to %g", from, to)
	}
	for v := range straight.IterVariables() {
		path := v.Path()
		if strings.HasPrefix(path, engine.EMARoot) || strings.Contains(path, "features") || path == countPath || path == sumPath {
			t.Errorf("the checkpoint holds %s", path)
		}
	}
	for _, path := range []string{"/discriminator/layer1/norm/mean", "/discriminator/layer2/norm/variance"} {
		if straight.GetVariable(path) == nil {
			t.Errorf("the checkpoint lacks %s", path)
		}
	}
	m, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	export(t, m, o.Backend)
	averaged := c
	averaged.EMA = 0.9
	if _, err := Open(filepath.Join(o.Out, Checkpoint), averaged, o.Size); err == nil {
		t.Error("a checkpoint without averages opens as one with them")
	}

	o.Out = t.TempDir()
	trainUntil(t, c, o, "vqgan step 12")
	o.Resume = true
	_, resumed := train(t, c, o)
	for v := range straight.IterVariables() {
		if other := resumed.GetVariable(v.Path()); other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s differs between the straight and the resumed run", v.Path())
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCodebookByGradient compares the gradient of the codes, of which the first is nearest
// to two vectors, the second to one and the third to none, with the derivative by hand of
// weight · mean (sg[z] - code)².
func TestCodebookByGradient(t *testing.T) {
	c := minimal()
	c.Codebook, c.Loss.Codebook = Codebook{Training: byGradient}, 0.25
	c.Vocabulary, c.Embedding = 3, 2
	store := model.NewStore()
	if _, err := store.CreateVariable(codebookPath, tensors.FromFlatDataAndDimensions([]float32{0, 0, 4, 4, -9, 9}, 3, 2)); err != nil {
		t.Fatal(err)
	}
	exec, err := model.NewExec(open(t, "onnx:cpu"), store, func(scope *model.Scope, z *Node) []*Node {
		scope.Store().SetTraining(z.Graph(), true)
		codes := c.codes(scope.Store(), z.Graph()).NodeValue(z.Graph())
		q := quantize(z, codes, nearest(z, codes))
		loss := MulScalar(ReduceAllMean(Square(Sub(StopGradient(z), q.vectors))), c.Loss.Codebook)
		// The straight-through estimator adds nothing to the codes' gradient.
		loss = Add(loss, ReduceAllSum(straightThrough(z, q.vectors)))
		return append([]*Node{Gradient(loss, z)[0]}, scope.At(codebookScope).BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions([]float32{1, 0, 0, -2, 5, 3}, 1, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	const each = 0.25 * 2 / 6 // of 6 values
	want := []float32{-1 * each, 2 * each, -1 * each, 1 * each, 0, 0}
	equal(t, "the gradient of z", tensors.MustCopyFlatData[float32](out[0]), []float32{1, 1, 1, 1, 1, 1}, 0)
	equal(t, "the gradient of the codes", tensors.MustCopyFlatData[float32](out[1]), want, 1e-6)
}

// TestCodesMove: at the first step Adam moves each value of a code that was chosen by the
// learning rate, and none of the others. The codes start in ±1/V.
func TestCodesMove(t *testing.T) {
	c := published()
	c.Loss.Perceptual = nil
	store := engine.NewStore(1)
	backend := open(t, "onnx:cpu")
	if _, err := model.MustNewExec(backend, store, func(scope *model.Scope, g *Graph) *Node {
		return c.codes(scope.Store(), g).NodeValue(g)
	}).Exec(); err != nil {
		t.Fatal(err)
	}
	before := values(store, codebookPath)
	for i, v := range before {
		if bound := 1 / float64(c.Vocabulary); math.Abs(float64(v)) > bound {
			t.Fatalf("value %d of the codes starts at %g, beyond %g", i, v, bound)
		}
	}
	step, err := c.newStep(backend, store, nil, discrete, false)
	if err != nil {
		t.Fatal(err)
	}
	const rate = 1e-3
	if _, err := step(noise(c.Batch, c.Crop), nil, false, nil, rate, 0); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for i, v := range values(store, codebookPath) {
		switch d := math.Abs(float64(v - before[i])); {
		case math.Abs(d-rate) < 1e-5:
			moved++
		case d != 0:
			t.Fatalf("value %d of the codes moves by %g, not by 0 or %g", i, d, rate)
		}
	}
	if moved == 0 || moved == len(before) || moved%c.Embedding != 0 {
		t.Errorf("%d of %d values of the codes move", moved, len(before))
	}
}

// TestWithoutPerceptual: a training without LPIPS says how to get it; one whose files are
// missing stops before anything is written.
func TestWithoutPerceptual(t *testing.T) {
	c := minimal()
	c.Steps, c.Every = 1, 1
	c.Codebook.Start, c.Discriminator.Start = 0, 0
	o := options(t, folder(t, 6, 32))
	var log bytes.Buffer
	o.Reporter = progress.New(&log, false)
	train(t, c, o)
	for _, want := range []string{"without the perceptual loss", "vqgan.loss.perceptual", "vgg16-397923af.pth", "vgg.pth"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log does not name %s once: %s", want, &log)
		}
	}

	c.Loss.Perceptual = &Perceptual{VGG: "vgg16.pth", Heads: "vgg.pth"}
	o.Out, o.Folder = filepath.Join(t.TempDir(), "run"), t.TempDir()
	if _, err := Train(t.Context(), c, o); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(o.Folder, "vgg16.pth")) {
		t.Errorf("weights that are missing beside the recipe: %v", err)
	}
	if _, err := os.Stat(o.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the run's folder was made: %v", err)
	}
}
