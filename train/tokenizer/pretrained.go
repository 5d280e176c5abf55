package tokenizer

import (
	"context"
	"fmt"
	"image"
	"maps"
	"strings"

	"github.com/gomlx/compute"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// Pretrained is the tokenizer of a model bundle.
type Pretrained struct {
	Bundle  *bundle.Bundle
	decoder *decoder.Decoder
}

// OpenBundle opens the tokenizer of a bundle. Close frees it.
func OpenBundle(b *bundle.Bundle, open inference.Opener) (*Pretrained, error) {
	d, err := decoder.Open(b, open)
	if err != nil {
		return nil, fmt.Errorf("open the tokenizer of %s: %w", b.Manifest.Name, err)
	}
	return &Pretrained{b, d}, nil
}

// Close implements Tokenizer.
func (t *Pretrained) Close() { t.decoder.Close() }

// Name gives the bundle's name and the encoder's hash.
func (t *Pretrained) Name() string {
	return fmt.Sprintf("%s, encoder %.12s", t.Bundle.Manifest.Name, t.Bundle.Manifest.Files[bundle.EncoderFile].SHA256)
}

// Encode implements Tokenizer, one picture at a time.
func (t *Pretrained) Encode(ctx context.Context, bytes []uint8, n int) ([]int32, error) {
	side := t.decoder.Size()
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	var out []int32
	for range n {
		for i := range side * side {
			copy(picture.Pix[4*i:4*i+3], bytes[3*i:])
			picture.Pix[4*i+3] = 255
		}
		bytes = bytes[3*side*side:]
		tokens, err := t.decoder.Encode(ctx, picture)
		if err != nil {
			return nil, err
		}
		for _, id := range tokens {
			out = append(out, int32(id))
		}
	}
	return out, nil
}

// Decode implements Tokenizer, one picture at a time.
func (t *Pretrained) Decode(ctx context.Context, ids []int32, n int) ([]uint8, error) {
	var out []uint8
	for i := range n {
		tokens := make([]uint16, len(ids)/n)
		for k := range tokens {
			tokens[k] = uint16(ids[i*len(tokens)+k])
		}
		picture, err := t.decoder.Decode(ctx, tokens)
		if err != nil {
			return nil, err
		}
		for p := 0; p < len(picture.Pix); p += 4 {
			out = append(out, picture.Pix[p:p+3]...)
		}
	}
	return out, nil
}

// Export returns the bundle's files as they are.
func (t *Pretrained) Export(compute.Backend) (encoder, decoder onnxfile.File, err error) {
	return t.Bundle.Model(bundle.EncoderFile), t.Bundle.Model(bundle.DecoderFile), nil
}

// Training implements Tokenizer with the bundle's record.
func (t *Pretrained) Training() Training {
	record := t.Bundle.Manifest.Training
	figures := maps.Clone(record.Figures)
	maps.DeleteFunc(figures, func(name string, _ float64) bool { return !strings.HasPrefix(name, "vqgan_") })
	return Training{Steps: record.Steps["vqgan"], Hours: record.Hours["vqgan"], Figures: figures, Origin: t.Bundle.Manifest.OriginOf("vqgan")}
}
