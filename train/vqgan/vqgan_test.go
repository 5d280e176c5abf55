package vqgan

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/internal/onnx/onnxtest"
	"sundae/internal/picture"
	"sundae/internal/progress"
	"sundae/train/dataset"
	"sundae/train/engine"
)

func small() Config {
	return Config{
		Stem: 4, StemChannels: 4, Channels: 8, Multipliers: []int{1, 2}, Blocks: 1, DecoderBlocks: []int{1, 2}, Attention: true, Groups: 4, Embedding: 4, Vocabulary: 16,
		Crop: 16, Batch: 4, PerPict: 2, Steps: 10, Every: 5, HeldOut: 2, LearningRate: 1e-3, Clip: 1, Average: 0.9,
		Loss:     Loss{L1: 1, L2: 1, Gradient: 1, Scales: 2, Seams: 1, Commitment: 0.25},
		Codebook: Codebook{Start: 4, Decay: 0.9, Restart: 2, Dead: 0.1}, Discriminator: Discriminator{Start: 7, Channels: 4, Layers: 1, Weight: 0.1, Contrast: 8, LearningRate: 1e-3},
	}
}

func open(tb testing.TB, name string) compute.Backend {
	tb.Helper()
	backend, err := engine.Open(name, onnxtest.Library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(backend.Finalize)
	return backend
}

// noise returns random crops [n, side, side, 3].
func noise(n, side int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Uint8, n, side, side, 3))
	rng := rand.New(rand.NewPCG(1, 2))
	tensors.MustMutableFlatData(t, func(flat []uint8) {
		for i := range flat {
			flat[i] = uint8(rng.IntN(256))
		}
	})
	return t
}

// gradients evaluates loss and gradients of both players once.
func gradients(t *testing.T, c Config, backendName string) map[string][]float32 {
	t.Helper()
	var paths []string
	exec, err := model.NewExec(open(t, backendName), engine.NewStore(1), func(scope *model.Scope, bytes *Node) []*Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		x := pixels(bytes)
		p := c.reconstruct(scope.In(generatorScope), x, true)
		reconstruction := c.Loss.reconstructionLoss(x, p.x, c.Stem)
		fool, judge := c.Discriminator.adversarial(scope, x, p, reconstruction)
		loss := Add(Add(reconstruction, p.commitment), fool)
		out := []*Node{loss, judge}
		paths = []string{"loss", "judge"}
		for scopeName, loss := range map[string]*Node{generatorScope: loss, discriminatorScope: judge} {
			for v := range scope.At("%s", scopeName).IterVariables() {
				paths = append(paths, v.Path())
			}
			out = append(out, scope.At("%s", scopeName).BuildTrainableVariablesGradientsGraph(loss)...)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(noise(c.Batch, c.Crop))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for i, path := range paths {
		values[path] = tensors.MustCopyFlatData[float32](out[i])
	}
	return values
}

// The kernel's gradient goes another way on ONNX Runtime than elsewhere: both
// must come to the same numbers.
func TestBackendsAgree(t *testing.T) {
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var recipe struct{ VQGAN Config }
	if err := yaml.Unmarshal(text, &recipe); err != nil {
		t.Fatal(err)
	}
	recipe.VQGAN.Batch = 2
	for name, c := range map[string]Config{"small": small(), "tiny recipe": recipe.VQGAN} {
		onnx := gradients(t, c, "onnx:cpu")
		for path, want := range gradients(t, c, "go") {
			for i, w := range want {
				if got := onnx[path][i]; math.Abs(float64(got-w)) > 1e-4*max(1, math.Abs(float64(w))) {
					t.Errorf("%s: %s[%d]: %g on go, %g on onnx:cpu", name, path, i, w, got)
					break
				}
			}
		}
	}
}

func TestFoldAndBack(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) []*Node {
		folded := fold(x, 2)
		return []*Node{folded, unfold(folded, 2)}
	})
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, 2*3*4*6)
	for i := range values {
		values[i] = float32(i)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(values, 2, 3, 4, 6))
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Shape().Dimensions; fmt.Sprint(got) != "[2 12 2 3]" {
		t.Errorf("folded shape %v", got)
	}
	folded := tensors.MustCopyFlatData[float32](out[0]) // [2, 12, 2, 3]: channel, row in the patch, column in the patch
	for i, v := range values {                          // [2, 3, 4, 6]
		image, channel, row, column := i/72, i/24%3, i/6%4, i%6
		at := ((image*12+channel*4+row%2*2+column%2)*2+row/2)*3 + column/2
		if folded[at] != v {
			t.Fatalf("channel %d, row %d, column %d is not at %d", channel, row, column, at)
		}
	}
	if back := tensors.MustCopyFlatData[float32](out[1]); fmt.Sprint(back) != fmt.Sprint(values) {
		t.Error("unfold does not undo fold")
	}
}

// Two values made four: a quarter of the way in from each centre, and constant
// past the outer ones; a slope stays a slope between the outer centres, in every channel.
func TestEnlarge(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(pair, slope *Node) []*Node {
		return []*Node{enlarge(pair, 2), enlarge(slope, 3)}
	})
	if err != nil {
		t.Fatal(err)
	}
	slope := make([]float32, 2*2*4*5) // [B, C, h, w]: 10 a row, 1 a column, 100 a channel, 1000 a picture
	for i := range slope {
		slope[i] = float32(i/40*1000 + i/20%2*100 + i/5%4*10 + i%5)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions([]float32{0, 4}, 1, 1, 1, 2), tensors.FromFlatDataAndDimensions(slope, 2, 2, 4, 5))
	if err != nil {
		t.Fatal(err)
	}
	if got := tensors.MustCopyFlatData[float32](out[0]); !slices.Equal(got, []float32{0, 1, 3, 4, 0, 1, 3, 4}) {
		t.Errorf("0 and 4, made twice as large: %v", got)
	}
	if got := out[1].Shape().Dimensions; !slices.Equal(got, []int{2, 2, 12, 15}) {
		t.Fatalf("enlarged three times: shape %v", got)
	}
	along := func(i, n int) float64 { return min(max((float64(i)+0.5)/3-0.5, 0), float64(n-1)) }
	for i, got := range tensors.MustCopyFlatData[float32](out[1]) {
		want := float64(i/360*1000+i/180%2*100) + 10*along(i/15%12, 4) + along(i%15, 5)
		if math.Abs(float64(got)-want) > 1e-3 {
			t.Fatalf("value %d is %g, want %g", i, got, want)
		}
	}
}

// A tone is the same within the decoder as over its picture, whether the outline is
// folded as the stem's patches are, or otherwise, or there are none.
func TestTone(t *testing.T) {
	for _, shape := range []struct{ stem, levels int }{{4, 3}, {4, 2}, {1, 2}} {
		c := small()
		c.Stem, c.Multipliers, c.DecoderBlocks = shape.stem, []int{1, 2, 2}[:shape.levels], nil
		levels := tone{gain: 127.5, lift: 128}
		exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(1), func(scope *model.Scope, bytes *Node) []*Node {
			z := pixels(bytes) // as latents of 3 numbers
			x, _ := c.Decode(scope.At("decoder"), z)
			y, _ := c.decode(scope.At("decoder"), z, levels)
			return []*Node{x, y}
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(noise(1, 4))
		if err != nil {
			t.Fatal(err)
		}
		x, y := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
		for i := range x {
			if want := levels.gain*float64(x[i]) + levels.lift; math.Abs(float64(y[i])-want) > 1e-2 {
				t.Fatalf("%+v: value %d is %g, want %g", shape, i, y[i], want)
			}
		}
	}
}

func TestKMeansFindsClusters(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	centres := [][]float32{{0, 0}, {10, 0}, {0, 10}, {10, 10}}
	var vectors []float32
	for range 400 {
		c := centres[rng.IntN(4)]
		vectors = append(vectors, c[0]+float32(rng.NormFloat64()*0.2), c[1]+float32(rng.NormFloat64()*0.2))
	}
	found := kMeans(vectors, 8, 2, 20, rng)
	for _, c := range centres {
		best := closest(found, c)
		if d := math.Hypot(float64(found[2*best]-c[0]), float64(found[2*best+1]-c[1])); d > 0.5 {
			t.Errorf("no centre near %v, the closest is %g away", c, d)
		}
	}
}

// folder writes n smooth pictures of side pixels.
func folder(t *testing.T, n, side int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				img.SetRGBA(x, y, color.RGBA{uint8(40*i + x), uint8(3 * y), uint8(200 - 2*x), 255})
			}
		}
		if err := picture.Save(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), img); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func options(t *testing.T, dir string) Options {
	t.Helper()
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Backend: open(t, "onnx:cpu"), Set: set, Size: 32, Seed: 1, Out: t.TempDir()}
}

func TestResumeRepeats(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	straight := o.Out

	// Stop after the report at step 5.
	o.Out = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	o.Talk = progress.New(cancelOn{"vqgan step 5", cancel}, false)
	if _, err := Train(ctx, c, o); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("a stopped run ends with %v", err)
	}
	o.Resume = true
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	a, b := model.NewStore(), model.NewStore()
	for dir, store := range map[string]*model.Store{straight: a, o.Out: b} {
		if _, err := engine.Load(filepath.Join(dir, Checkpoint), store); err != nil {
			t.Fatal(err)
		}
	}
	for v := range a.IterVariables() {
		other := b.GetVariable(v.Path())
		if other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s differs between the straight and the resumed run", v.Path())
		}
	}
}

// Sharpening changes the decoder alone: what was encoded before stays true. The
// discriminator learns meanwhile if it has a weight.
func TestSharpenHoldsTheEncoder(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	unsharp := o.Out
	before := model.NewStore()
	if _, err := engine.Load(filepath.Join(unsharp, Checkpoint), before); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	for _, weight := range []float64{0.5, 0} {
		o.Out = t.TempDir()
		if err := os.CopyFS(o.Out, os.DirFS(unsharp)); err != nil {
			t.Fatal(err)
		}
		c.Sharpen = Sharpen{Steps: 4, LearningRate: 1e-3, Weight: weight}
		report, err := Train(t.Context(), c, o)
		if err != nil || report.Step != 14 {
			t.Fatalf("sharpened to step %d, %v", report.Step, err)
		}
		after := model.NewStore()
		if _, err := engine.Load(filepath.Join(o.Out, Checkpoint), after); err != nil {
			t.Fatal(err)
		}
		for prefix, moves := range map[string]bool{
			decoderPath + "/": true, engine.EMARoot + decoderPath + "/": true, "/discriminator/in/": weight > 0,
			"/model/encoder/": false, engine.EMARoot + "/model/encoder/": false, "/codebook/": false,
		} {
			found := 0
			for v := range before.IterVariables() {
				if !strings.HasPrefix(v.Path(), prefix) {
					continue
				}
				found++
				if moved := !v.MustValue().Equal(after.GetVariable(v.Path()).MustValue()); moved != moves {
					t.Errorf("weight %g: %s moved: %t, want %t", weight, v.Path(), moved, moves)
				}
			}
			if found == 0 {
				t.Errorf("no weights under %s", prefix)
			}
		}
	}
}

// Muon moves the kernels inside the levels, for which it keeps momenta, and nothing else:
// neither biases and gains nor what stands outside.
func TestMuonMovesTheLevels(t *testing.T) {
	c := small()
	c.Optimizer = "muon"
	o := options(t, folder(t, 6, 32))
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	store := model.NewStore()
	if _, err := engine.Load(filepath.Join(o.Out, Checkpoint), store); err != nil {
		t.Fatal(err)
	}
	for path, moves := range map[string]bool{
		"/model/encoder/level0/block0/conv1/weight": true, "/model/encoder/level1/down/weight": true,
		"/model/decoder/level0/block0/conv2/weight": true, "/model/decoder/level1/up/weight": true,
		"/model/decoder/level0/block0/conv2/bias": false, "/model/decoder/level0/block0/norm1/gain": false,
		"/model/decoder/in/weight": false, "/model/encoder/out/weight": false, "/discriminator/in/weight": false,
	} {
		if store.GetVariable(path) == nil {
			t.Errorf("there is no %s", path)
		}
		if kept := store.GetVariable("/momentum" + path); (kept != nil) != moves {
			t.Errorf("%s has a momentum: %t, want %t", path, kept != nil, moves)
		}
	}
}

// cancelOn is a log that cancels when a text appears in it.
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

func TestBadPictures(t *testing.T) {
	c := small()
	dir := folder(t, 6, 32)
	whole, err := os.ReadFile(filepath.Join(dir, "03.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "03.png"), whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Train(t.Context(), c, options(t, dir)); err != nil {
		t.Errorf("a truncated picture stopped the run: %v", err)
	}
	if _, err := Train(t.Context(), c, options(t, folder(t, 6, 12))); err == nil || !strings.Contains(err.Error(), "smaller than the crop") {
		t.Errorf("pictures smaller than the crop: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"power of two":    func(c *Config) { c.Stem = 3 },
		"does not divi":   func(c *Config) { c.Groups = 3 },
		"multiple of f":   func(c *Config) { c.Crop = 12 },
		"vocabulary":      func(c *Config) { c.Vocabulary = 1 << 17 },
		"at least 1":      func(c *Config) { c.Batch = 0 },
		"sharpen.crop a":  func(c *Config) { c.Sharpen.Crop = -16 },
		"loss.seams must": func(c *Config) { c.Loss.Seams = -1 },
		"loss.seams needs": func(c *Config) {
			c.Loss.Seams, c.Loss.Scales, c.Crop, c.Stem, c.Multipliers, c.DecoderBlocks = 1, 1, 8, 8, []int{1}, nil
		},
		"loss.seams needs crops": func(c *Config) {
			c.Loss.Seams, c.Stem, c.Multipliers, c.DecoderBlocks, c.Sharpen.Crop = 1, 8, []int{1}, nil, 8
		},
		"sharpen.redraw must":  func(c *Config) { c.Sharpen.Redraw = -1 },
		"sharpen.redraw needs": func(c *Config) { c.Sharpen.Redraw = 1 },
		"sharpen.crop 4":       func(c *Config) { c.Sharpen.Crop = 4 },
		"sharpen.weight must":  func(c *Config) { c.Sharpen.Weight = -1 },
		"sharpen needs a rate": func(c *Config) { c.Sharpen.Steps = 1 },
		"sharpen needs a discr": func(c *Config) {
			c.Sharpen = Sharpen{Steps: 1, LearningRate: 1e-3, Weight: 1}
			c.Discriminator.Start = 0
		},
		"2 numbers":            func(c *Config) { c.DecoderBlocks = []int{2} },
		"of at least 1":        func(c *Config) { c.DecoderBlocks = []int{0, 1} },
		"numbers, one a level": func(c *Config) { c.DecoderBottleneck = []int{2} },
		"into 4 groups":        func(c *Config) { c.DecoderBottleneck = []int{1, 3} },
		"optimizer":            func(c *Config) { c.Optimizer = "sgd" },
		"contrast":             func(c *Config) { c.Discriminator.Contrast = -1 },
	} {
		c := small()
		change(&c)
		if err := c.Validate(32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// BenchmarkTrain measures pictures/s of the training step on 256×256 crops with
// the sizes of the vistas recipe.
func BenchmarkTrain(b *testing.B) {
	c := small()
	c.Stem, c.StemChannels, c.Channels, c.Multipliers, c.Attention = 8, 16, 64, []int{1, 2, 4}, false
	c.Groups, c.Embedding, c.Vocabulary, c.Crop, c.Batch = 8, 16, 1024, 256, 8
	step, err := c.newStep(open(b, "onnx:cpu"), engine.NewStore(1), quantized, false)
	if err != nil {
		b.Fatal(err)
	}
	run := func() {
		report, err := step(noise(c.Batch, c.Crop), nil, false, 1e-3, 0.9)
		if err != nil {
			b.Fatal(err)
		}
		report.vectors.FinalizeAll()
	}
	run()
	run()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(b.N*c.Batch)/b.Elapsed().Seconds(), "pictures/s")
}
