package train

import (
	"context"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/bundle"
	"sundae/internal/ort/orttest"
	"sundae/train/dataset"
	"sundae/train/engine"
	"sundae/train/recipe"
	"sundae/train/scenes"
	"sundae/train/vqgan"
)

func open(t *testing.T) compute.Backend {
	t.Helper()
	backend, err := engine.Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

func draw(t *testing.T, count, size int) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := scenes.Write(t.Context(), dir, scenes.Options{Count: count, Size: size, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTinyEndToEnd trains the tiny recipe, with fewer steps, on generated images and
// samples its bundle: the images of a class must have the colours of that class.
func TestTinyEndToEnd(t *testing.T) {
	r, err := recipe.Open("tiny")
	if err != nil {
		t.Fatal(err)
	}
	r.VQGAN.Steps, r.VQGAN.Codebook.Start, r.VQGAN.Discriminator.Start = 240, 80, 200
	r.Prior.Steps = 200
	backend := open(t)
	run := AllOptions{
		Run: Run{Recipe: r, Out: t.TempDir(), Backend: backend}, Data: []string{draw(t, 800, r.Image.Size)}, Writer: backend, Command: "sundae train all --recipe tiny",
	}
	m, err := All(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Classes, slices.Sorted(slices.Values(scenes.Classes()))) {
		t.Errorf("classes %v", m.Classes)
	}
	if _, err := bundle.OpenFolder(filepath.Join(run.Out, "bundle")); err != nil {
		t.Fatal(err)
	}
	samples := sampleBundle(t, filepath.Join(run.Out, "bundle"), 8)

	set, err := dataset.Open(run.Data...)
	if err != nil {
		t.Fatal(err)
	}
	means := make([][]float64, len(m.Classes))
	for class := range means {
		var n float64
		means[class] = make([]float64, histogramSize)
		for _, file := range set.Files {
			if file.Class != class {
				continue
			}
			p, err := file.Load(r.Image.Size)
			if err != nil {
				t.Fatal(err)
			}
			add(means[class], p)
			n++
		}
		for i := range means[class] {
			means[class][i] /= n
		}
	}
	for class, pictures := range samples {
		mean := make([]float64, histogramSize)
		for _, p := range pictures {
			add(mean, p)
		}
		for i := range mean {
			mean[i] /= float64(len(pictures))
		}
		own := distance(mean, means[class])
		for other := range means {
			if d := distance(mean, means[other]); other != class && d < 1.3*own {
				t.Errorf("samples of %s are %.3f from their class and %.3f from %s", m.Classes[class], own, d, m.Classes[other])
			}
		}
	}
	// Resuming a finished run writes the same bundle.
	run.Resume = true
	again, err := All(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range m.Files {
		if again.Files[name] != file {
			t.Errorf("%s differs when the finished run is run again", name)
		}
	}
	run.Resume = false
	if _, err := All(t.Context(), run); err == nil {
		t.Error("a second run over the first one's folder did not fail")
	}
}

// A coarse colour histogram: four levels of each of red, green and blue.
const histogramSize = 64

func add(histogram []float64, p *image.RGBA) {
	n := float64(p.Rect.Dx() * p.Rect.Dy())
	for at := 0; at < len(p.Pix); at += 4 {
		histogram[int(p.Pix[at]>>6)<<4|int(p.Pix[at+1]>>6)<<2|int(p.Pix[at+2]>>6)] += 1 / n
	}
}

func distance(a, b []float64) (sum float64) {
	for i := range a {
		sum += math.Abs(a[i] - b[i])
	}
	return sum
}

// killable is the environment variable that makes this test binary train the tiny recipe.
// TestKill starts such a process and kills it.
const killable = "SUNDAE_TEST_TRAIN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killable); dir != "" {
		if err := trainUntilKilled(dir); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func trainUntilKilled(dir string) error {
	r, err := recipe.Open("tiny")
	if err != nil {
		return err
	}
	r.VQGAN.Every = 2
	backend, err := engine.Open("onnx:cpu", os.Getenv("ONNXRUNTIME_SHARED_LIBRARY_PATH"))
	if err != nil {
		return err
	}
	run := Run{Recipe: r, Out: filepath.Join(dir, "run"), Backend: backend}
	_, err = VQGAN(context.Background(), VQGANOptions{Run: run, Data: []string{filepath.Join(dir, "data")}, Resume: true, Start: Random{}})
	return err
}

// TestKill kills a training process five times at arbitrary moments: the checkpoint can
// always be read, and each process continues where the one before was.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	if _, err := scenes.Write(t.Context(), filepath.Join(dir, "data"), scenes.Options{Count: 80, Size: 32, Seed: 1}, nil); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(dir, "run", vqgan.Checkpoint)
	library := orttest.Library(t)
	before := 0
	for attempt := range 5 {
		process := exec.Command(os.Args[0])
		process.Env = append(os.Environ(), killable+"="+dir, "ONNXRUNTIME_SHARED_LIBRARY_PATH="+library)
		var output strings.Builder
		process.Stderr = &output
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		// Wait until the process has saved something new, then a little longer.
		for waited := time.Duration(0); steps(t, checkpoint) <= before; waited += 20 * time.Millisecond {
			if waited > 2*time.Minute {
				t.Fatalf("process %d saved nothing: %s", attempt, output.String())
			}
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Duration(37*attempt) * time.Millisecond)
		process.Process.Kill()
		process.Wait()
		now := steps(t, checkpoint)
		if now < before {
			t.Fatalf("process %d went back from step %d to %d", attempt, before, now)
		}
		before = now
	}
}

// steps is the step of a checkpoint, 0 if there is none. A checkpoint must be readable.
func steps(t *testing.T, path string) int {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		return 0
	}
	meta, err := engine.Load(path, model.NewStore())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, digit := range meta["step"] {
		n = 10*n + int(digit-'0')
	}
	return n
}
