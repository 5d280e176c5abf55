package recipe

import (
	"os"
	"path/filepath"
	"slices"
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
	for _, name := range []string{"tiny", "vistas", "photos256", "ffhq256", "ffhq1024", "ffhq1024-large", "celeba256", "imagenet256", "imagenet256-large", "mnist", "mnist-small"} {
		if !slices.Contains(BuiltIn(), name) {
			t.Errorf("recipe %s is not built in: %v", name, BuiltIn())
		}
	}
}

func TestImpossibleRecipes(t *testing.T) {
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"power of two":     {"stem: 2", "stem: 3"},
		"multiple of 4":    {"head_dim: 16", "head_dim: 10"},
		"does not divide":  {"groups: 8", "groups: 7"},
		"must be a square": {"downsample: 4", "downsample: 5"},
		"beam on line 4 is not a key of a recipe":                   {"name: tiny", "name: tiny\nbeam: 4"},
		"vqgan.loss.l3 on line 31 is not a key":                     {"loss: {l1: 1.0", "loss: {l3: 1.0"},
		"depth must be [before, middle, after]":                     {"depth: [1, 2, 1]", "depth: [1, 2]"},
		`vqgan.steps on line 24 must be a whole number, not "many"`: {"steps: 300", "steps: many"},
		`linear_shortcut on line 16 must be true or false`:          {"linear_shortcut: true", "linear_shortcut: perhaps"},
		`sampling.temperature: `:                                    {`temperature: "1.0:0.6:linear"`, "temperature: warm"},
		`must be a whole number, not "some"`:                        {"min_steps: 10", "min_steps: some"},
		"image on line 6 must have keys below it":                   {"  size: 32", ""},
		"image.size":         {"  size: 32", "  size: 33"},
		"prior.resample":     {"resample: linear", "resample: magic"},
		"prior.optimizer":    {"optimizer: muon", "optimizer: magic"},
		"prior.network":      {"depth: [1, 2, 1]", "network: magic\n  depth: [1, 2, 1]"},
		"prior.schedule":     {"optimizer: muon", "schedule: magic"},
		"prior.betas":        {"optimizer: muon", "betas: [0.9]"},
		"prior.partial":      {"unroll: 2", "unroll: 1\n  partial: 1"},
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

// TestGreyLevels: with tokenizer: pixels a token is a pixel and a code a grey level, and
// settings of a VQ-GAN are errors.
func TestGreyLevels(t *testing.T) {
	text, err := assets.Recipes.ReadFile("recipes/mnist.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Parse(text)
	if err != nil || r.Factor() != 1 || r.Latent() != 28 || r.Vocabulary() != 256 || r.HasVQGAN() {
		t.Fatalf("f = %d, %d×%d tokens, %d codes, %v", r.Factor(), r.Latent(), r.Latent(), r.Vocabulary(), err)
	}
	if err := r.NeedVQGAN(); err == nil || !strings.Contains(err.Error(), "begin with `sundae train latents`") {
		t.Errorf("a VQ-GAN of grey levels: %v", err)
	}
	const tokens = "tokenizer: pixels\nlevels: 256"
	for change, want := range map[[2]string]any{
		{tokens, "tokenizer: pixels"}:             256,
		{tokens, "tokenizer: pixels\nlevels: 16"}: 16,
		{tokens, "tokenizer: pixels\nlevels: 1"}:  "levels must be 2 to 256, not 1",
		{tokens, "tokenizer: vectors"}:            `tokenizer must be pixels, or absent for a VQ-GAN, not "vectors"`,
		{tokens, "levels: 16"}:                    "levels is for grey levels as tokens",
		{tokens, tokens + "\nvqgan: {stem: 1}"}:   "remove it, or the vqgan section",
		{"batch: 64", "batch: 64\n  rate: 0.1"}:   "latents.rate must be 0",
		{"size: 28", "size: 27"}:                  "does not divide",
	} {
		r, err := Parse([]byte(strings.Replace(string(text), change[0], change[1], 1)))
		switch want := want.(type) {
		case int:
			if err != nil || r.Vocabulary() != want {
				t.Errorf("%s: %d codes, %v", change[1], r.Vocabulary(), err)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: want an error with %q, got %v", change[1], want, err)
			}
		}
	}
}

// TestRenamedKeys: an older recipe gives one sentence with the new names of all its
// renamed keys.
func TestRenamedKeys(t *testing.T) {
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	old := strings.NewReplacer(
		"  ema: 0.98\n  loss:", "  average: 0.98\n  sharpen: {steps: 1, learning_rate: 1.0e-3, redraw: 4}\n  loss:",
		"proportion: ", "corruption: \"0.3:0\", proportion: ",
	).Replace(string(text))
	path := filepath.Join(t.TempDir(), "recipe.yaml")
	if err := os.WriteFile(path, []byte(old), 0o644); err != nil {
		t.Fatal(err)
	}
	want := path + ": vqgan.average is now vqgan.ema, vqgan.sharpen is now vqgan.finetune, vqgan.sharpen.redraw is now vqgan.finetune.token_augmentation, sampling.corruption is now sampling.renoise"
	if _, err := Open(path); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOpenFile(t *testing.T) {
	text, _ := assets.Recipes.ReadFile("recipes/tiny.yaml")
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := Open(path); err != nil || r.Latent() != 8 || r.Folder != filepath.Dir(path) {
		t.Errorf("latent side %d, folder %q, %v", r.Latent(), r.Folder, err)
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
			t.Error("Parse returned a recipe that does not validate")
		}
	})
}

// TestOpenBesideFolder: a folder with the name of a built-in recipe, such as a run's, does
// not hide the recipe.
func TestOpenBesideFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("tiny", 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := Open("tiny"); err != nil || r.Name != "tiny" || r.Folder != "" {
		t.Errorf("recipe %q, %v", r.Name, err)
	}
}
