package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/ort"
	"sundae/internal/progress"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// measure does what the command is for. The order matters: memory is the most of
// the process so far, so small batches come first and the matrices last.
func measure(ctx context.Context, talk *progress.Talk, b *bundle.Bundle, rt *ort.Runtime, o ort.Options, f benchFlags, began time.Time) (benchReport, error) {
	m := b.Manifest
	settings, err := sampler.Recommended(m)
	if err != nil {
		return benchReport{}, err
	}
	if f.steps > 0 {
		settings.Steps = f.steps
	}
	settings.Freeze = false
	open := rt.Opener(o)
	prior, err := sampler.Open(b, open)
	if err != nil {
		return benchReport{}, err
	}
	defer prior.Close()
	pictures, err := decoder.Open(b, open)
	if err != nil {
		return benchReport{}, err
	}
	defer pictures.Close()
	r := benchReport{
		Model: m.Name, Image: m.ImageSize, Latent: m.Latent, Tokens: m.Latent.Tokens(), Codes: m.Vocabulary, Steps: settings.Steps,
		Device: prior.Device(), Why: prior.Skipped(), Library: rt.Version(), CPU: cpuName(), Cores: runtime.NumCPU(), Threads: o.Threads,
	}
	if r.Threads == 0 {
		r.Threads = r.Cores
	}
	batches := slices.Compact(slices.Sorted(slices.Values(f.batches)))
	bar := talk.Bar("measuring", int64((len(batches)+1)*settings.Steps), "steps")
	defer bar.Done()
	if r.Shown, r.First, err = shown(ctx, bar, prior, pictures, settings, began); err != nil {
		return benchReport{}, err
	}
	for _, n := range batches {
		bar.Note("batch %d", n)
		batch, err := timeBatch(ctx, bar, prior, pictures, settings, n)
		if err != nil {
			return benchReport{}, fmt.Errorf("batch %d: %w", n, err)
		}
		r.Batches = append(r.Batches, batch)
	}
	bar.Note("matrix products")
	if r.Product, err = timeProduct(ctx, open); err != nil {
		return benchReport{}, err
	}
	first := r.Batches[0]
	for _, part := range []struct {
		file string
		ms   float64
		to   *benchShare
	}{
		{bundle.PriorFile, first.Step / float64(first.Batch), &r.Prior}, {bundle.DecoderFile, first.Decode, &r.Decoder},
	} {
		flops, err := rt.CountFLOPs(b.Model(part.file))
		if err != nil { // a model of other operations: its times are what counts
			talk.Printf("%s: %v", part.file, err)
			continue
		}
		*part.to = r.Product.share(flops, part.ms)
	}
	return r, nil
}

// shown samples one picture with every step decoded, as the app does. It returns
// how long that took and how long after began the first picture was there.
func shown(ctx context.Context, bar *progress.Bar, prior *sampler.Prior, pictures *decoder.Decoder, s schedule.Settings, began time.Time) (all, first float64, err error) {
	started := time.Now()
	run, err := prior.Start(sampler.Start{N: 1, Settings: s, From: sampler.Noise{}})
	if err != nil {
		return 0, 0, err
	}
	err = run.Finish(ctx, func(sampler.Stats) error {
		if _, err := pictures.Decode(ctx, run.Tokens()[0]); err != nil {
			return err
		}
		if first == 0 {
			first = milliseconds(time.Since(began))
		}
		bar.Add(1)
		return nil
	})
	return milliseconds(time.Since(started)), first, err
}

// timeBatch samples n pictures and decodes them.
func timeBatch(ctx context.Context, bar *progress.Bar, prior *sampler.Prior, pictures *decoder.Decoder, s schedule.Settings, n int) (benchBatch, error) {
	warm, err := prior.Start(sampler.Start{N: n, Settings: s, From: sampler.Noise{}})
	if err != nil {
		return benchBatch{}, err
	}
	if _, err := warm.Step(ctx); err != nil { // the first call of a batch plans its memory
		return benchBatch{}, err
	}
	began := time.Now()
	run, err := prior.Start(sampler.Start{N: n, Settings: s, From: sampler.Noise{}})
	if err != nil {
		return benchBatch{}, err
	}
	var steps []time.Duration
	var took, model time.Duration
	err = run.Finish(ctx, func(stats sampler.Stats) error {
		steps = append(steps, stats.Took)
		took, model = took+stats.Took, model+stats.Model
		bar.Add(1)
		return nil
	})
	if err != nil {
		return benchBatch{}, err
	}
	sampled := time.Now()
	var decodes []time.Duration
	for range decodeRounds {
		if _, err := pictures.DecodeAll(ctx, run.Tokens()); err != nil {
			return benchBatch{}, err
		}
		decodes = append(decodes, time.Since(sampled))
		sampled = time.Now()
	}
	whole := sampled.Sub(began)
	for _, more := range decodes[1:] { // a sample is decoded once
		whole -= more
	}
	step := median(steps)
	return benchBatch{
		Batch: n, Step: milliseconds(step), Go: float64(took-model) / float64(took),
		Decode: milliseconds(median(decodes)) / float64(n), Sample: milliseconds(whole),
		Tokens:  float64(n*len(run.At(0).Tokens[0])) / step.Seconds(),
		Samples: float64(n) / whole.Seconds(), Peak: peakMemory(),
	}, nil
}

// decodeRounds is how often a batch is decoded, the first time making room for it.
const decodeRounds = 3

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// The matrices: so many products of so large ones in a row that a device's way to
// and from them does not count. CPUs are at their best from 1024 on.
const (
	productSide   = 1024
	productChain  = 8
	productRounds = 5
)

// timeProduct multiplies plain matrices, and takes the best of some rounds.
func timeProduct(ctx context.Context, open inference.Opener) (benchProduct, error) {
	session, err := open(productModel(productSide, productChain))
	if err != nil {
		return benchProduct{}, fmt.Errorf("measure matrix products: %w", err)
	}
	defer session.Close()
	binding, err := session.Bind(1, nil)
	if err != nil {
		return benchProduct{}, fmt.Errorf("measure matrix products: %w", err)
	}
	defer binding.Close()
	x, err := inference.View[float32](binding, "x")
	if err != nil {
		return benchProduct{}, fmt.Errorf("measure matrix products: %w", err)
	}
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	var best time.Duration
	for range productRounds {
		began := time.Now()
		if err := binding.Run(ctx); err != nil {
			return benchProduct{}, fmt.Errorf("measure matrix products: %w", err)
		}
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
	}
	work := 2 * productChain * float64(productSide) * productSide * productSide
	return benchProduct{productSide, work / best.Seconds() / 1e9}, nil
}

// productModel is y = x w w ... w, chain times, for square matrices.
func productModel(side int64, chain int) []byte {
	values := make([]float32, side*side)
	for i := range values {
		values[i] = (float32(i*31%101) - 50) / 50 / float32(side) // small, or the products would overflow
	}
	shape := []int64{side, side}
	g := onnxfile.Graph{
		Name: "products", Weights: []onnxfile.Weight{onnxfile.Floats("w", shape, values)},
		Inputs:  []onnxfile.Tensor{{Name: "x", Type: onnxfile.Float32, Shape: shape}},
		Outputs: []onnxfile.Tensor{{Name: "y", Type: onnxfile.Float32, Shape: shape}},
	}
	last := "x"
	for i := range chain {
		next := "x" + strconv.Itoa(i)
		if i == chain-1 {
			next = "y"
		}
		g.Nodes = append(g.Nodes, onnxfile.Node{Op: "MatMul", In: []string{last, "w"}, Out: []string{next}})
		last = next
	}
	return g.Marshal()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// peakMemory is the most memory that this process has had, in MiB.
func peakMemory() float64 {
	// Linux counts in getrusage what the parent had before it became this program.
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
				return kib / 1024
			}
		}
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return float64(usage.Maxrss) / (1 << 20) // in bytes there
	}
	return float64(usage.Maxrss) / 1024
}

// cpuName is the processor's name, or its kind where the system does not say.
func cpuName() string {
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}
