package published

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/gomlx/compute"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
	"sundae/train/pretrained"
	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// A model has at least two codes, and no more than fit a token.
const minCodes, maxCodes = 2, 1 << 16

// publishedVQGAN is a VQ-GAN in a checkpoint, with names and shapes checked.
type publishedVQGAN struct {
	file    string
	weights *pretrained.Weights
	model   *vqgan.Model
}

func (t *publishedVQGAN) name() string    { return "the VQ-GAN " + t.file }
func (t *publishedVQGAN) size() int       { return t.model.Size }
func (t *publishedVQGAN) side() int       { return t.model.Size / t.model.Config.Factor() }
func (t *publishedVQGAN) vocabulary() int { return t.model.Config.Vocabulary }

func (t *publishedVQGAN) export(writer compute.Backend) (encoder, decoder onnxfile.File, err error) {
	e, err := t.model.ExportEncoder(writer)
	if err != nil {
		return nil, nil, err
	}
	d, err := t.model.ExportDecoder(writer)
	return float32File{e}, float32File{d}, err
}

func (t *publishedVQGAN) onRead(f func(elements int)) { t.weights.OnRead(f) }
func (t *publishedVQGAN) close()                      { t.weights.Close() }

// openVQGAN opens the VQ-GAN of a checkpoint and its YAML.
func openVQGAN(path, config string) (*publishedVQGAN, error) {
	c, err := pretrained.ReadVQGANConfig(config)
	if err != nil {
		return nil, err
	}
	w, err := pretrained.Open(path)
	if err != nil {
		return nil, err
	}
	t := &publishedVQGAN{file: filepath.Base(path), weights: w}
	if t.model, err = t.open(c); err != nil {
		w.Close()
		return nil, err
	}
	return t, nil
}

func (t *publishedVQGAN) open(c pretrained.VQGANConfig) (*vqgan.Model, error) {
	c, err := c.Complete(t.weights)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", t.file, err)
	}
	if c.Vocabulary < minCodes || c.Vocabulary > maxCodes {
		return nil, fmt.Errorf("import %s: it has %d codes, and a model has %d to %d: choose another VQ-GAN", t.file, c.Vocabulary, minCodes, maxCodes)
	}
	training, err := training(c)
	if err != nil {
		return nil, err
	}
	model, err := vqgan.FromTaming(t.weights, training, c.Resolution)
	var mismatch *engine.MismatchError
	switch {
	case errors.As(err, &mismatch):
		return nil, differ(t.file, c.File, mismatch)
	case err != nil:
		return nil, fmt.Errorf("import %s: %w", t.file, err)
	}
	return model, nil
}

// base is the built-in recipe whose training settings imported networks get: those of
// taming-transformers and of the author's code.
const base = "ffhq256"

// training is the network of c with settings to train it further.
func training(c pretrained.VQGANConfig) (vqgan.Config, error) {
	r, err := recipe.Open(base)
	if err != nil {
		return vqgan.Config{}, err
	}
	v := r.VQGAN
	v.Network, v.Quantizer = vqgan.Taming, c.Quantizer
	v.Stem, v.StemChannels, v.Attention, v.Groups = 0, 0, false, 0
	v.Channels, v.Multipliers, v.Blocks, v.AttentionResolutions = c.Channels, c.Multipliers, c.Blocks, c.AttentionResolutions
	v.ZChannels, v.Embedding, v.Vocabulary = c.ZChannels, c.Embedding, c.Vocabulary
	v.Crop = c.Resolution
	v.Loss.Perceptual = nil // its weights are the user's
	if halved := 1 << v.Discriminator.Layers; c.Resolution < 3*halved || c.Resolution%halved != 0 {
		v.Discriminator = vqgan.Discriminator{} // it needs larger pictures
	}
	return v, nil
}

// recipe is a recipe to train the VQ-GAN further.
func (t *publishedVQGAN) recipe() (recipe.Recipe, error) {
	r, err := recipe.Open(base)
	r.Image.Size, r.VQGAN = t.model.Size, t.model.Config
	return r, err
}
