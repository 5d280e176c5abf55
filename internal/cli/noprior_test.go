package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
)

// withoutPrior is the folder of a bundle with no prior, called name.
func withoutPrior(t *testing.T, name string) string {
	t.Helper()
	return sampleBundle(t, func(m *bundle.Manifest, files map[string][]byte) {
		m.Name, m.Classes, m.Sampling = name, nil, schedule.Patch{}
		m.Origin = []bundle.Origin{{Role: "vqgan", File: "last.ckpt", SHA256: strings.Repeat("0f", 32), Licence: "MIT"}}
		delete(files, bundle.PriorFile)
	})
}

// A model without a prior reconstructs. Where a prior is needed, one sentence says what to
// do.
func TestWithoutPrior(t *testing.T) {
	dir, out := withoutPrior(t, "faces"), t.TempDir()
	data := t.TempDir()
	if code, _, messages := run(t, "train", "scenes", "--out", data, "--count", "8", "--size", "32"); code != 0 {
		t.Fatal(messages)
	}
	picture := filepath.Join(data, "alpine", "alpine-000000.png")
	if code, lines, messages := run(t, "reconstruct", "--model", dir, "--image", picture, "--out", filepath.Join(out, "again.png")); code != 0 || !strings.Contains(lines, "PSNR") {
		t.Errorf("reconstruct: exit code %d: %s", code, messages)
	}
	code, lines, _ := run(t, "models", dir)
	for _, want := range []string{"faces: ", "prior       none: train one with `sundae train all --tokenizer " + dir, "imported    vqgan last.ckpt, SHA-256 0f0f0f0f0f0f…, licence MIT"} {
		if code != 0 || !strings.Contains(lines, want) {
			t.Errorf("%q is missing in\n%s", want, lines)
		}
	}
	rated := recipeFile(t, "name: rated\n", "latents:\n", "latents:\n  rate: 0.1\n")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"faces has no prior to sample with", []string{"sample", "--model", dir}},
		{"faces has no prior to sample with", []string{"inpaint", "--model", dir, "--image", picture, "--rect", "0,0,8,8"}},
		{"faces has no prior to sample with", []string{"bench", "--model", dir}},
		{"faces has no prior to start from", []string{"train", "prior", "--recipe", "tiny", "--tokenizer", dir, "--from", dir}},
		{"latents.rate needs a prior, and the model faces has none", []string{"train", "latents", "--recipe", rated, "--tokenizer", dir, "--data", data}},
		{"faces has no prior to export", []string{"train", "export", "--recipe", "tiny", "--tokenizer", dir, "--prior", dir, "--bundle", out + "/b"}},
	} {
		if c.args[0] != "bench" {
			c.args = append(c.args, "--out", out)
		}
		code, _, messages := run(t, c.args...)
		if last := messages[max(0, strings.LastIndex(messages, "sundae: ")):]; code != 1 || !strings.Contains(last, c.says) || strings.Count(last, "\n") != 1 {
			t.Errorf("sundae %s: exit code %d: %s", strings.Join(c.args, " "), code, messages)
		}
	}
}

// recipeFile writes the recipe tiny to a file under another name, after replacements.
func recipeFile(t *testing.T, name string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "assets", "recipes", "tiny.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "recipe.yaml")
	changed := strings.NewReplacer(append(oldnew, "name: tiny\n", name)...).Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
