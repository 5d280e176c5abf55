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

// Every second step's tokens go through the prior, in numbers of steps that depend on
// (seed, step) alone, and the decoder learns from what comes back.
func TestRedraw(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	trained, files := exported(t, c, o)
	c.Sharpen = Sharpen{Steps: 16, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2, Redraw: 3}
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
	if len(straight) != 16/2 {
		t.Fatalf("16 steps called the prior %d times", len(straight))
	}
	known := encodings(t, trained, o.Set)
	var counts [4]int
	for _, call := range straight {
		pictures := slices.Collect(slices.Chunk(call.tokens, len(known[0])))
		if len(pictures) != c.Sharpen.Batch {
			t.Errorf("the prior was given %d pictures of %d", len(pictures), c.Sharpen.Batch)
		}
		for _, picture := range pictures {
			if !slices.ContainsFunc(known, func(tokens []int32) bool { return slices.Equal(tokens, picture) }) {
				t.Errorf("the prior was given %v, which no picture is", picture)
			}
		}
		counts[call.steps]++
	}
	if counts[0] > 0 || slices.Min(counts[1:]) == 0 {
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

	// Stopped while the prior draws for the third time, it has kept the steps before and
	// begins with that one.
	calls = nil
	always := files.Redraw
	ctx, cancel = context.WithCancel(t.Context())
	files.Redraw = func(tokens []int32, steps int, seed uint64) error {
		if len(calls) == 2 {
			cancel()
			return ctx.Err()
		}
		return always(tokens, steps, seed)
	}
	drawing := o
	drawing.Out = t.TempDir()
	if _, err := Train(ctx, c, drawing); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("stopped while the prior draws, a run ends with %v", err)
	}
	calls, drawing.Resume, files.Redraw = nil, true, always
	if _, err := Train(t.Context(), c, drawing); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(calls, straight[2:]) {
		t.Errorf("it goes on with %d calls of %d", len(calls), len(straight)-2)
	}

	// The decoder learns from the tokens that come back, and less closely from the
	// picture: even where they are the picture's own, it goes another way.
	again := decoderDistance(t, c, o, kept, sharpen(c, o))
	plain := c
	plain.Sharpen.Redraw = 0
	closely := decoderDistance(t, c, o, kept, sharpen(plain, o))
	// Without the discriminator it is held to the picture pixel by pixel.
	exact, exactPlain := c, plain
	exact.Sharpen.Weight, exactPlain.Sharpen.Weight = 0, 0
	if d := decoderDistance(t, c, o, sharpen(exact, o), sharpen(exactPlain, o)); d > 1e-4 {
		t.Errorf("without the discriminator the picture's own tokens moved the decoder by %g", d)
	}
	files.Redraw = func(tokens []int32, _ int, _ uint64) error {
		clear(tokens)
		return nil
	}
	other := decoderDistance(t, c, o, kept, sharpen(c, o))
	if again > 1e-4 || closely < 1e-3 || other < 1e-3 {
		t.Errorf("the decoder moved by %g when the same was done again, by %g without a prior, by %g on other tokens", again, closely, other)
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
