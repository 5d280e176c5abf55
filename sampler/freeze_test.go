package sampler

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"sundae/internal/onnxfile"
	"sundae/sampler/schedule"
)

// sleepy is a prior with two kinds of tokens: even ones never change, odd ones become
// even with probability 1/8. So samples settle one after the other.
func sleepy() toy {
	const v = 16
	m := toy{side: 8, v: v, ids: onnxfile.Int32, batch: onnxfile.Dynamic, values: slices.Repeat([]float32{-1e9}, v*v)}
	for row := range v {
		m.values[row*v+row] = 0
		if row%2 == 1 {
			m.values[row*v+row-1] = -2.08 // ln 1/8
		}
	}
	return m
}

// Samples that have settled leave the model's batch, and every sample gets the
// tokens that it gets in a run that never freezes.
func TestFreezingShrinksTheBatch(t *testing.T) {
	for name, p := range map[string]*Prior{"hand-made": sleepy().open(t), "trained": open(t)} {
		s := settings()
		s.Class = len(p.Classes)
		s.Steps, s.Temperature, s.MinSteps = 60, schedule.Schedule{Start: 1, Curve: schedule.Constant}, 10
		if name == "trained" {
			s.Temperature = schedule.Schedule{Start: 0.6, End: 0, Curve: schedule.Linear}
		}
		const n = 6
		whole, _ := sample(t, p, Start{N: n, Settings: s, From: Noise{}})
		s.Freeze = schedule.FreezeOn
		run, stats := sample(t, p, Start{N: n, Settings: s, From: Noise{}})
		froze := make([]int, n) // the step at which each sample froze
		batch := n
		for i, st := range stats {
			if st.Batch != batch {
				t.Errorf("%s: step %d ran %d samples, %d were live", name, st.Step, st.Batch, batch)
			}
			batch = n - st.Frozen
			for k := range n {
				unchanged := slices.Equal(run.At(i).Tokens[k], run.At(i + 1).Tokens[k])
				if froze[k] == 0 && st.Step >= s.MinSteps && unchanged {
					froze[k] = st.Step
				}
				want := whole.At(st.Step)
				if froze[k] > 0 {
					want = whole.At(froze[k])
				}
				if !slices.Equal(run.At(st.Step).Tokens[k], want.Tokens[k]) {
					t.Fatalf("%s: sample %d, which froze at step %d, goes another way at step %d", name, k, froze[k], st.Step)
				}
			}
		}
		if end := stats[len(stats)-1]; end.Frozen == 0 || !run.Done() {
			t.Errorf("%s: %d samples froze in %d steps", name, end.Frozen, len(stats))
		}
		if name == "hand-made" && (len(stats) == 60 || slices.Min(froze) == slices.Max(froze)) {
			t.Errorf("the run took %d steps, samples froze at %v", len(stats), froze)
		}
		var sizes []int
		for _, b := range p.batches {
			sizes = append(sizes, b.size)
		}
		if slices.Min(sizes) == n {
			t.Errorf("%s: the session saw batches of %v only", name, sizes)
		}
	}
}

// The published rule: from the first step after min_steps on, one step without a change
// freezes a sample. Its loop counts steps from 0 and looks from step min_steps on.
func TestFreezingUnchanged(t *testing.T) {
	// Arg-max never changes a token of this model, so the eleventh step is the last.
	p := sleepy().open(t)
	s := flat(60, 0)
	s.Freeze, s.MinSteps = schedule.FreezeUnchanged, 10
	if run, stats := sample(t, p, Start{N: 3, Settings: s, From: Noise{}}); !run.Done() || len(stats) != 11 || stats[9].Frozen != 0 || stats[10].Frozen != 3 {
		t.Errorf("the run took %d steps, %+v", len(stats), stats[len(stats)-1])
	}

	// At a low proportion, samples freeze where a run that never freezes first repeats.
	s = flat(200, 1)
	s.Proportion, s.MinSteps = schedule.Schedule{Start: 0.2, Curve: schedule.Constant}, 10
	const n = 6
	whole, _ := sample(t, p, Start{N: n, Settings: s, From: Noise{}})
	s.Freeze = schedule.FreezeUnchanged
	run, stats := sample(t, p, Start{N: n, Settings: s, From: Noise{}})
	longest := 0
	for k := range n {
		step := s.MinSteps
		for !slices.Equal(whole.At(step).Tokens[k], whole.At(step + 1).Tokens[k]) {
			step++
		}
		longest = max(longest, step+1)
		if !slices.Equal(last(run)[k], whole.At(step + 1).Tokens[k]) {
			t.Errorf("sample %d did not freeze at step %d", k, step+1)
		}
	}
	if len(stats) != longest {
		t.Errorf("the run took %d steps, its last sample froze at %d", len(stats), longest)
	}

	// The other rule finds samples that have frozen too early, and returns them.
	s.Freeze = schedule.FreezeOn
	if err := run.Set(s); err != nil || run.Done() {
		t.Errorf("no sample has returned, %v", err)
	}
	s.Freeze = schedule.FreezeUnchanged
	if err := run.Set(s); err != nil || !run.Done() {
		t.Errorf("some sample has returned, %v", err)
	}
	branch, err := run.Branch(run.Len()-1, s)
	if err != nil || !branch.Done() {
		t.Errorf("a branch from the end is not done, %v", err)
	}
}

// A change of what is drawn brings frozen samples back at the next step; any other
// change does not. A branch with the same settings keeps them frozen.
func TestThawing(t *testing.T) {
	for _, proportion := range []float64{1, 0.3} {
		thaws(t, proportion)
	}
}

func thaws(t *testing.T, proportion float64) {
	p := sleepy().open(t)
	s := flat(200, 1)
	s.Proportion.Start = proportion
	s.Freeze, s.MinSteps = schedule.FreezeOn, 10
	run, stats := sample(t, p, Start{N: 4, Settings: s, From: Noise{}})
	if !run.Done() || stats[len(stats)-1].Frozen != 4 {
		t.Fatalf("%+v", stats[len(stats)-1])
	}
	for step := range run.Len() {
		branch, err := run.Branch(step, s)
		if err != nil {
			t.Fatal(err)
		}
		for !branch.Done() {
			if _, err := branch.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if branch.Len() != run.Len() || !slices.EqualFunc(last(branch), last(run), slices.Equal) {
			t.Errorf("a branch from step %d took %d steps, not %d", step, branch.Len()-1, run.Len()-1)
		}
	}
	patient := s
	patient.MinSteps = 3
	if err := run.Set(patient); err != nil || !run.Done() {
		t.Errorf("another min_steps woke a sample up, %v", err)
	}
	hot := s
	hot.Temperature.Start = 2
	if err := run.Set(hot); err != nil || run.Done() {
		t.Errorf("another temperature left all frozen, %v", err)
	}
	if st, err := run.Step(t.Context()); err != nil || st.Batch != 4 || st.Temperature != 2 {
		t.Errorf("%+v, %v", st, err)
	}
}

// At a proportion p, one step without a change may not have drawn any token: a sample
// is frozen after 1/p such steps in a row, and not earlier.
func TestLowProportionFreezesLate(t *testing.T) {
	p := random(64, 1).open(t)
	s := flat(400, 1)
	s.Proportion, s.Freeze, s.MinSteps = schedule.Schedule{Start: 0.1, Curve: schedule.Constant}, schedule.FreezeOn, 10
	base := make([]uint16, p.Latent.Tokens())
	mask := &Mask{Height: p.Latent.Height, Width: p.Latent.Width, Masked: make([]bool, len(base))}
	mask.Masked[0], mask.Masked[1] = true, true // two masked tokens, of which most steps draw none
	run, stats := sample(t, p, Start{N: 8, Settings: s, From: Inpainting{Tokens: slices.Repeat([][]uint16{base}, 8), Mask: mask}})
	still := make([]int, 8)
	for _, st := range stats {
		for i := range still {
			if still[i] >= 10 && st.Step > s.MinSteps {
				continue // frozen
			}
			if still[i]++; st.Changed[i] > 0 {
				still[i] = 0
			}
		}
		frozen := 0
		for _, n := range still {
			if n >= 10 && st.Step >= s.MinSteps {
				frozen++
			}
		}
		if st.Frozen != frozen {
			t.Fatalf("step %d: %d samples are frozen, %d have been still for ten steps", st.Step, st.Frozen, frozen)
		}
	}
	if !run.Done() || len(stats) == 400 || stats[9].Frozen == 8 {
		t.Errorf("%d steps, %d of 8 samples frozen after ten", len(stats), stats[9].Frozen)
	}
}

// More samples than one call takes are computed in turn, with the same result.
func TestManySamples(t *testing.T) {
	p := sleepy().open(t)
	n := p.maxRows + 3
	s := flat(2, 1)
	many, stats := sample(t, p, Start{N: n, Settings: s, From: Noise{}})
	if stats[0].Batch != n || len(stats[0].Changed) != n {
		t.Errorf("%d samples, a batch of %d", n, stats[0].Batch)
	}
	for _, i := range []int{0, n - 4, n - 1} {
		one, _ := sample(t, p, Start{N: 1, First: i, Settings: s, From: Noise{}})
		if !slices.Equal(last(one)[0], last(many)[i]) {
			t.Errorf("sample %d of %d differs when it is drawn alone", i, n)
		}
	}
	if math.IsNaN(stats[1].Confidence) || stats[1].Confidence <= 0 || stats[1].Confidence > 1 {
		t.Errorf("the mean confidence is %g", stats[1].Confidence)
	}
}

// A step that is cancelled halfway is not taken, and the run continues as if it had
// not been tried.
func TestCancelledInMidStep(t *testing.T) {
	m := random(512, 1)
	p := m.open(t)
	start := Start{N: 64, Settings: flat(3, 1), From: Noise{}}
	want, _ := sample(t, p, start)
	run, err := p.Start(start)
	if err != nil {
		t.Fatal(err)
	}
	for delay := time.Duration(0); !run.Done(); delay += delay/2 + 50*time.Microsecond {
		ctx, cancel := context.WithCancel(t.Context())
		stop := time.AfterFunc(delay, cancel)
		before := run.Len()
		_, err := run.Step(ctx)
		stop.Stop()
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if taken := run.Len() - before; (err == nil) != (taken == 1) {
			t.Fatalf("a step that ended with %v left %d frames", err, taken)
		}
	}
	if !slices.EqualFunc(last(run), last(want), slices.Equal) {
		t.Error("a run that was interrupted went another way")
	}
}

// The stats count the tokens that differ between frames, and frames are never
// written to again, frozen samples included.
func TestStatsAndFrames(t *testing.T) {
	p := open(t)
	s := settings()
	s.Proportion.Start = 0.5
	run, err := p.Start(Start{N: 3, Settings: s, From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	var copies [][]uint16
	for !run.Done() {
		st, err := run.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i := range 3 {
			changed := 0
			for k, id := range run.At(st.Step).Tokens[i] {
				if id != run.At(st.Step - 1).Tokens[i][k] {
					changed++
				}
				c := run.At(st.Step).Confidence[i][k]
				if !(c >= 0 && c <= 1.001) {
					t.Fatalf("confidence %g", c)
				}
				sum += float64(c)
			}
			if changed != st.Changed[i] {
				t.Errorf("step %d changed %d tokens of sample %d, the stats say %d", st.Step, changed, i, st.Changed[i])
			}
			copies = append(copies, slices.Clone(run.At(st.Step).Tokens[i]))
		}
		if mean := sum / float64(3*p.Latent.Tokens()); math.Abs(mean-st.Confidence) > 1e-9 {
			t.Errorf("mean confidence %g, the stats say %g", mean, st.Confidence)
		}
		if st.Model <= 0 || st.Model > st.Took {
			t.Errorf("a step of %v, of which the model took %v", st.Took, st.Model)
		}
	}
	for i, tokens := range copies {
		if !slices.Equal(tokens, run.At(1 + i/3).Tokens[i%3]) {
			t.Errorf("frame %d was written to again", 1+i/3)
		}
	}
}
