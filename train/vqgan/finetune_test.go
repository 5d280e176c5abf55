package vqgan

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"sundae/train/dataset"
	"sundae/train/engine"
)

// TestFinetuneFreezesEncoder: fine-tuning changes the decoder alone, and the
// discriminator if that has a weight.
func TestFinetuneFreezesEncoder(t *testing.T) {
	c := minimal()
	o := options(t, folder(t, 6, 32))
	_, before := train(t, c, o)
	pretrained := o.Out
	o.Resume = true
	for _, weight := range []float64{0.5, 0} {
		o.Out = t.TempDir()
		if err := os.CopyFS(o.Out, os.DirFS(pretrained)); err != nil {
			t.Fatal(err)
		}
		c.Finetune = Finetune{Steps: 4, LearningRate: 1e-3, Weight: weight}
		report, after := train(t, c, o)
		if report.Step != 14 {
			t.Fatalf("fine-tuned to step %d", report.Step)
		}
		for prefix, want := range map[string]bool{
			decoderPath + "/": true, engine.EMARoot + decoderPath + "/": true, "/discriminator/conv_in/": weight > 0,
			"/model/encoder/": false, engine.EMARoot + "/model/encoder/": false, "/codebook/": false,
		} {
			found := 0
			for v := range before.IterVariables() {
				if !strings.HasPrefix(v.Path(), prefix) {
					continue
				}
				found++
				if got := !v.MustValue().Equal(after.GetVariable(v.Path()).MustValue()); got != want {
					t.Errorf("weight %g: %s changed: %t, want %t", weight, v.Path(), got, want)
				}
			}
			if found == 0 {
				t.Errorf("no weights below %s", prefix)
			}
		}
	}
}

// augmentation is a call of Pretrained.Augment.
type augmentation struct {
	tokens []int32
	steps  int
	seed   uint64
}

// TestTokenAugmentation: the prior resamples the tokens of every second step, in a
// number of steps that depends on (seed, step) alone, and the decoder learns from them.
func TestTokenAugmentation(t *testing.T) {
	c := minimal()
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, c, o)
	c.Finetune = Finetune{Steps: 16, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2, TokenAugmentation: 3}
	c.Every = 3
	files := export(t, pretrained, o.Backend)
	files.Steps = c.Steps
	o.From = files

	var calls []augmentation
	files.Augment = func(tokens []int32, steps int, seed uint64) error {
		calls = append(calls, augmentation{slices.Clone(tokens), steps, seed})
		return nil
	}
	finetune := func(c Config) (decoder map[string][]float32) {
		t.Helper()
		o.Out = t.TempDir()
		_, store := train(t, c, o)
		decoder = map[string][]float32{}
		for v := range store.IterVariables() {
			if strings.HasPrefix(v.Path(), engine.EMARoot+decoderPath) {
				decoder[v.Path()] = tensors.MustCopyFlatData[float32](v.MustValue())
			}
		}
		return decoder
	}
	augmented := finetune(c)
	straight := calls
	if len(straight) != 16/2 {
		t.Fatalf("16 steps called the prior %d times", len(straight))
	}
	known := encodings(t, pretrained, o)
	var counts [4]int
	for _, call := range straight {
		images := slices.Collect(slices.Chunk(call.tokens, len(known[0])))
		if len(images) != c.Finetune.Batch {
			t.Errorf("the prior got %d images of %d", len(images), c.Finetune.Batch)
		}
		for _, tokens := range images {
			if !slices.ContainsFunc(known, func(other []int32) bool { return slices.Equal(other, tokens) }) {
				t.Errorf("the prior got %v, which no image has", tokens)
			}
		}
		counts[call.steps]++
	}
	if counts[0] > 0 || slices.Min(counts[1:]) == 0 {
		t.Errorf("calls of 0 to 3 steps: %v", counts)
	}

	t.Run("resume", func(t *testing.T) {
		// Cancelled after the evaluation at step 15.
		calls = nil
		stopped := o
		stopped.Out = t.TempDir()
		trainUntil(t, c, stopped, "vqgan step 15")
		stopped.Resume = true
		alone := stopped
		alone.From = nil
		if _, err := Train(t.Context(), c, alone); err == nil || !strings.Contains(err.Error(), "--from") {
			t.Errorf("resumed without the prior: %v", err)
		}
		train(t, c, stopped)
		if !reflect.DeepEqual(calls, straight) {
			t.Error("the resumed run augmented other tokens")
		}
	})

	t.Run("cancelled in the prior", func(t *testing.T) {
		// During the third call: the steps before it are saved.
		calls = nil
		always := files.Augment
		ctx, cancel := context.WithCancel(t.Context())
		files.Augment = func(tokens []int32, steps int, seed uint64) error {
			if len(calls) == 2 {
				cancel()
				return ctx.Err()
			}
			return always(tokens, steps, seed)
		}
		stopped := o
		stopped.Out = t.TempDir()
		if _, err := Train(ctx, c, stopped); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "--resume") {
			t.Fatalf("cancelled in the prior: %v", err)
		}
		calls, stopped.Resume, files.Augment = nil, true, always
		train(t, c, stopped)
		if !reflect.DeepEqual(calls, straight[2:]) {
			t.Errorf("the resumed run made %d of %d calls", len(calls), len(straight)-2)
		}
	})

	// With a discriminator, augmented tokens are trained with the patch loss, so that even
	// tokens that the prior did not change move the decoder elsewhere. Without one the
	// loss is that of pixels in both cases.
	plain, pixels := c, c
	plain.Finetune.TokenAugmentation = 0
	pixels.Finetune.Weight = 0
	plainPixels := pixels
	plainPixels.Finetune.TokenAugmentation = 0
	if d := difference(augmented, finetune(plain)); d < 1e-3 {
		t.Errorf("without augmentation the decoder differs by %g", d)
	}
	if d := difference(finetune(pixels), finetune(plainPixels)); d > 1e-4 {
		t.Errorf("without the discriminator, unchanged tokens change the decoder by %g", d)
	}
	files.Augment = func(tokens []int32, _ int, _ uint64) error {
		clear(tokens)
		return nil
	}
	if d := difference(augmented, finetune(c)); d < 1e-3 {
		t.Errorf("with other tokens the decoder differs by %g", d)
	}
}

// encodings are the tokens of every image of a set, as it is and mirrored.
func encodings(t *testing.T, m *Model, o Options) (all [][]int32) {
	t.Helper()
	encode, err := m.Encoder(o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range o.Set.Files {
		img, err := file.Load(m.Size)
		if err != nil {
			t.Fatal(err)
		}
		for _, flip := range []bool{false, true} {
			bytes := make([]uint8, m.Size*m.Size*3)
			dataset.Pixels(bytes, img, 0, 0, m.Size, m.Size, flip)
			tokens, err := encode(bytes, 1)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, tokens)
		}
	}
	return all
}

// difference is the largest difference between two decoders' weights.
func difference(a, b map[string][]float32) (largest float64) {
	for path, x := range a {
		for i := range x {
			largest = max(largest, math.Abs(float64(x[i]-b[path][i])))
		}
	}
	return largest
}

// TestFinetunePretrained: a VQ-GAN from ONNX files keeps its encoder, and starts with
// its decoder.
func TestFinetunePretrained(t *testing.T) {
	c := minimal()
	c.Finetune = Finetune{Steps: 3, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2}
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, c, o)
	o.From = export(t, pretrained, o.Backend)
	o.From.Steps, o.From.Hours = c.Steps+5, 2
	report, err := Train(t.Context(), c, o)
	if err != nil || report.Step != c.totalSteps() || report.Earlier != 5 || report.Hours < 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	finetuned, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(encodings(t, finetuned, o), encodings(t, pretrained, o)) {
		t.Error("fine-tuning changed the tokens")
	}
}

// TestContinue: a VQ-GAN from ONNX files that is trained further as a whole starts with its
// encoder and its codes, after being resumed, too.
func TestContinue(t *testing.T) {
	c := minimal()
	c.Steps, c.Every, c.Discriminator.Start = 2, 1, 0
	c.LearningRate, c.Codebook = 1e-6, Codebook{Start: 1, Decay: 1}
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, c, o)
	o.From = export(t, pretrained, o.Backend)
	o.From.Steps, o.From.All = 5, true
	report, err := Train(t.Context(), c, o)
	if err != nil || report.Step != 2 || report.Earlier != 5 {
		t.Fatalf("%+v, %v", report, err)
	}
	c.Steps, o.Resume, o.From = 3, true, nil
	if report, err = Train(t.Context(), c, o); err != nil || report.Step != 3 || !report.Continued {
		t.Fatalf("resumed: %+v, %v", report, err)
	}
	continued, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(encodings(t, continued, o), encodings(t, pretrained, o)) {
		t.Error("a small learning rate changed the tokens")
	}
	path := "/" + generatorScope + "/encoder/conv_out/weight"
	if was, is := pretrained.store.GetVariable(path), continued.store.GetVariable(path); was == nil || was.MustValue().Equal(is.MustValue()) {
		t.Error("the encoder was not trained")
	}
}
