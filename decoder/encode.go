package decoder

import (
	"context"
	"fmt"
	"image"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/picture"
)

// Encode encodes an image to tokens, [h·w] in row-major order. It fits an image of
// another size with [Fit].
func (d *Decoder) Encode(ctx context.Context, img image.Image) ([]uint16, error) {
	fitted := Fit(img, d.size)
	if err := d.openEncoder(); err != nil {
		return nil, err
	}
	planes, err := inference.View[float32](d.in, "image")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	toPlanes(planes[:3*d.size*d.size], fitted)
	if err := d.in.Run(ctx); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	ids, err := inference.View[int32](d.in, "tokens")
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	tokens := make([]uint16, d.latent.Tokens())
	for i := range tokens {
		if uint(ids[i]) >= uint(d.vocabulary) {
			return nil, fmt.Errorf("encode: the model returned token %d, its vocabulary has %d", ids[i], d.vocabulary)
		}
		tokens[i] = uint16(ids[i])
	}
	return tokens, nil
}

// openEncoder opens the encoder and allocates memory for one image, or for as many
// as it was exported for.
func (d *Decoder) openEncoder() error {
	if d.in != nil {
		return nil
	}
	if d.encode == nil {
		var err error
		if d.encode, err = d.open(d.encoder); err != nil {
			return fmt.Errorf("open the encoder: %w", err)
		}
	}
	batch, side := int64(max(1, onnxfile.FixedBatch(d.encode.Inputs()))), int64(d.size)
	in, err := d.encode.Bind(int(batch), map[string][]int64{
		"image": {batch, 3, side, side}, "tokens": {batch, int64(d.latent.Height), int64(d.latent.Width)},
	})
	if err != nil {
		return fmt.Errorf("open the encoder: %w", err)
	}
	d.in = in
	return nil
}

// Reconstruct encodes an image and decodes the tokens.
func (d *Decoder) Reconstruct(ctx context.Context, img image.Image) (*image.RGBA, error) {
	tokens, err := d.Encode(ctx, img)
	if err != nil {
		return nil, err
	}
	return d.Decode(ctx, tokens)
}

// Fit crops an image to its middle square and scales that to side pixels. To keep
// all of it, between bars, fit it with package picture first.
func Fit(img image.Image, side int) *image.RGBA { return picture.Fit(img, side, picture.Crop) }
