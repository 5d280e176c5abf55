package recipe

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/train/prior"
	"sundae/train/vqgan"
)

// Tokenizer is what makes tokens of pictures: a VQ-GAN if it is empty, or Pixels.
type Tokenizer string

// Pixels is the tokenizer that takes the grey levels of pixels as tokens: f = 1, and there
// is no VQ-GAN. The author's code trains so on MNIST.
const Pixels Tokenizer = "pixels"

// The grey levels of the tokenizer Pixels: all that a byte has, unless the recipe says
// fewer.
const (
	minLevels     = 2
	defaultLevels = 256
)

// validateTokenizer reports the first setting that does not fit the tokenizer.
func (r Recipe) validateTokenizer() error {
	switch {
	case r.Tokenizer != "" && r.Tokenizer != Pixels:
		return fmt.Errorf("tokenizer must be pixels, or absent for a VQ-GAN, not %q", r.Tokenizer)
	case r.Tokenizer == "" && r.Levels != 0:
		return errors.New("levels is for grey levels as tokens: add tokenizer: pixels, or remove it")
	case r.Tokenizer == "":
		return nil
	case r.HasVQGAN():
		return errors.New("tokenizer: pixels takes grey levels as tokens: remove it, or the vqgan section")
	case r.Levels != 0 && (r.Levels < minLevels || r.Levels > defaultLevels):
		return fmt.Errorf("levels must be %d to %d, not %d", minLevels, defaultLevels, r.Levels)
	case r.Latents.Rate != 0:
		return errors.New("latents.rate must be 0: grey levels are not chosen by a prior")
	}
	return nil
}

// HasVQGAN reports whether the recipe describes a VQ-GAN. One without is for training a
// prior on the tokens of a model.
func (r Recipe) HasVQGAN() bool { return !reflect.ValueOf(r.VQGAN).IsZero() }

// NeedVQGAN returns an error if the recipe has no VQ-GAN.
func (r Recipe) NeedVQGAN() error {
	if r.HasVQGAN() {
		return nil
	}
	if r.Tokenizer == Pixels {
		return fmt.Errorf("the recipe %s has grey levels as tokens and no VQ-GAN to train: begin with `sundae train latents`", r.Name)
	}
	return fmt.Errorf("the recipe %s has no vqgan section: add one, or use the VQ-GAN of a model with --tokenizer", r.Name)
}

// WithTokenizer returns the recipe for a prior on the tokens of a model: image size, f, the
// number of codes and the VQ-GAN are those of the model instead of the recipe's own. The
// VQ-GAN is the one in the model's training record, and none if that has none that fits.
func (r Recipe) WithTokenizer(m bundle.Manifest) (Recipe, error) {
	r.Image.Size, r.Tokenizer, r.Levels, r.VQGAN = m.ImageSize, "", 0, vqgan.Config{}
	r.factor, r.vocabulary = m.Downsample, m.Vocabulary
	var recorded Recipe
	if err := yaml.Unmarshal([]byte(m.Training.Recipe), &recorded); err == nil {
		if v := recorded.VQGAN; len(v.Multipliers) > 0 && v.Factor() == m.Downsample && v.Vocabulary == m.Vocabulary {
			r.VQGAN = v
		}
		if recorded.Tokenizer == Pixels && m.Downsample == 1 && recorded.Vocabulary() == m.Vocabulary {
			r.Tokenizer, r.Levels = Pixels, recorded.Levels
		}
	}
	if err := r.Validate(); err != nil {
		return r, fmt.Errorf("the recipe %s doesn't fit the tokens of %s (%d×%d of %d codes): %w",
			r.Name, m.Name, m.Latent.Height, m.Latent.Width, m.Vocabulary, err)
	}
	return r, nil
}

// Factor is f, the side of a token's patch in pixels.
func (r Recipe) Factor() int {
	if r.factor > 0 {
		return r.factor
	}
	if r.Tokenizer == Pixels {
		return 1
	}
	return r.VQGAN.Factor()
}

// Vocabulary is the number of codes.
func (r Recipe) Vocabulary() int {
	if r.vocabulary > 0 {
		return r.vocabulary
	}
	if r.Tokenizer == Pixels {
		return cmp.Or(r.Levels, defaultLevels)
	}
	return r.VQGAN.Vocabulary
}

// Grid is the shape of the prior's data for the given number of classes.
func (r Recipe) Grid(classes int) prior.Grid {
	return prior.Grid{Height: r.Latent(), Width: r.Latent(), Vocabulary: r.Vocabulary(), Classes: classes}
}

// Latent is the side of the grid of tokens.
func (r Recipe) Latent() int { return r.Image.Size / r.Factor() }
