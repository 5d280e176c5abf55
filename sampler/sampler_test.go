package sampler

import (
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle/bundletest"
	"sundae/internal/onnx"
	"sundae/internal/onnx/onnxtest"
)

func open(tb testing.TB) *Prior {
	tb.Helper()
	b := bundletest.Bundle(tb)
	if err := onnx.Start(onnx.Library{Path: onnxtest.Library(tb)}); err != nil {
		tb.Fatal(err)
	}
	p, err := Open(b, onnx.Options{Device: onnx.CPU})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

func settings() Settings {
	return Settings{
		Steps: 8, Temperature: Schedule{Start: 1, End: 0.5, Curve: Cosine}, Proportion: Schedule{Start: 1, Curve: Constant},
		MinSteps: 2, Seed: 7, Class: 1,
	}
}

// sample takes all steps of a run of n.
func sample(t *testing.T, p *Prior, start Start) (*Run, []Stats) {
	t.Helper()
	run, err := p.Start(start)
	if err != nil {
		t.Fatal(err)
	}
	var all []Stats
	for !run.Done() {
		stats, err := run.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, stats)
	}
	return run, all
}

func last(r *Run) [][]uint16 { return r.At(r.Len() - 1).Tokens }

func TestSampleDependsOnItselfAlone(t *testing.T) {
	p := open(t)
	five, _ := sample(t, p, Start{N: 5, Settings: settings()})
	for i, want := range last(five) {
		one, _ := sample(t, p, Start{N: 1, First: i, Settings: settings()})
		if !slices.Equal(last(one)[0], want) {
			t.Errorf("sample %d differs when it is drawn alone", i)
		}
	}
	if slices.Equal(last(five)[0], last(five)[1]) {
		t.Error("two samples are the same")
	}
	other := settings()
	other.Seed = 8
	if again, _ := sample(t, p, Start{N: 1, Settings: other}); slices.Equal(last(again)[0], last(five)[0]) {
		t.Error("two seeds gave the same sample")
	}
}

// Cold and patient, samples settle one after the other: the batch must shrink
// and the tokens be those of a run that never lets a sample go.
func TestFreezingShrinksTheBatch(t *testing.T) {
	p := open(t)
	s := settings()
	s.Steps, s.Temperature = 40, Schedule{Start: 0.6, End: 0, Curve: Linear}
	s.Proportion = Schedule{Start: 0.5, Curve: Constant}
	s.MinSteps = 10
	whole, _ := sample(t, p, Start{N: 6, Settings: s})
	s.Freeze = true
	frozen, stats := sample(t, p, Start{N: 6, Settings: s})
	if end := stats[len(stats)-1]; end.Batch == 6 && len(stats) == 40 {
		t.Errorf("no sample froze in %d steps", len(stats))
	}
	for i := 1; i < len(stats); i++ {
		if stats[i].Batch != 6-stats[i-1].Frozen {
			t.Errorf("step %d ran %d samples, %d were frozen", stats[i].Step, stats[i].Batch, stats[i-1].Frozen)
		}
		if stats[i].Step <= s.MinSteps && stats[i].Batch != 6 {
			t.Errorf("a sample froze before step %d", s.MinSteps)
		}
	}
	// Frozen samples stopped at a step without change; until then both runs agree.
	for step := range frozen.Len() {
		for i, tokens := range frozen.At(step).Tokens {
			if step <= s.MinSteps && !slices.Equal(tokens, whole.At(step).Tokens[i]) {
				t.Fatalf("step %d, sample %d differs with freezing", step, i)
			}
		}
	}
}

func TestKeptTokensNeverChange(t *testing.T) {
	p := open(t)
	rng := rand.New(rand.NewPCG(1, 2))
	n := p.Latent.Tokens()
	for range 10 {
		mask := &Mask{Height: p.Latent.Height, Width: p.Latent.Width, Anew: make([]bool, n)}
		base := make([]uint16, n)
		for k := range base {
			mask.Anew[k], base[k] = rng.IntN(3) == 0, uint16(rng.IntN(p.Vocabulary))
		}
		run, _ := sample(t, p, Start{N: 2, Settings: settings(), Base: [][]uint16{base, base}, Mask: mask})
		changed := false
		for step := range run.Len() {
			for _, tokens := range run.At(step).Tokens {
				for k, id := range tokens {
					if !mask.Anew[k] && id != base[k] {
						t.Fatalf("step %d changed the kept token %d", step, k)
					}
					changed = changed || id != base[k]
				}
			}
		}
		if !changed {
			t.Error("nothing was made anew")
		}
	}
}

func TestBranchAndSet(t *testing.T) {
	p := open(t)
	run, _ := sample(t, p, Start{N: 2, Settings: settings()})
	branch, err := run.Branch(3, settings())
	if err != nil {
		t.Fatal(err)
	}
	for !branch.Done() {
		if _, err := branch.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(last(branch)[1], last(run)[1]) {
		t.Error("a branch with the same settings goes elsewhere")
	}
	if branch, err = run.Branch(3, settings()); err != nil {
		t.Fatal(err)
	}
	changed := settings()
	changed.Temperature, changed.Steps = Schedule{Start: 3, Curve: Constant}, 5
	if err := branch.Set(changed); err != nil {
		t.Fatal(err)
	}
	stats, err := branch.Step(t.Context())
	if err != nil || stats.Temperature != 3 || stats.Step != 4 {
		t.Errorf("after Set: step %d at temperature %g, %v", stats.Step, stats.Temperature, err)
	}
	if branch.Step(t.Context()); !branch.Done() {
		t.Error("a run cut to 5 steps is not done after 5")
	}
	if slices.Equal(branch.At(4).Tokens[0], run.At(4).Tokens[0]) {
		t.Error("another temperature drew the same tokens")
	}
}

func TestColdIsArgMaxAndOneStepWorks(t *testing.T) {
	p := open(t)
	s := settings()
	s.Steps, s.Temperature = 1, Schedule{Curve: Constant}
	base := make([]uint16, p.Latent.Tokens())
	a, stats := sample(t, p, Start{N: 1, Settings: s, Base: [][]uint16{base}})
	s.Seed = 99
	b, _ := sample(t, p, Start{N: 1, Settings: s, Base: [][]uint16{base}})
	if len(stats) != 1 || !slices.Equal(last(a)[0], last(b)[0]) {
		t.Error("at temperature 0 the seed matters")
	}
}

func TestCancelledStepLeavesTheRun(t *testing.T) {
	p := open(t)
	run, err := p.Start(Start{N: 1, Settings: settings()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Step(ctx); !errors.Is(err, context.Canceled) || run.Len() != 1 {
		t.Errorf("%d frames after a cancelled step, %v", run.Len(), err)
	}
}

func TestBadSettings(t *testing.T) {
	p := open(t)
	for want, change := range map[string]func(*Settings){
		"steps":      func(s *Settings) { s.Steps = 0 },
		"class":      func(s *Settings) { s.Class = 99 },
		"proportion": func(s *Settings) { s.Proportion.Start = 2 },
	} {
		s := settings()
		change(&s)
		if _, err := p.Start(Start{N: 1, Settings: s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestSchedules(t *testing.T) {
	for text, want := range map[string][3]float64{ // first, middle and last of 5 steps
		"0.8":                   {0.8, 0.8, 0.8},
		"1.0:0.6":               {1, 0.8, 0.6},
		"1.0:0.6:cosine":        {1, 0.8, 0.6},
		"1:0.25:exponential":    {1, 0.5, 0.25},
		"0:1.0,0.25:0.5,1:0.2":  {1, 0.4, 0.2},
		" 0.5 : 1.5 : linear":   {0.5, 1, 1.5},
		"0:0.3,0.5:0.9,1.0:0.1": {0.3, 0.9, 0.1},
	} {
		s, err := ParseSchedule(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Error(err)
			continue
		}
		for i, step := range []int{1, 3, 5} {
			if got := s.At(step, 5); math.Abs(got-want[i]) > 1e-12 {
				t.Errorf("%s at step %d of 5: %g, want %g", text, step, got, want[i])
			}
		}
		if s.At(1, 5) != want[0] || s.At(5, 5) != want[2] {
			t.Errorf("%s misses its ends", text)
		}
		if again, err := ParseSchedule(s.String()); err != nil || again.String() != s.String() {
			t.Errorf("%s is written as %s, which reads as %v, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "x", "1:2:3:4", "1:0:exponential", "1:0.5:wavy", "-1", "NaN", "1e9", "0:1,0:2,1:3", "0.1:1,1:2", "0:1,", "inf"} {
		if s, err := ParseSchedule(text); err == nil {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

func TestMaskRules(t *testing.T) {
	pixels := image.NewGray(image.Rect(0, 0, 8, 4))
	pixels.Pix[pixels.PixOffset(1, 1)] = 255 // one pixel of token 0
	for y := range 4 {
		for x := 4; x < 8; x++ {
			pixels.Pix[pixels.PixOffset(x, y)] = 200 // all of token 1
		}
	}
	for rule, want := range map[Rule][]bool{Any: {true, true}, All: {false, true}} {
		m, err := FromPixels(pixels, 4, rule)
		if err != nil || !slices.Equal(m.Anew, want) {
			t.Errorf("%s: %v, %v", rule, m, err)
		}
	}
	if _, err := FromPixels(pixels, 3, Any); err == nil {
		t.Error("a mask that does not divide was read")
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"1.0:0.6:cosine", "0:1.0,0.5:0.9,1:0.6", "0.8", "::"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text)
		if err != nil {
			return
		}
		for step := 1; step <= 7; step++ {
			if v := s.At(step, 7); math.IsNaN(v) || v < 0 || v > largest {
				t.Errorf("%q is %g at step %d", text, v, step)
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	pixels := image.NewGray(image.Rect(0, 0, 1024, 1024))
	for b.Loop() {
		if _, err := FromPixels(pixels, 32, Any); err != nil {
			b.Fatal(err)
		}
	}
}

// A run taken up again from its frames goes the way it would have gone.
func TestPastGoesOn(t *testing.T) {
	p := open(t)
	whole, _ := sample(t, p, Start{N: 2, First: 3, Settings: settings()})
	var past []Frame
	for step := range 4 {
		past = append(past, whole.At(step))
	}
	again, stats := sample(t, p, Start{N: 2, First: 3, Settings: settings(), Past: past})
	if stats[0].Step != 4 || again.Len() != whole.Len() {
		t.Fatalf("took %d steps from step %d on, of %d", len(stats), stats[0].Step, whole.Len()-1)
	}
	for i, tokens := range last(whole) {
		if !slices.Equal(tokens, last(again)[i]) {
			t.Errorf("sample %d went another way", i)
		}
	}
	past[1].Tokens = past[1].Tokens[:1]
	if _, err := p.Start(Start{N: 2, Settings: settings(), Past: past}); err == nil {
		t.Error("a step that lacks a sample was accepted")
	}
}
