// Package decoder decodes tokens to images and encodes images to tokens, with a
// bundle's VQ-GAN (2012.09841).
//
// A decoder may output images as uint8 [B,H,W,3] or as float32 [B,3,H,W] in
// [-1,1], and may have been exported for any batch size or for a fixed one. This
// package supports all of these.
package decoder

import (
	"context"
	"fmt"
	"image"
	"slices"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// The most pixels that one call decodes: on a CPU one image of 1024×1024, on other devices
// 16. The published decoder needs 2 GB for each of them while it runs, and one keeps a CPU
// busy.
const (
	maxPixels    = 1 << 24
	maxPixelsCPU = 1 << 20
)

// Decoder is an opened decoder.onnx and encoder.onnx. It is used by one goroutine
// at a time. The images that it returns belong to the caller.
type Decoder struct {
	size       int
	latent     bundle.Latent
	vocabulary int

	decode     inference.Session
	fixedBatch int               // of the decoder, 0 if it takes any
	maxBatch   int               // images of one call; fewer once the device ran out of memory
	floats     bool              // the decoder outputs float32, not uint8
	out        inference.Binding // of the last batch decoded, nil before the first
	outBatch   int               // its size

	encoder onnxfile.Model // the file, opened when the first image is encoded
	open    inference.Opener
	encode  inference.Session
	in      inference.Binding
}

// Open opens the bundle's decoder with open, which chooses the device. The encoder
// is opened when it is first used: sampling alone doesn't need it.
func Open(b *bundle.Bundle, open inference.Opener) (*Decoder, error) {
	m := b.Manifest
	d := &Decoder{size: m.ImageSize, latent: m.Latent, vocabulary: m.Vocabulary, encoder: b.Model(bundle.EncoderFile), open: open}
	var err error
	if d.decode, err = open(b.Model(bundle.DecoderFile)); err != nil {
		return nil, fmt.Errorf("open the decoder: %w", err)
	}
	d.fixedBatch = onnxfile.FixedBatch(d.decode.Inputs())
	most := maxPixels
	if d.Device() == inference.CPU {
		most = maxPixelsCPU
	}
	if d.maxBatch = d.fixedBatch; d.maxBatch == 0 {
		d.maxBatch = max(1, most/(d.size*d.size))
	}
	if image, ok := onnxfile.Find(d.decode.Outputs(), "image"); ok {
		d.floats = image.Type == onnxfile.Float32
	}
	return d, nil
}

// Device is the name of the device in use.
func (d *Decoder) Device() string { return d.decode.Device() }

// Size is the side of its images, in pixels.
func (d *Decoder) Size() int { return d.size }

// Close frees the models.
func (d *Decoder) Close() {
	for _, b := range []inference.Binding{d.out, d.in} {
		if b != nil {
			b.Close()
		}
	}
	for _, s := range []inference.Session{d.decode, d.encode} {
		if s != nil {
			s.Close()
		}
	}
}

// Decode decodes one grid of tokens, [h·w] in row-major order.
func (d *Decoder) Decode(ctx context.Context, tokens []uint16) (*image.RGBA, error) {
	images, err := d.DecodeAll(ctx, [][]uint16{tokens})
	if err != nil {
		return nil, err
	}
	return images[0], nil
}

// DecodeAll decodes grids of tokens, each [h·w]: in one call of the model if its
// batch size and the memory allow, else in several.
func (d *Decoder) DecodeAll(ctx context.Context, grids [][]uint16) ([]*image.RGBA, error) {
	for i, tokens := range grids {
		if len(tokens) != d.latent.Tokens() {
			return nil, fmt.Errorf("decode: %d tokens, the model has %d", len(tokens), d.latent.Tokens())
		}
		if id := slices.Max(tokens); int(id) >= d.vocabulary {
			return nil, fmt.Errorf("decode: token %d in grid %d, the vocabulary has %d", id, i, d.vocabulary)
		}
	}
	images := make([]*image.RGBA, 0, len(grids))
	err := inference.Split(grids, &d.maxBatch, func(some [][]uint16) error {
		more, err := d.call(ctx, images, some)
		if err == nil {
			images = more
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return images, nil
}

// call runs the decoder once and appends its images.
func (d *Decoder) call(ctx context.Context, images []*image.RGBA, grids [][]uint16) ([]*image.RGBA, error) {
	if err := d.bind(len(grids)); err != nil {
		return nil, err
	}
	ids, err := inference.View[int32](d.out, "tokens")
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
	elements := 3 * d.size * d.size
	for i := range grids {
		img := image.NewRGBA(image.Rect(0, 0, d.size, d.size))
		if d.floats {
			planes, err := inference.View[float32](d.out, "image")
			if err != nil {
				return nil, err
			}
			if err := fromPlanes(img, planes[i*elements:(i+1)*elements]); err != nil {
				return nil, err
			}
		} else {
			bytes, err := inference.View[uint8](d.out, "image")
			if err != nil {
				return nil, err
			}
			fromBytes(img, bytes[i*elements:(i+1)*elements])
		}
		images = append(images, img)
	}
	return images, nil
}

// bind allocates memory for n images, unless the last call had the same size.
func (d *Decoder) bind(n int) error {
	if d.fixedBatch > 0 {
		n = d.fixedBatch
	}
	if d.out != nil && d.outBatch == n {
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
	out, err := d.decode.Bind(n, map[string][]int64{"tokens": {rows, int64(d.latent.Height), int64(d.latent.Width)}, "image": shape})
	if err != nil {
		return err
	}
	d.out, d.outBatch = out, n
	return nil
}
