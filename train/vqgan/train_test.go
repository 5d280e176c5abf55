package vqgan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/progress"
	"sundae/train/dataset"
	"sundae/train/engine"
)

// cancelOn is a log that cancels a context when a text appears in it.
type cancelOn struct {
	text   string
	cancel context.CancelFunc
}

func (c cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return len(p), nil
}

// trainUntil cancels a training after a text appears in its log.
func trainUntil(t *testing.T, c Config, o Options, text string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	o.Reporter = progress.New(cancelOn{text, cancel}, false)
	if _, err := Train(ctx, c, o); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("a cancelled training returns %v", err)
	}
}

// TestResume: a run that was cancelled and resumed ends with the weights of one that
// was not.
func TestResume(t *testing.T) {
	c := minimal()
	o := options(t, folder(t, 6, 32))
	_, straight := train(t, c, o)
	if _, err := Train(t.Context(), c, o); err == nil || !strings.Contains(err.Error(), "--resume") {
		t.Errorf("training in the folder of another run: %v", err)
	}

	o.Out = t.TempDir()
	trainUntil(t, c, o, "vqgan step 5")
	o.Resume = true
	_, resumed := train(t, c, o)
	for v := range straight.IterVariables() {
		other := resumed.GetVariable(v.Path())
		if other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s differs between the straight and the resumed run", v.Path())
		}
	}
}

// TestOldCheckpoint: a checkpoint of an older format gives one sentence.
func TestOldCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), Checkpoint)
	if err := engine.Save(path, model.NewStore(), map[string]string{"format": "sundae vqgan", "report": "{}"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, small(), 32); err == nil || !strings.Contains(err.Error(), "train again") {
		t.Errorf("an old checkpoint: %v", err)
	}
}

// TestMuon: Muon updates the kernels of the levels, for which it keeps a momentum, and
// nothing else.
func TestMuon(t *testing.T) {
	c := minimal()
	c.Optimizer = "muon"
	store := engine.NewStore(1)
	step, err := c.newStep(open(t, "onnx:cpu"), store, nil, adversarial, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := step(noise(c.Batch, c.Crop), nil, false, nil, 1e-3, 0.9); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/model/encoder/level0/block0/conv1/weight": true, "/model/encoder/level1/downsample/weight": true,
		"/model/decoder/level0/block0/conv2/weight": true, "/model/decoder/level1/upsample/weight": true,
		"/model/decoder/level0/block0/conv2/bias": false, "/model/decoder/level0/block0/norm1/weight": false,
		"/model/decoder/conv_in/weight": false, "/model/encoder/conv_out/weight": false, "/discriminator/layer0/weight": false,
	} {
		if store.GetVariable(path) == nil {
			t.Errorf("no variable %s", path)
		}
		if got := store.GetVariable("/momentum"+path) != nil; got != want {
			t.Errorf("%s has a momentum: %t, want %t", path, got, want)
		}
	}
}

// TestLoader: an unreadable picture is skipped and named once, one smaller than the
// crop is an error.
func TestLoader(t *testing.T) {
	dir := folder(t, 6, 32)
	whole, err := os.ReadFile(filepath.Join(dir, "03.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "03.png"), whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	load := func(dir string) (warnings int, err error) {
		set, err := dataset.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		l := &loader{config: small(), size: 32, files: set.Files, skipped: new(dataset.Skipped), warn: func(string, ...any) { warnings++ }}
		for step := range 12 {
			if _, err := l.crops(step); err != nil {
				return warnings, err
			}
		}
		return warnings, nil
	}
	if warnings, err := load(dir); warnings != 1 || err != nil {
		t.Errorf("a truncated picture: %d warnings, %v", warnings, err)
	}
	if _, err := load(folder(t, 6, 12)); err == nil || !strings.Contains(err.Error(), "smaller than the crop") {
		t.Errorf("pictures smaller than the crop: %v", err)
	}
}

// BenchmarkTrain measures pictures/s of the training step on 256×256 crops with the
// sizes of the vistas recipe.
func BenchmarkTrain(b *testing.B) {
	c := small()
	c.Stem, c.StemChannels, c.Channels, c.Multipliers, c.DecoderBlocks, c.Attention = 8, 16, 64, []int{1, 2, 4}, nil, false
	c.Groups, c.Embedding, c.Vocabulary, c.Crop, c.Batch = 8, 16, 1024, 256, 8
	step, err := c.newStep(open(b, "onnx:cpu"), engine.NewStore(1), nil, discrete, false)
	if err != nil {
		b.Fatal(err)
	}
	run := func() {
		result, err := step(noise(c.Batch, c.Crop), nil, false, nil, 1e-3, 0.9)
		if err != nil {
			b.Fatal(err)
		}
		result.vectors.FinalizeAll()
	}
	run()
	run()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.N*c.Batch)/b.Elapsed().Seconds(), "pictures/s")
}
