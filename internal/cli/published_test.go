package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// From a published VQ-GAN to a model: a prior is trained on its tokens, samples and
// inpaints.
func TestFromPublishedVQGAN(t *testing.T) {
	published := filepath.Join("..", "..", "train", "vqgan", "testdata", "vq-f4-first-stage")
	work, file := t.TempDir(), filepath.Join(t.TempDir(), "short.yaml")
	imported, data, mine := filepath.Join(work, "imported"), filepath.Join(work, "data"), filepath.Join(work, "mine")
	_, _, r := pretrainedBundle(t)
	r.Name, r.Image, r.VQGAN = "short", recipe.Image{}, vqgan.Config{}
	r.Latents.Flips, r.Latents.Batch = false, 4
	r.Prior.Steps, r.Prior.Every, r.Prior.Batch, r.Prior.HeldOut, r.Prior.Unroll = 1, 1, 2, 2, 1
	text, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(data, "alpine", "alpine-000000.png")
	for _, args := range [][]string{
		{"import", "--vqgan", filepath.Join(published, "last.ckpt"), "--vqgan-config", filepath.Join(published, "model.yaml"), "--out", imported, "--licence", "MIT"},
		{"train", "scenes", "--out", data, "--count", "8", "--size", "32"},
		{"reconstruct", "--model", imported, "--image", picture, "--out", filepath.Join(work, "again.png")},
		{"train", "all", "--recipe", file, "--tokenizer", imported, "--data", data, "--out", mine},
		{"sample", "--model", filepath.Join(mine, "bundle"), "--n", "2", "--steps", "3", "--out", filepath.Join(work, "samples")},
		{"inpaint", "--model", filepath.Join(mine, "bundle"), "--image", picture, "--rect", "8,8,16,16", "--n", "1", "--steps", "3", "--out", filepath.Join(work, "inpainted")},
	} {
		if code, _, messages := run(t, args...); code != 0 {
			t.Fatalf("sundae %s: %s", strings.Join(args, " "), messages)
		}
	}
	m := openManifest(t, filepath.Join(mine, "bundle"))
	if from := openManifest(t, imported); m.Vocabulary != 48 || m.Downsample != 4 || len(m.Origin) == 0 || m.Origin[0] != from.Origin[0] {
		t.Errorf("the model is %+v", m)
	}
}
