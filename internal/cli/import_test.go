package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An imported model samples, reconstructs and inpaints; what cannot be imported is one
// sentence.
func TestImport(t *testing.T) {
	vqgan, prior := filepath.Join(root, "train", "vqgan", "testdata", "vq-f4-first-stage"), filepath.Join(root, "train", "prior", "testdata", "prior-class")
	out := t.TempDir()
	model, names := filepath.Join(out, "model"), filepath.Join(out, "classes.txt")
	if err := os.WriteFile(names, []byte("elm\nfir\nyew\noak\nash\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"import", "--vqgan", filepath.Join(vqgan, "last.ckpt"), "--vqgan-config", filepath.Join(vqgan, "model.yaml")}
	withPrior := append(args, "--prior", filepath.Join(prior, "sundae.pt"), "--prior-config", filepath.Join(prior, "config.toml"), "--classes", names, "--out", model)
	if code, lines, messages := run(t, withPrior...); code != 0 || !strings.Contains(lines, "model: 32×32 pixels, 8×8 tokens of 48 codes") {
		t.Fatalf("exit code %d: %s%s", code, lines, messages)
	}
	for _, c := range [][]string{
		{"sample", "--model", model, "--class", "yew", "--steps", "3", "--n", "2", "--out", filepath.Join(out, "samples")},
		{"inpaint", "--model", model, "--image", filepath.Join(out, "samples", "sample-0-0000.png"), "--rect", "0,0,16,16", "--steps", "3", "--out", filepath.Join(out, "inpainted")},
		{"reconstruct", "--model", model, "--image", filepath.Join(out, "samples", "grid.png"), "--out", filepath.Join(out, "again.png")},
	} {
		if code, _, messages := run(t, c...); code != 0 {
			t.Errorf("sundae %s: exit code %d: %s", strings.Join(c, " "), code, messages)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{withPrior, 1, "already holds a model: pass --force"},
		{append(args, "--prior-config", "config.toml", "--out", out), 2, "--prior-config needs --prior"},
		{[]string{"import", "--out", out}, 2, "import needs --vqgan and --vqgan-config or"},
		{[]string{"import", "--pixels", "--out", out}, 2, "--prior and --pixels"},
		{append(args, "--pixels", "--prior", "sundae.pt", "--out", out), 2, "leave out --vqgan"},
		{[]string{"import", "--vqgan", filepath.Join(prior, "sundae.pt"), "--vqgan-config", filepath.Join(vqgan, "model.yaml"), "--out", filepath.Join(out, "other")}, 1, "unexpected keys: class_emb.weight"},
	} {
		code, _, messages := run(t, c.args...)
		if last := messages[max(0, strings.LastIndex(messages, "sundae: ")):]; code != c.code || !strings.Contains(last, c.says) {
			t.Errorf("sundae %s: exit code %d: %s", strings.Join(c.args, " "), code, messages)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "other")); err == nil {
		t.Error("a failed import left a folder")
	}
}
