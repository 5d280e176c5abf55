package vqgan

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"sundae/internal/progress"
	"sundae/train/dataset"
)

// redrawing is a call of Files.Redraw.
type redrawing struct {
	tokens []int32
	steps  int
	seed   uint64
}

// Whole pictures' tokens go through the prior, in numbers of steps that depend on
// (seed, step) alone, and the decoder learns from what comes back.
func TestRedraw(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	trained, files := exported(t, c, o)
	c.Sharpen = Sharpen{Steps: 8, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2, Redraw: 3}
	c.Every = 3
	o.From = files

	sharpen := func(c Config, o Options) (dir string) {
		t.Helper()
		o.Out = t.TempDir()
		if _, err := Train(t.Context(), c, o); err != nil {
			t.Fatal(err)
		}
		return o.Out
	}
	var calls []redrawing
	files.Redraw = func(tokens []int32, steps int, seed uint64) error {
		calls = append(calls, redrawing{slices.Clone(tokens), steps, seed})
		return nil
	}
	kept := sharpen(c, o)
	straight := calls
	if len(straight) != 8*2 {
		t.Fatalf("8 steps of 2 pictures called the prior %d times", len(straight))
	}
	known := encodings(t, trained, o.Set)
	var counts [4]int
	for _, call := range straight {
		if !slices.ContainsFunc(known, func(tokens []int32) bool { return slices.Equal(tokens, call.tokens) }) {
			t.Errorf("the prior was given %v, which no picture is", call.tokens)
		}
		counts[call.steps]++
	}
	if slices.Min(counts[:]) == 0 {
		t.Errorf("of 0 to 3 steps there were %v", counts)
	}

	// Stopped after the report at step 15, it goes on with the calls that were left.
	calls = nil
	stopped := o
	stopped.Out = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	stopped.Talk = progress.New(cancelOn{"vqgan step 15", cancel}, false)
	if _, err := Train(ctx, c, stopped); !errors.Is(err, context.Canceled) {
		t.Fatalf("a stopped run ends with %v", err)
	}
	stopped.Resume = true
	alone := stopped
	alone.From = nil
	if _, err := Train(t.Context(), c, alone); err == nil || !strings.Contains(err.Error(), "--from") {
		t.Errorf("without the prior it goes on with %v", err)
	}
	if _, err := Train(t.Context(), c, stopped); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(calls, straight) {
		t.Error("the resumed run drew other tokens")
	}

	// Tokens that come back as they were teach what the picture itself does; others don't.
	plain := c
	plain.Sharpen.Redraw = 0
	same := decoderDistance(t, c, o, kept, sharpen(plain, o))
	files.Redraw = func(tokens []int32, _ int, _ uint64) error {
		clear(tokens)
		return nil
	}
	other := decoderDistance(t, c, o, kept, sharpen(c, o))
	if same > 1e-4 || other < 100*same {
		t.Errorf("the decoder moved by %g on tokens as they were, by %g on others", same, other)
	}
}

// encodings are the tokens of every picture of a set, as it is and mirrored.
func encodings(t *testing.T, m *Model, set dataset.Set) (all [][]int32) {
	t.Helper()
	encode, err := m.Encoder(open(t, "onnx:cpu"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range set.Files {
		picture, err := dataset.Load(file.Path, m.Size)
		if err != nil {
			t.Fatal(err)
		}
		for _, flip := range []bool{false, true} {
			bytes := make([]uint8, m.Size*m.Size*3)
			dataset.Pixels(bytes, picture, 0, 0, m.Size, m.Size, flip)
			tokens, err := encode(bytes, 1)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, tokens)
		}
	}
	return all
}

// decoderDistance is the largest difference between two runs' decoder weights.
func decoderDistance(t *testing.T, c Config, o Options, a, b string) (most float64) {
	t.Helper()
	var runs [2]*Model
	for i, dir := range []string{a, b} {
		var err error
		if runs[i], err = Open(filepath.Join(dir, Checkpoint), c, o.Size); err != nil {
			t.Fatal(err)
		}
	}
	for v := range runs[0].store.IterVariables() {
		if !strings.HasPrefix(v.Path(), decoderPath+"/") {
			continue
		}
		x := tensors.MustCopyFlatData[float32](v.MustValue())
		y := tensors.MustCopyFlatData[float32](runs[1].store.GetVariable(v.Path()).MustValue())
		for i := range x {
			most = max(most, math.Abs(float64(x[i]-y[i])))
		}
	}
	return most
}
