package bundle

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sundae/internal/progress"
	"sundae/sampler/schedule"
)

func manifest() Manifest {
	return Manifest{
		Name: "test", ImageSize: 64, Downsample: 8, Latent: Latent{8, 8}, Vocabulary: 32, Classes: []string{"a", "b"},
		Sampling: schedule.PatchOf(schedule.Default(2), []string{"a", "b"}),
		Training: Training{Recipe: "name: test\n", Steps: map[string]int{"prior": 5}, Figures: map[string]float64{"loss": 1.5}},
	}
}

func write(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := Write(dir, manifest(), models(unchanged)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRoundTrip(t *testing.T) {
	b, err := OpenFolder(write(t))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Model(DecoderFile).Graph, models(unchanged)[DecoderFile]) {
		t.Error("the decoder was changed")
	}
	want := manifest()
	want.Format, want.Files = Format, b.Manifest.Files
	if !reflect.DeepEqual(b.Manifest, want) {
		t.Errorf("manifest %+v, want %+v", b.Manifest, want)
	}
}

// A bundle without a prior opens, and says what to do where one is needed.
func TestWithoutPrior(t *testing.T) {
	m, files := manifest(), models(unchanged)
	m.Classes, m.Sampling = nil, schedule.Patch{}
	m.Origin = []Origin{{Role: "vqgan", File: "last.ckpt", SHA256: strings.Repeat("0f", 32), Licence: "MIT"}}
	delete(files, PriorFile)
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := Write(dir, m, files); err != nil {
		t.Fatal(err)
	}
	b, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.HasPrior() || !reflect.DeepEqual(b.Manifest.Origin, m.Origin) {
		t.Errorf("manifest %+v", b.Manifest)
	}
	if err := b.Manifest.NeedPrior(); err == nil || !strings.Contains(err.Error(), "test has no prior") {
		t.Errorf("a bundle without a prior where one is needed: %v", err)
	}
	with, err := OpenFolder(write(t))
	if err != nil || !with.Manifest.HasPrior() || with.Manifest.NeedPrior() != nil {
		t.Errorf("a bundle with a prior: %v, %v", err, with.Manifest.NeedPrior())
	}
}

func TestBadManifests(t *testing.T) {
	files := models(unchanged)
	for want, harm := range map[string]func(m *Manifest){
		"files has no prior.onnx":   func(m *Manifest) { delete(files, PriorFile) },
		"no_any_class needs":        func(m *Manifest) { m.Classes, m.NoAnyClass = nil, true },
		"origin needs a role":       func(m *Manifest) { m.Origin = []Origin{{File: "a", SHA256: strings.Repeat("0f", 32)}} },
		"a file and its SHA-256":    func(m *Manifest) { m.Origin = []Origin{{Role: "vqgan", File: "a", SHA256: "0f"}} },
		"files has no decoder.onnx": func(m *Manifest) { delete(files, DecoderFile) },
	} {
		m := manifest()
		files = models(unchanged)
		harm(&m)
		if err := Write(filepath.Join(t.TempDir(), "bundle"), m, files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestBadBundles(t *testing.T) {
	for want, harm := range map[string]func(dir string){
		"prior.onnx is not the file":   func(dir string) { os.Truncate(filepath.Join(dir, PriorFile), 50) },
		"encoder.onnx is not the file": func(dir string) { appendTo(filepath.Join(dir, EncoderFile), "x") },
		"decoder.onnx":                 func(dir string) { os.Remove(filepath.Join(dir, DecoderFile)) },
		"there is no model.yaml":       func(dir string) { os.Remove(filepath.Join(dir, ManifestFile)) },
		"read model.yaml":              func(dir string) { os.Truncate(filepath.Join(dir, ManifestFile), 120) },
		"model.yaml: it is empty":      func(dir string) { os.Truncate(filepath.Join(dir, ManifestFile), 0) },
		"unknown key surprise":         func(dir string) { appendTo(filepath.Join(dir, ManifestFile), "surprise: 1\n") },
		"every class needs a different name": func(dir string) {
			text, _ := os.ReadFile(filepath.Join(dir, ManifestFile))
			os.WriteFile(filepath.Join(dir, ManifestFile), []byte(strings.Replace(string(text), "- b", "- a", 1)), 0o644)
		},
		"latent 8×8": func(dir string) {
			text, _ := os.ReadFile(filepath.Join(dir, ManifestFile))
			os.WriteFile(filepath.Join(dir, ManifestFile), []byte(strings.Replace(string(text), "image_size: 64", "image_size: 65", 1)), 0o644)
		},
	} {
		dir := write(t)
		harm(dir)
		if _, err := OpenFolder(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func appendTo(path, text string) {
	data, _ := os.ReadFile(path)
	os.WriteFile(path, append(data, text...), 0o644)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("format: 1\nname: x\nimage_size: 64\ndownsample: 8\nlatent: {height: 8, width: 8}\nvocabulary: 32\n"))
	f.Add([]byte("format: [1]"))
	f.Add([]byte("format: 2\nname: x\nsampling: {steps: 3, renoise: 0.3:0, freeze: off}\n"))
	f.Add([]byte("format: 1\nsampling: {steps: 3, corruption: 0.3:0, temperature: \"\"}\ntraining: {figures: {vqgan_live: 1}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := Parse(text); err == nil && m.Validate() != nil {
			t.Error("a manifest was read that does not validate")
		}
	})
}

// A manifest of format 1 opens with today's names, and an empty recommendation as none.
func TestFormat1(t *testing.T) {
	const rest = "name: x\nimage_size: 64\ndownsample: 8\nlatent: {height: 8, width: 8}\nvocabulary: 32\n" +
		"files: {prior.onnx: {}, decoder.onnx: {}, encoder.onnx: {}}\n"
	m, err := Parse([]byte("format: 1\n" + rest + `
sampling: {steps: 96, temperature: "0.8:0.3", proportion: "", corruption: "0.3:0", min_steps: 0, freeze: true}
training: {figures: {vqgan_live: 0.98, prior_loss: 1}}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := m.Sampling
	if m.Format != Format || *s.Steps != 96 || s.Renoise.String() != "0.3:0:linear" || s.Proportion != nil || *s.MinSteps != 0 || *s.Freeze != schedule.FreezeOn {
		t.Errorf("read as %+v", m)
	}
	if f := m.Training.Figures; f["vqgan_code_usage"] != 0.98 || len(f) != 2 {
		t.Errorf("figures %v", f)
	}
	m, err = Parse([]byte("format: 1\n" + rest + `sampling: {steps: 0, temperature: "", proportion: "", min_steps: 0, freeze: false}`))
	if err != nil || !reflect.DeepEqual(m.Sampling, schedule.Patch{}) {
		t.Errorf("an empty recommendation is %+v, %v", m.Sampling, err)
	}
	for text, want := range map[string]string{
		"format: 3\n" + rest: "format 3 cannot be read: this program reads formats 1 and 2",
		"format: 2\n" + rest + "sampling: {corruption: 0.1}\n": "corruption",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// Reading external data ends when its context is cancelled, and says nothing where there is little to read.
func TestOpenStops(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	if _, err := draft(t, dir).Commit(manifest()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := inFolder(dir).Open(ctx, progress.New(&out, false)); !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Errorf("a cancelled open gave %v and said %q", err, out.String())
	}
}
