package prior_test

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/train/engine"
	"sundae/train/prior"
	"sundae/train/recipe"
)

var published = flag.Bool("published", false, "run BenchmarkPublishedSize")

// BenchmarkPublishedSize makes the prior of the recipe ffhq1024, 747 M weights: it draws
// them, saves a checkpoint, reads it, exports the bundle's file, opens the bundle and takes
// two sampling steps. It reports the time, the processors' time and the peak of the memory of
// each, and is run by hand, where there are 12 GB of memory and 6 GB of disk:
//
//	go test -run '^$' -bench PublishedSize -benchtime 1x ./train/prior -published
func BenchmarkPublishedSize(b *testing.B) {
	if !*published {
		b.Skip("needs -published")
	}
	r, err := recipe.Open("ffhq1024")
	if err != nil {
		b.Fatal(err)
	}
	grid := r.Grid(0)
	backend, err := engine.Open("onnx:cpu", orttest.Library(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(backend.Finalize)
	dir := b.TempDir()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	stage := func(name string, work func()) {
		b.Helper()
		debug.FreeOSMemory()
		resetPeak()
		began, busy := time.Now(), cpuTime()
		work()
		b.ReportMetric(time.Since(began).Seconds(), name+"-s")
		b.ReportMetric(cpuTime()-busy, name+"-cpu-s")
		b.ReportMetric(peak(), name+"-GB")
	}
	for range b.N {
		checkpoint := filepath.Join(dir, prior.Checkpoint)
		var save func(path string) error
		stage("create", func() { save, err = prior.Initial(r.Prior, grid, r.Seed, backend); check(err) })
		stage("save", func() { check(save(checkpoint)) })
		save = nil
		var trained *prior.Model
		stage("load", func() { trained, err = prior.Open(checkpoint, r.Prior, grid); check(err) })
		check(os.Remove(checkpoint))

		folder := filepath.Join(dir, "bundle")
		stage("export", func() {
			draft, err := bundle.Create(folder)
			check(err)
			defer draft.Discard()
			file, err := trained.Export(backend)
			check(err)
			check(file.Write(b.Context(), draft.Folder(), bundle.PriorFile))
			for name, file := range others(r) {
				check(onnxfile.Model{Graph: file}.Write(b.Context(), draft.Folder(), name))
			}
			side := r.Latent()
			_, err = draft.Commit(bundle.Manifest{
				Name: r.Name, ImageSize: r.Image.Size, Downsample: r.Image.Size / side,
				Latent: bundle.Latent{Height: side, Width: side}, Vocabulary: grid.Vocabulary,
			})
			check(err)
		})
		trained = nil

		var opened *bundle.Bundle
		var drawn *sampler.Prior
		stage("read", func() { opened, err = bundle.OpenFolder(folder); check(err) })
		stage("open", func() { drawn, err = sampler.Open(opened, orttest.Opener(b)); check(err) })
		run, err := drawn.Start(sampler.Start{N: 1, From: sampler.Noise{}, Settings: schedule.Settings{Steps: 2, Proportion: schedule.DefaultProportion(2), Seed: 1}})
		check(err)
		stage("first-step", func() { _, err = run.Step(b.Context()); check(err) })
		stage("step", func() { _, err = run.Step(b.Context()); check(err) })
		drawn.Close()
	}
}

// others are an encoder and a decoder that nobody runs.
func others(r recipe.Recipe) map[string][]byte {
	h, s := int64(r.Latent()), int64(r.Image.Size)
	grid := onnxfile.Tensor{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{1, h, h}}
	planes := onnxfile.Tensor{Name: "image", Type: onnxfile.Float32, Shape: []int64{1, 3, s, s}}
	return map[string][]byte{
		bundle.DecoderFile: onnxfile.Graph{Inputs: []onnxfile.Tensor{grid}, Outputs: []onnxfile.Tensor{planes}}.Marshal(),
		bundle.EncoderFile: onnxfile.Graph{Inputs: []onnxfile.Tensor{planes}, Outputs: []onnxfile.Tensor{grid}}.Marshal(),
	}
}

// cpuTime is the processors' time of this process in seconds; NaN where the system does not
// tell.
func cpuTime() float64 {
	text, _ := os.ReadFile("/proc/self/stat")
	_, after, _ := strings.Cut(string(text), ") ") // behind the program's name
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return math.NaN()
	}
	return (number(fields[11]) + number(fields[12])) / 100 // user and system, in hundredths
}

// resetPeak lets peak measure from now on.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peak is the largest resident memory since resetPeak in GB, mapped files included; NaN
// where the system does not tell.
func peak() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return math.NaN()
	}
	return number(fields[0]) * 1024 / 1e9
}

func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}
