// Package benchmark measures how fast a model runs on this machine: a denoising
// step, decoding and whole samples, by batch size, and how much of the speed of
// plain matrix products on the same device the model reaches.
package benchmark

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/ort"
	"sundae/internal/progress"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Options say what to measure.
type Options struct {
	Model   ort.Options
	Prior   *sampler.Prior   // of the bundle, opened with Model
	Images  *decoder.Decoder // likewise
	Opened  time.Time        // when both were open
	Batches []int            // batch sizes, each 1 or more
	Steps   int              // steps of a sample; 0: as the model recommends
	Began   time.Time        // when the command started, for [Report]
}

// Report holds the measurements. Times are in milliseconds, memory is in MiB.
type Report struct {
	Model      string        `json:"model"`
	ImageSize  int           `json:"image_size"`
	Latent     bundle.Latent `json:"-"`
	Tokens     int           `json:"tokens"`
	Vocabulary int           `json:"vocabulary"`
	Steps      int           `json:"steps"`

	Device  string   `json:"device"`
	Skipped []string `json:"skipped_devices,omitempty"` // why other devices can't be used
	Library string   `json:"onnxruntime"`               // its version
	CPU     string   `json:"cpu"`
	Cores   int      `json:"cores"`
	Threads int      `json:"threads"`

	Opened        float64 `json:"open_ms"`                    // from the command's start until prior and decoder are open
	FirstImage    float64 `json:"first_picture_ms"`           // from the command's start to the image of the first step
	EveryStep     float64 `json:"sample_every_step_shown_ms"` // one sample, every step of it decoded
	Batches       []Batch `json:"batches"`                    // by rising size
	MatrixProduct Product `json:"matrix_product"`             // the device's speed limit
	Prior         Network `json:"prior,omitzero"`             // zero if its operations could not be counted
	Decoder       Network `json:"decoder,omitzero"`           // likewise
}

// Batch holds the times of one batch size.
type Batch struct {
	Size       int     `json:"batch"`
	Step       float64 `json:"step_ms"`   // median
	Overhead   float64 `json:"overhead"`  // share of a step spent outside the network, 0 to 1
	Decode     float64 `json:"decode_ms"` // median, per image
	Sample     float64 `json:"sample_ms"` // the whole batch, from noise to images
	Tokens     float64 `json:"tokens_per_second"`
	Samples    float64 `json:"samples_per_second"`
	PeakMemory float64 `json:"peak_mib"` // of the process so far
}

// Product is the speed of products of square matrices.
type Product struct {
	Size   int     `json:"side"`
	GFLOPS float64 `json:"gflops"`
}

// Network compares a network with plain matrix products.
type Network struct {
	GFLOP  float64 `json:"gflop"` // in the products and convolutions of one step, or one image
	GFLOPS float64 `json:"gflops"`
	Share  float64 `json:"share"` // of the speed of matrix products
}

// Run measures a model. Samples are not frozen, so that every step has the whole
// batch. Peak memory never falls, so small batches come first and the matrix
// products last.
func Run(ctx context.Context, b *bundle.Bundle, rt *ort.Runtime, o Options, reporter *progress.Reporter) (Report, error) {
	m := b.Manifest
	settings, err := sampler.Recommended(m)
	if err != nil {
		return Report{}, err
	}
	if o.Steps > 0 {
		settings.Steps = o.Steps
	}
	settings.Freeze = schedule.FreezeOff
	_, skipped := rt.AutoDevices()
	r := Report{
		Model: m.Name, ImageSize: m.ImageSize, Latent: m.Latent, Tokens: m.Latent.Tokens(), Vocabulary: m.Vocabulary, Steps: settings.Steps,
		Opened: milliseconds(o.Opened.Sub(o.Began)), Device: o.Prior.Device(), Skipped: skipped, Library: rt.Version(), CPU: cpuName(), Cores: runtime.NumCPU(), Threads: o.Model.Threads,
	}
	if r.Threads == 0 {
		r.Threads = r.Cores
	}
	sizes := slices.Compact(slices.Sorted(slices.Values(o.Batches)))
	bar := reporter.Bar("measuring", int64((len(sizes)+1)*settings.Steps), "steps")
	defer bar.Done()
	t := timer{o.Prior, o.Images, settings, bar}
	if r.EveryStep, r.FirstImage, err = t.everyStep(ctx, o.Began); err != nil {
		return Report{}, err
	}
	for _, size := range sizes {
		bar.Note("batch %d", size)
		batch, err := t.batch(ctx, size)
		if err != nil {
			return Report{}, fmt.Errorf("batch %d: %w", size, err)
		}
		r.Batches = append(r.Batches, batch)
	}
	bar.Note("matrix products")
	if r.MatrixProduct, err = timeProduct(ctx, rt.Opener(o.Model)); err != nil {
		return Report{}, err
	}
	first := r.Batches[0]
	for _, network := range []struct {
		file string
		ms   float64
		to   *Network
	}{
		{bundle.PriorFile, first.Step / float64(first.Size), &r.Prior}, {bundle.DecoderFile, first.Decode, &r.Decoder},
	} {
		flops, err := rt.CountFLOPs(b.Model(network.file))
		if err != nil { // operations that can't be counted; the times are still right
			reporter.Printf("%s: %v", network.file, err)
			continue
		}
		*network.to = r.MatrixProduct.compare(flops, network.ms)
	}
	return r, nil
}

// compare compares operations that took some milliseconds with matrix products.
func (p Product) compare(flops int64, ms float64) Network {
	gflop := float64(flops) / 1e9
	speed := gflop / (ms / 1000)
	return Network{gflop, speed, speed / p.GFLOPS}
}

// A timer measures sampling and decoding.
type timer struct {
	prior    *sampler.Prior
	images   *decoder.Decoder
	settings schedule.Settings
	bar      *progress.Bar
}

func (t timer) start(n int) (*sampler.Run, error) {
	return t.prior.Start(sampler.Start{N: n, Settings: t.settings, From: sampler.Noise{}})
}

// everyStep samples one image and decodes every step, as the app does. It returns
// the time of that, and the time from began to the first decoded image.
func (t timer) everyStep(ctx context.Context, began time.Time) (all, first float64, err error) {
	started := time.Now()
	run, err := t.start(1)
	if err != nil {
		return 0, 0, err
	}
	err = run.Finish(ctx, func(sampler.Stats) error {
		if _, err := t.images.Decode(ctx, run.Tokens()[0]); err != nil {
			return err
		}
		if first == 0 {
			first = milliseconds(time.Since(began))
		}
		t.bar.Add(1)
		return nil
	})
	return milliseconds(time.Since(started)), first, err
}

// decodeRounds is how often a batch is decoded. The first round also allocates.
const decodeRounds = 3

// batch samples n images and decodes them.
func (t timer) batch(ctx context.Context, n int) (Batch, error) {
	warmUp, err := t.start(n)
	if err != nil {
		return Batch{}, err
	}
	if _, err := warmUp.Step(ctx); err != nil { // the first call with a batch size allocates
		return Batch{}, err
	}
	began := time.Now()
	run, err := t.start(n)
	if err != nil {
		return Batch{}, err
	}
	var steps []time.Duration
	var took, model time.Duration
	err = run.Finish(ctx, func(stats sampler.Stats) error {
		steps = append(steps, stats.Took)
		took, model = took+stats.Took, model+stats.Model
		t.bar.Add(1)
		return nil
	})
	if err != nil {
		return Batch{}, err
	}
	sampled := time.Since(began)
	var decodes []time.Duration
	for range decodeRounds {
		began := time.Now()
		if _, err := t.images.DecodeAll(ctx, run.Tokens()); err != nil {
			return Batch{}, err
		}
		decodes = append(decodes, time.Since(began))
	}
	whole := sampled + decodes[0]
	step := median(steps)
	return Batch{
		Size: n, Step: milliseconds(step), Overhead: float64(took-model) / float64(took),
		Decode: milliseconds(median(decodes)) / float64(n), Sample: milliseconds(whole),
		Tokens:  float64(n*len(run.Tokens()[0])) / step.Seconds(),
		Samples: float64(n) / whole.Seconds(), PeakMemory: peakMemory(),
	}, nil
}

// median sorts times.
func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
