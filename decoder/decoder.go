// Package decoder turns tokens into pictures and pictures into tokens, with a
// bundle's VQ-GAN (2012.09841): its decoder, and its encoder with the nearest
// entries of the codebook.
//
// A model may give pictures as bytes [B,H,W,3] or as numbers [B,3,H,W] in [-1,1],
// and may have been exported for batches of any size or of one: this package
// looks at the file and does what it takes.
package decoder

import (
	"context"
	"fmt"
	"image"
	"slices"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
)

// pixelsAtOnce bounds what one call decodes: 16 pictures of 1024×1024. A decoder
// needs up to 100 MB for each while it runs.
const pixelsAtOnce = 1 << 24

// Decoder is an opened decoder.onnx and encoder.onnx. It is used by one
// goroutine at a time; the pictures that it hands out are the caller's.
type Decoder struct {
	size       int
	latent     bundle.Latent
	vocabulary int

	decode *onnx.Session
	floats bool          // the decoder gives numbers, not bytes
	out    *onnx.Binding // of the last batch decoded; nil before the first

	encoder []byte // the file, opened when the first picture is encoded
	options onnx.Options
	encode  *onnx.Session
	in      *onnx.Binding
}

// Open opens the bundle's decoder on a device, and its encoder when that is first
// used: who only samples need not wait for it.
func Open(b *bundle.Bundle, o onnx.Options) (*Decoder, error) {
	m := b.Manifest
	d := &Decoder{size: m.ImageSize, latent: m.Latent, vocabulary: m.Vocabulary, encoder: b.Model(bundle.EncoderFile), options: o}
	var err error
	if d.decode, err = onnx.Open(b.Model(bundle.DecoderFile), o); err != nil {
		return nil, fmt.Errorf("open the decoder: %w", err)
	}
	if image, ok := d.decode.Output("image"); ok {
		d.floats = image.Type == onnx.Float32
	}
	return d, nil
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
	pictures, err := d.DecodeAll(ctx, [][]uint16{tokens})
	if err != nil {
		return nil, err
	}
	return pictures[0], nil
}

// DecodeAll makes the pictures of grids of tokens, each [h·w]: in one call of the
// model where it takes any batch and they are not too many, else in several.
func (d *Decoder) DecodeAll(ctx context.Context, grids [][]uint16) ([]*image.RGBA, error) {
	for i, tokens := range grids {
		if len(tokens) != d.latent.Tokens() {
			return nil, fmt.Errorf("decode: %d tokens, the model has %d", len(tokens), d.latent.Tokens())
		}
		if id := slices.Max(tokens); int(id) >= d.vocabulary {
			return nil, fmt.Errorf("decode: token %d in picture %d, the vocabulary has %d", id, i, d.vocabulary)
		}
	}
	atOnce := max(1, pixelsAtOnce/(d.size*d.size))
	if fixed := d.decode.FixedBatch(); fixed > 0 {
		atOnce = fixed
	}
	pictures := make([]*image.RGBA, 0, len(grids))
	for some := range slices.Chunk(grids, atOnce) {
		var err error
		if pictures, err = d.call(ctx, pictures, some); err != nil {
			return nil, fmt.Errorf("decode: %w", err)
		}
	}
	return pictures, nil
}

// call runs the decoder once and appends its pictures.
func (d *Decoder) call(ctx context.Context, pictures []*image.RGBA, grids [][]uint16) ([]*image.RGBA, error) {
	if err := d.bind(len(grids)); err != nil {
		return nil, err
	}
	ids, err := onnx.Data[int32](d.out, "tokens")
	if err != nil {
		return nil, err
	}
	at := 0
	for _, tokens := range grids {
		for _, id := range tokens {
			ids[at] = int32(id)
			at++
		}
	}
	if err := d.out.Run(ctx); err != nil {
		return nil, err
	}
	numbers := 3 * d.size * d.size
	for i := range grids {
		picture := image.NewRGBA(image.Rect(0, 0, d.size, d.size))
		if d.floats {
			planes, err := onnx.Data[float32](d.out, "image")
			if err != nil {
				return nil, err
			}
			if err := fromPlanes(picture, planes[i*numbers:(i+1)*numbers]); err != nil {
				return nil, err
			}
		} else {
			bytes, err := onnx.Data[uint8](d.out, "image")
			if err != nil {
				return nil, err
			}
			fromBytes(picture, bytes[i*numbers:(i+1)*numbers])
		}
		pictures = append(pictures, picture)
	}
	return pictures, nil
}

// bind makes room for n pictures, unless the last call had just that much.
func (d *Decoder) bind(n int) error {
	if fixed := d.decode.FixedBatch(); fixed > 0 {
		n = fixed
	}
	if d.out != nil && d.out.Batch == n {
		return nil
	}
	if d.out != nil {
		d.out.Close()
		d.out = nil
	}
	rows, side := int64(n), int64(d.size)
	shape := []int64{rows, side, side, 3}
	if d.floats {
		shape = []int64{rows, 3, side, side}
	}
	var err error
	d.out, err = d.decode.Bind(n, map[string][]int64{"tokens": {rows, int64(d.latent.Height), int64(d.latent.Width)}, "image": shape})
	return err
}
