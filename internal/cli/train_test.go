package cli

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/picture"
)

func TestTrainExitCodes(t *testing.T) {
	empty := t.TempDir()
	small := t.TempDir()
	if err := picture.Save(filepath.Join(small, "a.png"), image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("name: x\nimage: {size: 32}\nvqgan: {stem: 3}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{0, "Draw landscapes", []string{"train", "scenes", "--help"}},
		{2, "required flag", []string{"train", "scenes"}},
		{2, "unknown command", []string{"smaple"}},
		{2, "unknown flag", []string{"train", "vqgan", "--wrong"}},
		{1, "no PNG, JPEG or WebP", []string{"train", "vqgan", "--recipe", "tiny", "--data", empty, "--out", t.TempDir()}},
		{1, "smaller than the crop", []string{"train", "vqgan", "--recipe", "tiny", "--data", small, "--out", t.TempDir()}},
		{1, "vqgan.", []string{"train", "vqgan", "--recipe", broken, "--data", small, "--out", t.TempDir()}},
		{1, "unknown backend", []string{"train", "vqgan", "--recipe", "tiny", "--backend", "abacus", "--data", small, "--out", t.TempDir()}},
		{1, "run `sundae train vqgan` first", []string{"train", "latents", "--recipe", "tiny", "--data", small, "--out", empty}},
		{1, "run `sundae train vqgan` first", []string{"train", "prior", "--recipe", "tiny", "--out", empty}},
		{1, "count must be at least 1, not 0", []string{"train", "scenes", "--count", "0", "--out", empty}},
		{1, "no model nosuch", []string{"train", "vqgan", "--recipe", "tiny", "--from", "nosuch", "--data", small, "--out", t.TempDir()}},
		{1, "the model vistas has f = 32 and 1024 codes, the recipe tiny f = 4 and 64 codes", []string{"train", "vqgan", "--recipe", "tiny", "--from", "vistas", "--data", small, "--out", t.TempDir()}},
		{2, "--all needs --from", []string{"train", "vqgan", "--recipe", "tiny", "--all", "--data", small, "--out", t.TempDir()}},
		{1, "no model nosuch", []string{"sample", "--model", "nosuch", "--out", empty}},
	} {
		code, out, messages := run(t, c.args...)
		if code != c.code || !strings.Contains(out+messages, c.says) {
			t.Errorf("sundae %s: exit code %d, want %d, with %q; it said:\n%s", strings.Join(c.args, " "), code, c.code, c.says, out+messages)
		}
		if last := strings.TrimSpace(messages); code == 1 && strings.Count(last[strings.LastIndex(last, "sundae: "):], "\n") > 0 {
			t.Errorf("sundae %s: the error is not one line:\n%s", strings.Join(c.args, " "), messages)
		}
	}
}

func TestScenesCommand(t *testing.T) {
	dir := t.TempDir()
	code, out, messages := run(t, "train", "scenes", "--out", dir, "--count", "8", "--size", "32", "--seed", "3")
	if code != 0 || !strings.Contains(out, "8 images drawn") {
		t.Fatalf("exit code %d:\n%s%s", code, out, messages)
	}
	if code, out, _ = run(t, "train", "scenes", "--out", dir, "--count", "8", "--size", "32", "--seed", "3"); code != 0 || !strings.Contains(out, "0 images drawn, 8 kept") {
		t.Errorf("a second run: exit code %d: %s", code, out)
	}
}
