package benchmark

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort"
	"sundae/internal/ort/orttest"
)

func TestFastest(t *testing.T) {
	for want, timings := range map[string][]Timing{
		"cuda":   {{Device: "cuda", Step: 2, Decode: 1}, {Device: "cpu", Step: 80, Decode: 150}},
		"cpu":    {{Device: "webgpu", Step: 90, Decode: 160}, {Device: "cpu", Step: 80, Decode: 150}},
		"webgpu": {{Device: "cuda", Step: 1, Fault: "it draws wrong tokens"}, {Device: "webgpu", Step: 5}, {Device: "cpu", Step: 80}},
	} {
		if got := fastest(timings); got != want {
			t.Errorf("%s of %+v, want %s", got, timings, want)
		}
	}
	if got := fastest([]Timing{{Device: "cuda", Fault: "it is broken"}}); got != ort.CPU {
		t.Errorf("%s where nothing works", got)
	}
}

// Devices are measured once. A device that fails, or computes something else than the
// CPU, keeps its fault.
func TestTimeDevices(t *testing.T) {
	rt, b, cache := orttest.Runtime(t), bundletest.Bundle(t), filepath.Join(t.TempDir(), "deep", "devices.json")
	devices := []ort.Device{{Device: "nosuch", OK: true}, {Device: ort.CPU, OK: true}}
	timings, err := timeDevices(t.Context(), b, rt, devices, ort.Options{Threads: 1}, cache, nil)
	if err != nil {
		t.Fatal(err)
	}
	cpu := timings[1]
	if !strings.Contains(timings[0].Fault, "no device") || cpu.Fault != "" || cpu.Step <= 0 || cpu.Decode <= 0 || fastest(timings) != ort.CPU {
		t.Errorf("measured %+v", timings)
	}
	again, err := timeDevices(t.Context(), b, rt, devices, ort.Options{Threads: 1}, cache, nil)
	if err != nil || again[0] != timings[0] || again[1] != cpu {
		t.Errorf("measured again: %+v, then %+v, %v", timings, again, err)
	}
	devices[1].Card = &ort.Card{Driver: "2"}
	if other, err := timeDevices(t.Context(), b, rt, devices, ort.Options{Threads: 1}, cache, nil); err != nil || other[1] == cpu {
		t.Errorf("with another driver the timings are the same: %+v, %v", other, err)
	}
	for _, text := range []string{"{", `{"a": 1}`, ""} {
		if err := os.WriteFile(cache, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := timeDevices(t.Context(), b, rt, devices[1:], ort.Options{Threads: 1}, cache, nil); err != nil {
			t.Errorf("a cache of %q: %v", text, err)
		}
	}
}

func TestWrongResults(t *testing.T) {
	rt, b := orttest.Runtime(t), bundletest.Bundle(t)
	cpu, err := measure(t.Context(), b, rt, ort.CPU, ort.Options{Threads: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cpu.compare(cpu); err != nil {
		t.Errorf("the CPU differs from itself: %v", err)
	}
	wrong := cpu
	wrong.tokens = make([]uint16, len(cpu.tokens))
	if err := wrong.compare(cpu); err == nil || !strings.Contains(err.Error(), "wrong tokens") {
		t.Errorf("other tokens: %v", err)
	}
	wrong = cpu
	image := *cpu.image
	image.Pix = make([]byte, len(image.Pix))
	wrong.image = &image
	if err := wrong.compare(cpu); err == nil || !strings.Contains(err.Error(), "wrong images") {
		t.Errorf("a black image: %v", err)
	}
}

// Without a prior, devices are compared by what they decode.
func TestWithoutPrior(t *testing.T) {
	rt, m, files := orttest.Runtime(t), bundletest.Bundle(t).Manifest, map[string][]byte{}
	for _, name := range []string{bundle.DecoderFile, bundle.EncoderFile} {
		files[name] = bundletest.Bundle(t).Model(name).Graph
	}
	m.Classes = nil
	dir := filepath.Join(t.TempDir(), "bare")
	if err := bundle.Write(dir, m, files); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := measure(t.Context(), b, rt, ort.CPU, ort.Options{Threads: 1}, nil)
	if err != nil || r.timing.Step != 0 || r.timing.Decode <= 0 || r.compare(r) != nil {
		t.Errorf("measured %+v, %v, %v", r.timing, err, r.compare(r))
	}
	wrong := r
	black := *r.image
	black.Pix = make([]byte, len(black.Pix))
	wrong.image = &black
	if err := wrong.compare(r); err == nil || !strings.Contains(err.Error(), "wrong images") {
		t.Errorf("a black image: %v", err)
	}
}
