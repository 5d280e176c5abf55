package cli

import (
	"context"
	"fmt"
	"image"
	"strings"

	"github.com/gomlx/compute"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/ort"
	"sundae/train/prior"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
	"sundae/train/vqgan"
)

// vqganFiles are the encoder and decoder of a bundle.
func vqganFiles(b *bundle.Bundle, writer compute.Backend) *vqgan.Files {
	return &vqgan.Files{
		Encoder: b.Model(bundle.EncoderFile), Decoder: b.Model(bundle.DecoderFile),
		Steps: b.Manifest.Training.Steps["vqgan"], Hours: b.Manifest.Training.Hours["vqgan"], Writer: writer,
	}
}

// priorFile is the prior of the bundle called name.
func priorFile(a *app, name string, writer compute.Backend) (*prior.File, error) {
	b, err := a.bundle(name)
	if err != nil {
		return nil, err
	}
	return priorOf(b, writer), nil
}

// priorOf is the prior of a bundle.
func priorOf(b *bundle.Bundle, writer compute.Backend) *prior.File {
	t := b.Manifest.Training
	return &prior.File{ONNX: b.Model(bundle.PriorFile), Steps: t.Steps["prior"], Hours: t.Hours["prior"], Writer: writer}
}

// borrowed is the encoder and decoder of a bundle, for a prior of one's own.
type borrowed struct {
	ctx      context.Context
	bundle   *bundle.Bundle
	pictures *decoder.Decoder
}

// borrow opens the tokenizer of the bundle called name, if it fits the recipe.
func borrow(ctx context.Context, a *app, name string, r recipe.Recipe) (*borrowed, error) {
	b, err := a.bundle(name)
	if err != nil {
		return nil, err
	}
	m := b.Manifest
	if m.ImageSize != r.Image.Size || m.Downsample != r.VQGAN.Factor() || m.Vocabulary != r.VQGAN.Vocabulary {
		return nil, fmt.Errorf("the tokenizer of %s (%d pixels, f = %d, %d codes) doesn't fit the recipe %s (%d pixels, f = %d, %d codes)",
			m.Name, m.ImageSize, m.Downsample, m.Vocabulary, r.Name, r.Image.Size, r.VQGAN.Factor(), r.VQGAN.Vocabulary)
	}
	rt, err := a.runtime(ctx)
	if err != nil {
		return nil, err
	}
	pictures, err := decoder.Open(b, rt.Opener(ort.Options{Device: ort.CPU, Threads: a.config.Threads}))
	if err != nil {
		return nil, err
	}
	return &borrowed{ctx, b, pictures}, nil
}

func (t *borrowed) Close() { t.pictures.Close() }

// Name names the encoder's file, whose latents they are.
func (t *borrowed) Name() string {
	return fmt.Sprintf("%s, encoder %.12s", t.bundle.Manifest.Name, t.bundle.Manifest.Files[bundle.EncoderFile].SHA256)
}

func (t *borrowed) Encode(bytes []uint8, n int) ([]int32, error) {
	side := t.pictures.Size()
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	var out []int32
	for range n {
		for i := range side * side {
			copy(picture.Pix[4*i:4*i+3], bytes[3*i:])
			picture.Pix[4*i+3] = 255
		}
		bytes = bytes[3*side*side:]
		tokens, err := t.pictures.Encode(t.ctx, picture)
		if err != nil {
			return nil, err
		}
		for _, id := range tokens {
			out = append(out, int32(id))
		}
	}
	return out, nil
}

func (t *borrowed) Decode(ids []int32, n int) ([]uint8, error) {
	var out []uint8
	for i := range n {
		tokens := make([]uint16, len(ids)/n)
		for k := range tokens {
			tokens[k] = uint16(ids[i*len(tokens)+k])
		}
		picture, err := t.pictures.Decode(t.ctx, tokens)
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(picture.Pix); i += 4 {
			out = append(out, picture.Pix[i:i+3]...)
		}
	}
	return out, nil
}

func (t *borrowed) Export(compute.Backend) (encoder, decoder []byte, err error) {
	return t.bundle.Model(bundle.EncoderFile), t.bundle.Model(bundle.DecoderFile), nil
}

func (t *borrowed) Training() tokenizer.Training {
	from := t.bundle.Manifest.Training
	figures := map[string]float64{}
	for name, value := range from.Figures {
		if strings.HasPrefix(name, "vqgan_") {
			figures[name] = value
		}
	}
	return tokenizer.Training{Steps: from.Steps["vqgan"], Hours: from.Hours["vqgan"], Figures: figures}
}
