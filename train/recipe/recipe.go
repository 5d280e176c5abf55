// Package recipe reads a training recipe: one YAML file that says everything
// about a model and its training, so that anyone can run it again.
package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/sampler/schedule"
	"sundae/train/prior"
	"sundae/train/vqgan"
)

// Recipe is a model and its training, from pictures to bundle.
type Recipe struct {
	Name        string         `yaml:"name"`
	Description string         `yaml:"description"`
	Seed        uint64         `yaml:"seed"`
	Image       Image          `yaml:"image"`
	VQGAN       vqgan.Config   `yaml:"vqgan"`
	Latents     Latents        `yaml:"latents"`
	Prior       prior.Config   `yaml:"prior"`
	Sampling    schedule.Patch `yaml:"sampling"`
	Licence     string         `yaml:"licence"`
}

// Latents says how the pictures become the prior's data set.
type Latents struct {
	Flips bool `yaml:"flips"` // add each picture's mirror image
	Batch int  `yaml:"batch"` // latents encoded at a time
	// Rate, if above 0, lets the prior of a model that lends its tokenizer choose among
	// the codes close to what the encoder says: the squared distance that a nat is worth.
	Rate float64 `yaml:"rate,omitempty"`
}

// Image is what the model draws.
type Image struct {
	Size int `yaml:"size"` // pixels a side; pictures are square
}

// Open reads the recipe in the file at name, or the built-in one called name
// ("tiny", "vistas", ...).
func Open(name string) (Recipe, error) {
	text, err := os.ReadFile(name)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR)) && !strings.ContainsAny(name, `/\.`) {
		if text, err = assets.Recipes.ReadFile(path.Join("recipes", name+".yaml")); err != nil {
			return Recipe{}, fmt.Errorf("no recipe file %s and no built-in one of that name (there are %s)", name, strings.Join(BuiltIn(), ", "))
		}
	}
	if err != nil {
		return Recipe{}, fmt.Errorf("open recipe: %w", err)
	}
	r, err := Parse(text)
	if err != nil {
		return Recipe{}, fmt.Errorf("recipe %s: %w", name, err)
	}
	return r, nil
}

// BuiltIn lists the recipes that are part of the program.
func BuiltIn() []string {
	entries, _ := assets.Recipes.ReadDir("recipes")
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}

// Parse reads a recipe strictly: an unknown key is an error that names its line.
func Parse(text []byte) (Recipe, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var r Recipe
	if err := decoder.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) {
			return Recipe{}, errors.New("the file is empty")
		}
		return Recipe{}, err
	}
	return r, r.Validate()
}

// Validate says in one sentence what cannot work.
func (r Recipe) Validate() error {
	if r.Name == "" {
		return errors.New("name is missing")
	}
	if r.Image.Size < 8 || r.Image.Size > 1<<14 {
		return fmt.Errorf("image.size must be 8 to 16384, not %d", r.Image.Size)
	}
	if err := r.VQGAN.Validate(r.Image.Size); err != nil {
		return err
	}
	if r.Latents.Batch < 1 {
		return fmt.Errorf("latents.batch must be at least 1, not %d", r.Latents.Batch)
	}
	if r.Latents.Rate < 0 {
		return fmt.Errorf("latents.rate must be at least 0, not %g", r.Latents.Rate)
	}
	return r.Prior.Validate(r.Grid(0))
}

// Grid is what the prior models, for pictures of the given number of classes.
func (r Recipe) Grid(classes int) prior.Grid {
	return prior.Grid{Height: r.Latent(), Width: r.Latent(), Vocabulary: r.VQGAN.Vocabulary, Classes: classes}
}

// Latent is the side of the token grid.
func (r Recipe) Latent() int { return r.Image.Size / r.VQGAN.Factor() }
