package recipe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/assets"
)

func TestBuiltIn(t *testing.T) {
	for _, name := range BuiltIn() {
		if r, err := Open(name); err != nil || r.Name != name {
			t.Errorf("recipe %s: %q, %v", name, r.Name, err)
		}
	}
	if len(BuiltIn()) < 5 {
		t.Errorf("only %v are built in", BuiltIn())
	}
}

func TestImpossibleRecipes(t *testing.T) {
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"power of two":       {"stem: 2", "stem: 3"},
		"multiple of 4":      {"head_dim: 16", "head_dim: 10"},
		"does not divide":    {"groups: 8", "groups: 7"},
		"must be a square":   {"shortening: 4", "shortening: 5"},
		"field beam not":     {"name: tiny", "name: tiny\nbeam: 4"},
		"image.size":         {"  size: 32", "  size: 33"},
		"prior.resample":     {"resample: linear", "resample: magic"},
		"prior.optimizer":    {"optimizer: muon", "optimizer: magic"},
		"prior.partial":      {"unroll: 2", "unroll: 1\n  partial: 1"},
		"depth must be":      {"depth: [1, 2, 1]", "depth: [1, 2]"},
		"cannot unmarshal":   {"steps: 300", "steps: many"},
		"latents.batch must": {"flips: true\n  batch: 32", "flips: true\n  batch: 0"},
	} {
		broken := strings.Replace(string(text), change[0], change[1], 1)
		if broken == string(text) {
			t.Fatalf("the recipe holds no %q", change[0])
		}
		if _, err := Parse([]byte(broken)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestOpenFile(t *testing.T) {
	text, _ := assets.Recipes.ReadFile("recipes/tiny.yaml")
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := Open(path); err != nil || r.Latent() != 8 {
		t.Errorf("latent side %d, %v", r.Latent(), err)
	}
	if _, err := Open("nosuch"); err == nil || !strings.Contains(err.Error(), "vistas") {
		t.Errorf("a missing recipe should name the built-in ones: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	text, _ := assets.Recipes.ReadFile("recipes/tiny.yaml")
	f.Add(text)
	f.Add([]byte("prior: {depth: [1, [1, [1, 2, 1], 1], 1]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := Parse(text); err == nil && r.Validate() != nil {
			t.Error("a recipe was read that does not validate")
		}
	})
}

// A folder that is called like a built-in recipe, as a run's may be, is no recipe.
func TestOpenBesideAFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("tiny", 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := Open("tiny"); err != nil || r.Name != "tiny" {
		t.Errorf("recipe %q, %v", r.Name, err)
	}
}
