package tokenizer

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"sundae/internal/onnxfile"
	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// Trained is the tokenizer of a run. Its graphs are built at their first use.
type Trained struct {
	model   *vqgan.Model
	name    string
	backend compute.Backend
	encode  func(bytes []uint8, n int) ([]int32, error)
	decode  func(ids []int32, n int) ([]uint8, error)
}

// OpenCheckpoint opens the VQ-GAN checkpoint at path, of a run of the recipe.
func OpenCheckpoint(path string, r recipe.Recipe, backend compute.Backend) (*Trained, error) {
	model, err := vqgan.Open(path, r.VQGAN, r.Image.Size)
	if err != nil {
		return nil, err
	}
	// Decoder fine-tuning leaves the encoder, and so the latents, as they are.
	name := fmt.Sprintf("%s seed %d step %d", r.Name, r.Seed, min(model.Report.Step, r.VQGAN.Steps))
	return &Trained{model: model, name: name, backend: backend}, nil
}

// Name gives the recipe, the seed and the encoder's last step.
func (t *Trained) Name() string { return t.name }

// Encode implements Tokenizer. n must be the same at every call.
func (t *Trained) Encode(_ context.Context, bytes []uint8, n int) ([]int32, error) {
	if t.encode == nil {
		var err error
		if t.encode, err = t.model.Encoder(t.backend); err != nil {
			return nil, err
		}
	}
	return t.encode(bytes, n)
}

// Decode implements Tokenizer. n must be the same at every call.
func (t *Trained) Decode(_ context.Context, ids []int32, n int) ([]uint8, error) {
	if t.decode == nil {
		var err error
		if t.decode, err = t.model.Decoder(t.backend); err != nil {
			return nil, err
		}
	}
	return t.decode(ids, n)
}

// Export implements Tokenizer.
func (t *Trained) Export(writer compute.Backend) (encoder, decoder onnxfile.File, err error) {
	if encoder, err = t.model.ExportEncoder(writer); err != nil {
		return nil, nil, fmt.Errorf("export the encoder: %w", err)
	}
	if decoder, err = t.model.ExportDecoder(writer); err != nil {
		return nil, nil, fmt.Errorf("export the decoder: %w", err)
	}
	return encoder, decoder, nil
}

// Training implements Tokenizer.
func (t *Trained) Training() Training {
	r := t.model.Report
	round := func(v, scale float64) float64 { return math.Round(v*scale) / scale }
	return Training{Steps: r.Earlier + r.Step, Hours: round(r.Hours, 1e3), Figures: map[string]float64{
		"vqgan_l1": round(r.L1, 1e4), "vqgan_psnr": round(r.PSNR, 1e2), "vqgan_code_usage": round(r.CodeUsage, 1e3), "vqgan_perplexity": round(r.Perplexity, 10),
	}}
}

// Close implements Tokenizer. The graphs belong to the backend.
func (t *Trained) Close() {}
