package recipe

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/train/prior"
	"sundae/train/vqgan"
)

// HasVQGAN reports whether the recipe describes a VQ-GAN. One without is for training a
// prior on the tokens of a model.
func (r Recipe) HasVQGAN() bool { return !reflect.ValueOf(r.VQGAN).IsZero() }

// NeedVQGAN returns an error if the recipe has no VQ-GAN.
func (r Recipe) NeedVQGAN() error {
	if r.HasVQGAN() {
		return nil
	}
	return fmt.Errorf("the recipe %s has no vqgan section: add one, or use the VQ-GAN of a model with --tokenizer", r.Name)
}

// WithTokenizer returns the recipe for a prior on the tokens of a model: image size, f, the
// number of codes and the VQ-GAN are those of the model instead of the recipe's own. The
// VQ-GAN is the one in the model's training record, and none if that has none that fits.
func (r Recipe) WithTokenizer(m bundle.Manifest) (Recipe, error) {
	r.Image.Size, r.VQGAN = m.ImageSize, vqgan.Config{}
	r.factor, r.vocabulary = m.Downsample, m.Vocabulary
	var recorded Recipe
	if err := yaml.Unmarshal([]byte(m.Training.Recipe), &recorded); err == nil {
		if v := recorded.VQGAN; len(v.Multipliers) > 0 && v.Factor() == m.Downsample && v.Vocabulary == m.Vocabulary {
			r.VQGAN = v
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
	return r.VQGAN.Factor()
}

// Vocabulary is the number of codes.
func (r Recipe) Vocabulary() int {
	if r.vocabulary > 0 {
		return r.vocabulary
	}
	return r.VQGAN.Vocabulary
}

// Grid is the shape of the prior's data for the given number of classes.
func (r Recipe) Grid(classes int) prior.Grid {
	return prior.Grid{Height: r.Latent(), Width: r.Latent(), Vocabulary: r.Vocabulary(), Classes: classes}
}

// Latent is the side of the grid of tokens.
func (r Recipe) Latent() int { return r.Image.Size / r.Factor() }
