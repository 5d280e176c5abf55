package sampler

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort/orttest"
	"sundae/sampler/schedule"
)

func open(tb testing.TB) *Prior {
	tb.Helper()
	b := bundletest.Bundle(tb)
	p, err := Open(b, orttest.Opener(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

func settings() schedule.Settings {
	return schedule.Settings{
		Steps: 8, Temperature: schedule.Schedule{Start: 1, End: 0.5, Curve: schedule.Cosine}, Proportion: schedule.Schedule{Start: 1, Curve: schedule.Constant},
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
	five, _ := sample(t, p, Start{N: 5, Settings: settings(), From: Noise{}})
	for i, want := range last(five) {
		one, _ := sample(t, p, Start{N: 1, First: i, Settings: settings(), From: Noise{}})
		if !slices.Equal(last(one)[0], want) {
			t.Errorf("sample %d differs when it is drawn alone", i)
		}
	}
	if slices.Equal(last(five)[0], last(five)[1]) {
		t.Error("two samples are the same")
	}
	other := settings()
	other.Seed = 8
	if again, _ := sample(t, p, Start{N: 1, Settings: other, From: Noise{}}); slices.Equal(last(again)[0], last(five)[0]) {
		t.Error("two seeds gave the same sample")
	}
}

// Under any mask, at any proportion, by a model that samples and by one that
// leaves it to the host.
func TestKeptTokensNeverChange(t *testing.T) {
	for name, p := range map[string]*Prior{"in the graph": open(t), "on the host": random(64, 1).open(t)} {
		t.Run(name, func(t *testing.T) { keepsTokens(t, p) })
	}
}

func keepsTokens(t *testing.T, p *Prior) {
	rng := rand.New(rand.NewPCG(1, 2))
	n := p.Latent.Tokens()
	s := settings()
	s.Class = len(p.Classes)
	for i := range 10 {
		s.Proportion.Start, s.Renoise.Start = []float64{1, 0.5}[i%2], []float64{0, 0.3, 1}[i%3]
		mask := &Mask{Height: p.Latent.Height, Width: p.Latent.Width, Masked: make([]bool, n)}
		base := make([]uint16, n)
		for k := range base {
			mask.Masked[k], base[k] = rng.IntN(3) == 0, uint16(rng.IntN(p.Vocabulary))
		}
		run, _ := sample(t, p, Start{N: 2, Settings: s, From: Inpainting{Tokens: [][]uint16{base, base}, Mask: mask}})
		changed := false
		for step := range run.Len() {
			for _, tokens := range run.At(step).Tokens {
				for k, id := range tokens {
					if !mask.Masked[k] && id != base[k] {
						t.Fatalf("step %d changed the kept token %d", step, k)
					}
					changed = changed || id != base[k]
				}
			}
		}
		if !changed {
			t.Error("no masked token changed")
		}
	}
}

func TestBranchAndSet(t *testing.T) {
	p := open(t)
	run, _ := sample(t, p, Start{N: 2, Settings: settings(), From: Noise{}})
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
	changed.Temperature, changed.Steps = schedule.Schedule{Start: 3, Curve: schedule.Constant}, 5
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
	s.Steps, s.Temperature = 1, schedule.Schedule{Curve: schedule.Constant}
	base := make([]uint16, p.Latent.Tokens())
	a, stats := sample(t, p, Start{N: 1, Settings: s, From: Tokens{base}})
	s.Seed = 99
	b, _ := sample(t, p, Start{N: 1, Settings: s, From: Tokens{base}})
	if len(stats) != 1 || !slices.Equal(last(a)[0], last(b)[0]) {
		t.Error("at temperature 0 the seed matters")
	}
}

func TestCancelledStepLeavesTheRun(t *testing.T) {
	p := open(t)
	run, err := p.Start(Start{N: 1, Settings: settings(), From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Step(ctx); !errors.Is(err, context.Canceled) || run.Len() != 1 {
		t.Errorf("%d frames after a cancelled step, %v", run.Len(), err)
	}
}

// A run taken up again from its frames goes the way it would have gone.
func TestPastGoesOn(t *testing.T) {
	p := open(t)
	whole, _ := sample(t, p, Start{N: 2, First: 3, Settings: settings(), From: Noise{}})
	var past []Frame
	for step := range 4 {
		past = append(past, whole.At(step))
	}
	again, stats := sample(t, p, Start{N: 2, First: 3, Settings: settings(), From: Frames{Taken: past, Start: Noise{}}})
	if stats[0].Step != 4 || again.Len() != whole.Len() {
		t.Fatalf("took %d steps from step %d on, of %d", len(stats), stats[0].Step, whole.Len()-1)
	}
	for i, tokens := range last(whole) {
		if !slices.Equal(tokens, last(again)[i]) {
			t.Errorf("sample %d went another way", i)
		}
	}
	past[1].Tokens = past[1].Tokens[:1]
	if _, err := p.Start(Start{N: 2, Settings: settings(), From: Frames{Taken: past, Start: Noise{}}}); err == nil {
		t.Error("a step that lacks a sample was accepted")
	}
}
