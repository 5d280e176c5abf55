package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/bundle"
)

// A prior can be trained on another model's tokens: its encoder and decoder go
// into the new bundle as they are, with the record of their training.
func TestBorrowedTokenizer(t *testing.T) {
	dir := sampleBundle(t, nil)
	lender, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	// The lender's recipe, with a shorter prior.
	text := strings.Replace(lender.Manifest.Training.Recipe, "name: tiny", "name: other", 1)
	recipe := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(recipe, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	data, out := t.TempDir(), t.TempDir()
	if code, _, talk := run(t, "train", "scenes", "--out", data, "--count", "40", "--size", "32"); code != 0 {
		t.Fatal(talk)
	}
	args := []string{"train", "all", "--recipe", recipe, "--tokenizer", dir, "--data", data, "--out", out}
	if code, _, talk := run(t, args...); code != 0 {
		t.Fatal(talk)
	}
	b, err := bundle.OpenFolder(filepath.Join(out, "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bundle.EncoderFile, bundle.DecoderFile} {
		if b.Manifest.Files[name] != lender.Manifest.Files[name] {
			t.Errorf("%s is not the lender's", name)
		}
	}
	if b.Manifest.Files[bundle.PriorFile] == lender.Manifest.Files[bundle.PriorFile] {
		t.Error("the prior is the lender's")
	}
	got, want := b.Manifest.Training, lender.Manifest.Training
	if got.Steps["vqgan"] != want.Steps["vqgan"] || got.Figures["vqgan_psnr"] != want.Figures["vqgan_psnr"] || !strings.Contains(got.Command, "--tokenizer "+lender.Manifest.Name) {
		t.Errorf("the record is %+v, the lender's %+v", got, want)
	}
	if code, _, talk := run(t, args...); code != 1 || !strings.Contains(talk, "--resume") {
		t.Errorf("over a finished run: exit code %d: %s", code, talk)
	}
	code, _, talk := run(t, "train", "latents", "--recipe", "tiny", "--tokenizer", dir, "--data", data, "--out", t.TempDir())
	if code != 1 || !strings.Contains(talk, "doesn't fit the recipe tiny") {
		t.Errorf("a tokenizer that doesn't fit: exit code %d: %s", code, talk)
	}
}
