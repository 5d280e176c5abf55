package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/train/latents"
	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// A prior can be trained on another model's tokens: its encoder and decoder go
// into the new bundle as they are, with the record of their training.
func TestPretrainedTokenizer(t *testing.T) {
	dir, original, r := pretrainedBundle(t)
	// The bundle's recipe, under another name and without a VQ-GAN.
	r.Name, r.Image, r.VQGAN = "other", recipe.Image{}, vqgan.Config{}
	text, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	recipe := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(recipe, text, 0o644); err != nil {
		t.Fatal(err)
	}
	data, out := t.TempDir(), t.TempDir()
	if code, _, messages := run(t, "train", "scenes", "--out", data, "--count", "40", "--size", "32"); code != 0 {
		t.Fatal(messages)
	}
	names := filepath.Join(t.TempDir(), "classes.txt")
	if err := os.WriteFile(names, []byte("a\nb\nc\nd\ne\nf\ng\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"train", "all", "--recipe", recipe, "--tokenizer", dir, "--data", data, "--out", out}
	labelled := append(slices.Clone(args), "--name", "mine", "--licence", "CC0", "--classes", names)
	if code, _, messages := run(t, labelled...); code != 1 || !strings.Contains(messages, "names for 7 classes, and the model has 8") {
		t.Errorf("too few class names: exit code %d: %s", code, messages)
	}
	if err := os.WriteFile(names, []byte("a\nb\nc\nd\ne\nf\ng\nh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, messages := run(t, labelled...); code != 0 {
		t.Fatal(messages)
	}
	b, err := bundle.OpenFolder(filepath.Join(out, "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	if m := b.Manifest; m.Name != "mine" || m.Licence != "CC0" || m.Description != "Trained by the recipe other on 40 pictures in 8 classes" || m.Classes[7] != "h" {
		t.Errorf("the model calls itself %+v", m)
	}
	for _, name := range []string{bundle.EncoderFile, bundle.DecoderFile} {
		if b.Manifest.Files[name] != original.Manifest.Files[name] {
			t.Errorf("%s is not the original", name)
		}
	}
	if b.Manifest.Files[bundle.PriorFile] == original.Manifest.Files[bundle.PriorFile] {
		t.Error("the prior is the original")
	}
	got, want := b.Manifest.Training, original.Manifest.Training
	if got.Steps["vqgan"] != want.Steps["vqgan"] || got.Figures["vqgan_psnr"] != want.Figures["vqgan_psnr"] || !strings.Contains(got.Command, "--tokenizer "+original.Manifest.Name) {
		t.Errorf("the record is %+v, of the original %+v", got, want)
	}
	if code, _, messages := run(t, args...); code != 1 || !strings.Contains(messages, "--resume") {
		t.Errorf("over a finished run: exit code %d: %s", code, messages)
	}
	if !strings.Contains(got.Recipe, "vocabulary: 16\n") {
		t.Errorf("the record's recipe has no VQ-GAN:\n%s", got.Recipe)
	}
	for _, stage := range []string{"vqgan", "latents"} {
		code, _, messages := run(t, "train", stage, "--recipe", recipe, "--data", data, "--out", t.TempDir())
		if code != 1 || !strings.Contains(messages, "the recipe other has no vqgan section") {
			t.Errorf("train %s without a VQ-GAN: exit code %d: %s", stage, code, messages)
		}
	}
	code, lines, messages := run(t, "train", "latents", "--recipe", "tiny", "--tokenizer", dir, "--data", data, "--out", t.TempDir())
	if code != 0 || !strings.Contains(lines, "of 16 codes") || !strings.Contains(messages, "16 codes), not of the recipe tiny (32 pixels, f = 4, 64 codes)") {
		t.Errorf("a tokenizer of another vocabulary: exit code %d: %s%s", code, lines, messages)
	}
	code, _, messages = run(t, "train", "prior", "--recipe", "ffhq256", "--tokenizer", "vistas", "--out", t.TempDir())
	if code != 1 || !strings.Contains(messages, "holds no latents") {
		t.Errorf("the published prior on the tokens of the default model: exit code %d: %s", code, messages)
	}
}

// openManifest is the manifest of the bundle in dir, which must open.
func openManifest(t *testing.T, dir string) bundle.Manifest {
	t.Helper()
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b.Manifest
}

// pretrainedBundle is a bundle's folder, the bundle and its recipe.
func pretrainedBundle(t *testing.T) (dir string, b *bundle.Bundle, r recipe.Recipe) {
	t.Helper()
	dir = sampleBundle(t, nil)
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(b.Manifest.Training.Recipe), &r); err != nil {
		t.Fatal(err)
	}
	return dir, b, r
}

// With latents.rate, the prior of the tokenizer's model chooses among close codes, and a
// prior can be trained on the result.
func TestEntropyConstrainedLatents(t *testing.T) {
	dir, original, r := pretrainedBundle(t)
	data := t.TempDir()
	if code, _, messages := run(t, "train", "scenes", "--out", data, "--count", "16", "--size", "32"); code != 0 {
		t.Fatal(messages)
	}
	r.Prior.Steps, r.Prior.HeldOut = 2, 4
	encoded := func(rate float64) []uint16 {
		t.Helper()
		r.Latents.Rate = rate
		text, err := yaml.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		file, out := filepath.Join(t.TempDir(), "expected.yaml"), t.TempDir()
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"latents", "--data", data}, {"prior", "--from", dir}} {
			args = append([]string{"train"}, append(args, "--recipe", file, "--tokenizer", dir, "--out", out)...)
			if code, _, messages := run(t, args...); code != 0 {
				t.Fatalf("sundae %s: %s", strings.Join(args, " "), messages)
			}
		}
		info, tokens, _, err := latents.Open(filepath.Join(out, "latents"))
		if err != nil || strings.Contains(info.Prior, original.Manifest.Name+", prior ") != (rate > 0) {
			t.Fatalf("latents of rate %g, chosen with the prior %q: %v", rate, info.Prior, err)
		}
		return tokens
	}
	closest, little, much := encoded(0), encoded(1e-6), encoded(0.2)
	differ := func(a, b []uint16) (n int) {
		for i := range a {
			if a[i] != b[i] {
				n++
			}
		}
		return n
	}
	if a, b := differ(closest, little), differ(closest, much); a > len(closest)/100 || b <= a || b == len(closest) {
		t.Errorf("%d of %d tokens are not the closest codes at rate 1e-6, %d at 0.2", a, len(closest), b)
	}
}

// A model's decoder is fine-tuned with its prior's tokens, and exported with that prior. A
// prior that was trained with another encoder is an error.
func TestFinetuneWithPrior(t *testing.T) {
	dir, original, r := pretrainedBundle(t)
	r.VQGAN.Discriminator.Start = r.VQGAN.Steps
	r.VQGAN.Finetune = vqgan.Finetune{Steps: 3, LearningRate: 1e-3, Weight: 0.5, Batch: 2, TokenAugmentation: 2}
	text, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "finetuned.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	data, out, finetuned := t.TempDir(), t.TempDir(), t.TempDir()
	for _, args := range [][]string{
		{"train", "scenes", "--out", data, "--count", "40", "--size", "32"},
		{"train", "vqgan", "--recipe", file, "--from", dir, "--data", data, "--out", out},
		{"train", "export", "--recipe", file, "--out", out, "--prior", dir, "--bundle", finetuned},
	} {
		if code, _, messages := run(t, args...); code != 0 {
			t.Fatalf("sundae %s: %s", strings.Join(args, " "), messages)
		}
	}
	b, err := bundle.OpenFolder(finetuned)
	if err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{bundle.PriorFile: true, bundle.EncoderFile: true, bundle.DecoderFile: false} {
		if (b.Manifest.Files[name] == original.Manifest.Files[name]) != same {
			t.Errorf("%s is the original: want %t", name, same)
		}
	}
	got, want := b.Manifest.Training, original.Manifest.Training
	if got.Steps["prior"] != want.Steps["prior"] || got.Figures["prior_loss"] != want.Figures["prior_loss"] || got.Steps["vqgan"] != want.Steps["vqgan"]+3 {
		t.Errorf("the record is %+v, of the original %+v", got, want)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	if code, _, messages := run(t, "train", "export", "--recipe", file, "--out", out, "--prior", "none", "--bundle", alone); code != 0 {
		t.Fatal(messages)
	}
	if m := openManifest(t, alone); m.HasPrior() || m.Description != "VQ-GAN of the recipe tiny, without a prior" || len(m.Classes) > 0 {
		t.Errorf("without its prior the model is %+v", m)
	}
	code, _, messages := run(t, "train", "export", "--recipe", file, "--out", out, "--prior", "vistas", "--bundle", t.TempDir())
	if code != 1 || !strings.Contains(messages, "another encoder") {
		t.Errorf("another model's prior: exit code %d: %s", code, messages)
	}
}
