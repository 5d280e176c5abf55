// Package recipe reads training recipes: YAML files with every setting of a model and
// its training, so that anyone can repeat it.
package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/sampler/schedule"
	"sundae/train/prior"
	"sundae/train/vqgan"
)

// Recipe holds the settings of a model and its training, from pictures to bundle.
type Recipe struct {
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	Seed        uint64         `yaml:"seed"`
	Image       Image          `yaml:"image"`
	Tokenizer   Tokenizer      `yaml:"tokenizer,omitempty"`
	Levels      int            `yaml:"levels,omitempty"` // grey levels of tokenizer pixels, 256 if absent
	VQGAN       vqgan.Config   `yaml:"vqgan,omitempty"`
	Latents     Latents        `yaml:"latents"`
	Prior       prior.Config   `yaml:"prior"`
	Sampling    schedule.Patch `yaml:"sampling"`
	Licence     string         `yaml:"licence"`

	// Folder is where relative paths in the recipe start: the folder of its file or, for a
	// built-in recipe, the working directory, "".
	Folder string `yaml:"-"`

	factor, vocabulary int // of the model whose tokenizer is used, or 0: see WithTokenizer
}

// Latents says how pictures become the prior's data set (section 3.1 of 2206.12351).
type Latents struct {
	Flips bool `yaml:"flips"` // add the mirror image of each picture
	Batch int  `yaml:"batch"` // latents encoded at a time
	// Rate, if above 0, lets the prior of the model that the tokenizer comes from choose
	// among the codes close to the encoder's output. It is the squared distance that is
	// traded for one nat of log-probability.
	Rate float64 `yaml:"rate,omitempty"`
}

// Image is the size of the model's images.
type Image struct {
	Size int `yaml:"size"` // side in pixels; images are square
}

// Open reads the recipe in the file called name, or the built-in one of that name
// ("tiny", "vistas", ...).
func Open(name string) (Recipe, error) {
	folder := filepath.Dir(name)
	text, err := os.ReadFile(name)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR)) && !strings.ContainsAny(name, `/\.`) {
		if text, err = assets.Recipes.ReadFile(path.Join("recipes", name+".yaml")); err != nil {
			return Recipe{}, fmt.Errorf("no recipe file %s and no built-in recipe of that name (built-in: %s)", name, strings.Join(BuiltIn(), ", "))
		}
		folder = ""
	}
	if err != nil {
		return Recipe{}, fmt.Errorf("open recipe: %w", err)
	}
	r, err := Parse(text)
	if err != nil {
		return Recipe{}, fmt.Errorf("%s: %w", name, err)
	}
	r.Folder = folder
	return r, nil
}

// BuiltIn lists the names of the built-in recipes.
func BuiltIn() []string {
	entries, _ := assets.Recipes.ReadDir("recipes")
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}

// Parse reads a recipe strictly: keys that have been renamed, unknown keys and values of
// another type are errors.
func Parse(text []byte) (Recipe, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return Recipe{}, fmt.Errorf("read the recipe: %w", err)
	}
	if root.IsZero() {
		return Recipe{}, errors.New("the recipe is empty")
	}
	var r Recipe
	if err := check(&root, r); err != nil {
		return Recipe{}, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&r); err != nil {
		return Recipe{}, fmt.Errorf("read the recipe: %w", err)
	}
	return r, r.Validate()
}

// Validate reports the first setting that cannot work.
func (r Recipe) Validate() error {
	if r.Name == "" {
		return errors.New("name is missing")
	}
	ofModel := r.factor > 0
	if !ofModel && (r.HasVQGAN() || r.Tokenizer == Pixels) && (r.Image.Size < 8 || r.Image.Size > 1<<14) {
		return fmt.Errorf("image.size must be 8 to 16384, not %d", r.Image.Size)
	}
	if err := r.validateTokenizer(); err != nil {
		return err
	}
	if r.HasVQGAN() && !ofModel {
		if err := r.VQGAN.Validate(r.Image.Size); err != nil {
			return err
		}
	}
	if r.Latents.Batch < 1 {
		return fmt.Errorf("latents.batch must be at least 1, not %d", r.Latents.Batch)
	}
	if r.Latents.Rate < 0 {
		return fmt.Errorf("latents.rate must be at least 0, not %g", r.Latents.Rate)
	}
	if !r.HasVQGAN() && r.Tokenizer != Pixels && !ofModel {
		return nil // the prior is checked with the model whose tokens it is for
	}
	return r.Prior.Validate(r.Grid(0))
}
