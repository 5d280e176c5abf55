package sampler

import (
	"sundae/sampler/schedule"
	"testing"
	"time"
)

// A step allocates nothing on the Go side, but for a page of history every
// sixteenth.
func TestStepAllocatesNothing(t *testing.T) {
	p := open(t)
	s := settings()
	s.Steps = 1000
	run, err := p.Start(Start{N: 2, Settings: s, From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(500, func() {
		if _, err := run.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%g allocations a step", got)
	}
}

// BenchmarkStep shows what a step costs beside the model itself.
func BenchmarkStep(b *testing.B) {
	p := open(b)
	s := settings()
	s.Steps = schedule.MaxSteps
	var run *Run
	var took, model time.Duration
	b.ReportAllocs()
	for b.Loop() {
		if run == nil || run.Done() {
			var err error
			if run, err = p.Start(Start{N: 4, Settings: s, From: Noise{}}); err != nil {
				b.Fatal(err)
			}
		}
		stats, err := run.Step(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		took, model = took+stats.Took, model+stats.Model
	}
	b.ReportMetric(100*float64(took-model)/float64(took), "%go")
}

// BenchmarkStepSide is the Go side of a step of the largest model in use: 1024
// tokens, four samples, whose model takes a few hundred milliseconds.
func BenchmarkStepSide(b *testing.B) {
	const n, samples = 1024, 4
	p := &Prior{Vocabulary: 8192}
	p.Latent.Height, p.Latent.Width = 32, 32
	m := &batch{
		size: samples, tokens32: make([]int32, samples*n), uniform: make([]float32, samples*n), update: make([]bool, samples*n),
		temperature: make([]float32, samples), next: make([]int32, samples*n), confidence: make([]float32, samples*n),
	}
	r := &Run{prior: p, settings: settings()}
	before, after := frame(samples, n), frame(samples, n)
	stats := Stats{Step: 3, Proportion: 0.5, Changed: make([]int, samples)}
	b.ReportAllocs()
	for b.Loop() {
		for row := range samples {
			r.fill(m, row, row, before.Tokens[row], stats)
		}
		if err := r.collect(m, []int{0, 1, 2, 3}, before, after, &stats); err != nil {
			b.Fatal(err)
		}
	}
}

func frame(samples, n int) Frame {
	f := Frame{Tokens: make([][]uint16, samples), Confidence: make([][]float32, samples)}
	for i := range samples {
		f.Tokens[i], f.Confidence[i] = make([]uint16, n), make([]float32, n)
	}
	return f
}
