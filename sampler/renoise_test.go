package sampler

import (
	"math"
	"slices"
	"testing"

	"sundae/internal/onnxfile"
	"sundae/sampler/schedule"
)

// faithful is a prior that always draws the token that it sees.
func faithful(v int) toy {
	m := toy{side: 16, v: v, ids: onnxfile.Int32, batch: onnxfile.Dynamic, values: slices.Repeat([]float32{-1e9}, v*v)}
	for row := range v {
		m.values[row*v+row] = 0
	}
	return m
}

func constant(v float64) schedule.Schedule {
	return schedule.Schedule{Start: v, End: v, Curve: schedule.Constant}
}

// A share of the tokens is replaced by noise, uniform over the vocabulary, and no
// other token changes unless the proportion updates it.
func TestRenoiseIsUniform(t *testing.T) {
	const v, samples, share = 16, 32, 0.3
	p := faithful(v).open(t)
	s := flat(1, 1)
	s.Proportion, s.Renoise = constant(0), constant(share)
	base := make([]uint16, p.Latent.Tokens())
	run, stats := sample(t, p, Start{N: samples, Settings: s, From: Tokens(slices.Repeat([][]uint16{base}, samples))})
	if stats[0].Renoise != share {
		t.Errorf("the stats say %g", stats[0].Renoise)
	}
	count := make([]float64, v)
	for _, tokens := range last(run) {
		for _, id := range tokens {
			count[id]++
		}
	}
	n := float64(samples * len(base))
	for id, got := range count {
		want := n * share / v
		if id == 0 { // where nothing changed, too
			want += n * (1 - share)
		}
		if off := math.Abs(got - want); off > 5*math.Sqrt(want) {
			t.Errorf("token %d came up %g times in %g, not about %g", id, got, n, want)
		}
	}
}

// Re-noised tokens are drawn at any proportion, others are not.
func TestRenoisedAreDrawn(t *testing.T) {
	p := random(64, 1).open(t)
	s := flat(6, 1)
	s.Temperature, s.Proportion, s.Renoise = constant(0), constant(0), constant(0.25)
	run, stats := sample(t, p, Start{N: 4, Settings: s, From: Noise{}})
	for _, st := range stats {
		for i, changed := range st.Changed {
			if share := float64(changed) / float64(p.Latent.Tokens()); share < 0.1 || share > 0.4 {
				t.Errorf("step %d changed %.2f of sample %d, a quarter was re-noised", st.Step, share, i)
			}
		}
	}
	// At temperature 0 a token says from which one it was drawn: each of them was.
	drawn := map[uint16]bool{}
	m := random(64, 1)
	for row := range m.v {
		logits := m.values[row*m.v : (row+1)*m.v]
		drawn[uint16(slices.Index(logits, slices.Max(logits)))] = true
	}
	for i, id := range run.At(6).Tokens[0] {
		if id != run.At(5).Tokens[0][i] && !drawn[id] {
			t.Fatalf("token %d is the noise itself", id)
		}
	}
}

// When all tokens are re-noised nothing of the tokens before is left, and a run gives
// the same tokens in any batch, and in a branch.
func TestRenoiseForgets(t *testing.T) {
	p := open(t)
	s := settings()
	s.Proportion, s.Renoise = constant(0.5), schedule.Schedule{Start: 1, End: 0.2, Curve: schedule.Linear}
	noise, _ := sample(t, p, Start{N: 3, Settings: s, From: Noise{}})
	base := make([]uint16, p.Latent.Tokens())
	other, _ := sample(t, p, Start{N: 3, Settings: s, From: Tokens{base, base, base}})
	if !slices.EqualFunc(last(noise), last(other), slices.Equal) {
		t.Error("the start still matters after a step of re-noising 1")
	}
	alone, _ := sample(t, p, Start{N: 1, First: 2, Settings: s, From: Noise{}})
	if !slices.Equal(last(alone)[0], last(noise)[2]) {
		t.Error("a sample differs when it is drawn alone")
	}
	branch, err := noise.Branch(4, s)
	if err != nil {
		t.Fatal(err)
	}
	for !branch.Done() {
		if _, err := branch.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.EqualFunc(last(noise), last(branch), slices.Equal) {
		t.Error("a branch with the same settings goes elsewhere")
	}
	s.Renoise = schedule.Schedule{}
	if none, _ := sample(t, p, Start{N: 3, Settings: s, From: Noise{}}); slices.Equal(last(none)[0], last(noise)[0]) {
		t.Error("re-noising changed nothing")
	}
}

// Re-noised tokens count as drawn when freezing is decided.
func TestRenoiseFreezes(t *testing.T) {
	m := toy{side: 8, v: 4, ids: onnxfile.Int32, batch: onnxfile.Dynamic, values: slices.Repeat([]float32{0, -1e9, -1e9, -1e9}, 4)}
	p := m.open(t)
	s := flat(200, 1)
	s.Proportion, s.Renoise, s.Freeze = constant(0), constant(0.25), schedule.FreezeOn
	base := make([]uint16, p.Latent.Tokens())
	run, stats := sample(t, p, Start{N: 1, Settings: s, From: Tokens{base}})
	if !run.Done() || len(stats) != 4 {
		t.Errorf("a sample that can't change was frozen after %d steps of a quarter each", len(stats))
	}
}
