// Package decoder turns tokens into pictures and pictures into tokens, with a
// bundle's VQ-GAN.
package decoder

import (
	"context"
	"fmt"
	"image"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
	"sundae/internal/picture"
)

// Decoder is an opened decoder.onnx and encoder.onnx. It is used by one
// goroutine at a time.
type Decoder struct {
	size   int
	latent bundle.Latent

	decode, encode *onnx.Session
	out, in        *onnx.Binding // batches of one: a picture keeps all cores busy
}

// Open opens the bundle's decoder and encoder on a device and checks them
// against the contract.
func Open(b *bundle.Bundle, o onnx.Options) (*Decoder, error) {
	m := b.Manifest
	d := &Decoder{size: m.ImageSize, latent: m.Latent}
	if err := d.open(b, o); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Decoder) open(b *bundle.Bundle, o onnx.Options) error {
	var err error
	h, w, side := int64(d.latent.Height), int64(d.latent.Width), int64(d.size)
	if d.decode, err = onnx.Open(b.Model(bundle.DecoderFile), o); err != nil {
		return fmt.Errorf("open the decoder: %w", err)
	}
	if d.out, err = d.decode.Bind(1, map[string][]int64{"tokens": {1, h, w}, "image": {1, side, side, 3}}); err != nil {
		return fmt.Errorf("open the decoder: %w", err)
	}
	if d.encode, err = onnx.Open(b.Model(bundle.EncoderFile), o); err != nil {
		return fmt.Errorf("open the encoder: %w", err)
	}
	if d.in, err = d.encode.Bind(1, map[string][]int64{"image": {1, 3, side, side}, "tokens": {1, h, w}}); err != nil {
		return fmt.Errorf("open the encoder: %w", err)
	}
	return nil
}

// Device is the device in use.
func (d *Decoder) Device() string { return d.decode.Device }

// Size is the side of its pictures, in pixels.
func (d *Decoder) Size() int { return d.size }

// Close frees the models.
func (d *Decoder) Close() {
	for _, b := range []*onnx.Binding{d.out, d.in} {
		if b != nil {
			b.Close()
		}
	}
	for _, s := range []*onnx.Session{d.decode, d.encode} {
		if s != nil {
			s.Close()
		}
	}
}

// Decode makes the picture of one grid of tokens [h·w].
func (d *Decoder) Decode(ctx context.Context, tokens []uint16) (*image.RGBA, error) {
	ids, err := onnx.Data[int32](d.out, "tokens")
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if len(tokens) != len(ids) {
		return nil, fmt.Errorf("decode: %d tokens, the model has %d", len(tokens), len(ids))
	}
	for i, id := range tokens {
		ids[i] = int32(id)
	}
	if err := d.out.Run(ctx); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	bytes, err := onnx.Data[uint8](d.out, "image")
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, d.size, d.size))
	for i := range d.size * d.size {
		copy(picture.Pix[4*i:4*i+3], bytes[3*i:3*i+3])
		picture.Pix[4*i+3] = 255
	}
	return picture, nil
}

// Encode makes the tokens [h·w] of a picture, of which the middle square is
// taken, scaled to the model's size.
func (d *Decoder) Encode(ctx context.Context, picture image.Image) ([]uint16, error) {
	fitted := Fit(picture, d.size)
	plane, err := onnx.Data[float32](d.in, "image")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	area := d.size * d.size
	for i := range area {
		for c := range 3 {
			plane[c*area+i] = float32(fitted.Pix[4*i+c])/127.5 - 1
		}
	}
	if err := d.in.Run(ctx); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	ids, err := onnx.Data[int32](d.in, "tokens")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	tokens := make([]uint16, len(ids))
	for i, id := range ids {
		tokens[i] = uint16(id)
	}
	return tokens, nil
}

// Fit takes the middle square of a picture, scaled to side pixels.
func Fit(img image.Image, side int) *image.RGBA { return picture.Fit(img, side, picture.Crop) }
