// Package tokenizer is the VQ-GAN as the later stages use it: pictures to tokens, tokens to
// pictures, and the files of a bundle. There are three: Trained is the run's own, Pretrained
// that of a model bundle, on which a prior can be trained alone, and Pixels takes grey
// levels as tokens, without a VQ-GAN.
package tokenizer

import (
	"context"

	"github.com/gomlx/compute"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
)

// Tokenizer converts between pictures of S×S pixels and h×w tokens.
type Tokenizer interface {
	// Name identifies the encoder: latents of another one do not fit.
	Name() string
	// Encode converts the bytes of n pictures, [n, S, S, 3], to tokens [n, h, w].
	Encode(ctx context.Context, bytes []uint8, n int) ([]int32, error)
	// Decode converts tokens [n, h, w] to the bytes of n pictures, [n, S, S, 3].
	Decode(ctx context.Context, ids []int32, n int) ([]uint8, error)
	// Export returns encoder.onnx and decoder.onnx.
	Export(writer compute.Backend) (encoder, decoder onnxfile.File, err error)
	// Training says how it was trained.
	Training() Training
	// Close frees its sessions.
	Close()
}

// Training is a VQ-GAN's part of the training record in a manifest. It is zero if there is
// none.
type Training struct {
	Steps   int
	Hours   float64
	Figures map[string]float64 // the last held-out figures; their names begin with vqgan_
	Origin  []bundle.Origin    // of an imported VQ-GAN
}
