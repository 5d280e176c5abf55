// Package tokenizer is the VQ-GAN as the stages after its training use it: pictures
// to tokens, tokens to pictures, and the files of a bundle. It is the one that the
// run has trained, or one that was trained before, so that a prior can be trained
// on top of it alone.
package tokenizer

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// Tokenizer turns pictures of S×S pixels into h×w tokens and back.
type Tokenizer interface {
	// Name says which tokenizer it is: latents of another one don't fit.
	Name() string
	// Encode takes n pictures' bytes [n, S, S, 3] to tokens [n, h, w].
	Encode(bytes []uint8, n int) ([]int32, error)
	// Decode takes n grids of tokens [n, h, w] to pictures' bytes [n, S, S, 3].
	Decode(ids []int32, n int) ([]uint8, error)
	// Export returns encoder.onnx and decoder.onnx.
	Export(writer compute.Backend) (encoder, decoder []byte, err error)
	// Training says how it was trained.
	Training() Training
}

// Training is the record of a VQ-GAN's training, for the manifest.
type Training struct {
	Steps   int
	Hours   float64
	Figures map[string]float64 // last held-out figures, their names beginning with vqgan_
}

// trained is the tokenizer of a run. Its graphs are built when they are first used.
type trained struct {
	model   *vqgan.Model
	name    string
	backend compute.Backend
	encode  func(bytes []uint8, n int) ([]int32, error)
	decode  func(ids []int32, n int) ([]uint8, error)
}

// Open reads the checkpoint at path, of a run of the recipe.
func Open(path string, r recipe.Recipe, backend compute.Backend) (Tokenizer, error) {
	model, err := vqgan.Open(path, r.VQGAN, r.Image.Size)
	if err != nil {
		return nil, err
	}
	// Fine-tuning leaves the encoder, and with it the latents, as they are.
	name := fmt.Sprintf("%s seed %d step %d", r.Name, r.Seed, min(model.Report.Step, r.VQGAN.Steps))
	return &trained{model: model, name: name, backend: backend}, nil
}

func (t *trained) Name() string { return t.name }

func (t *trained) Encode(bytes []uint8, n int) ([]int32, error) {
	if t.encode == nil {
		var err error
		if t.encode, err = t.model.Encoder(t.backend); err != nil {
			return nil, err
		}
	}
	return t.encode(bytes, n)
}

func (t *trained) Decode(ids []int32, n int) ([]uint8, error) {
	if t.decode == nil {
		var err error
		if t.decode, err = t.model.Decoder(t.backend); err != nil {
			return nil, err
		}
	}
	return t.decode(ids, n)
}

func (t *trained) Export(writer compute.Backend) (encoder, decoder []byte, err error) {
	if encoder, err = t.model.ExportEncoder(writer); err != nil {
		return nil, nil, fmt.Errorf("export the encoder: %w", err)
	}
	if decoder, err = t.model.ExportDecoder(writer); err != nil {
		return nil, nil, fmt.Errorf("export the decoder: %w", err)
	}
	return encoder, decoder, nil
}

func (t *trained) Training() Training {
	r := t.model.Report
	round := func(v, scale float64) float64 { return math.Round(v*scale) / scale }
	return Training{Steps: r.Earlier + r.Step, Hours: round(r.Hours, 1e3), Figures: map[string]float64{
		"vqgan_l1": round(r.L1, 1e4), "vqgan_psnr": round(r.PSNR, 1e2), "vqgan_code_usage": round(r.CodeUsage, 1e3), "vqgan_perplexity": round(r.Perplexity, 10),
	}}
}
