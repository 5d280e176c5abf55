package vqgan

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// finetuning is the configuration of the decoder fine-tuning, which follows the
// training of the whole network.
func (c Config) finetuning() Config {
	if c.Finetune.Crop > 0 {
		c.Crop, c.CropsPerImage = c.Finetune.Crop, 1
	}
	if c.Finetune.Batch > 0 {
		c.Batch, c.CropsPerImage = c.Finetune.Batch, 1
	}
	return c
}

// decodeTokens runs the decoder on tokens int32 [B, h, w].
func (c Config) decodeTokens(scope *model.Scope, tokens *Node) pass {
	b, h, w := tokens.Shape().Dim(0), tokens.Shape().Dim(1), tokens.Shape().Dim(2)
	codes := c.codes(scope.Store(), tokens.Graph()).NodeValue(tokens.Graph())
	p := pass{z: Gather(codes, Reshape(tokens, b, h*w, 1))} // [B, h·w, E]
	p.commitment = ScalarZero(tokens.Graph(), p.z.DType())
	p.codebook = p.commitment
	p.x, p.last = c.Decode(scope.In("decoder"), toGrid(p.z, h, w))
	return p
}

// augmenter turns a step's crops [B, S, S, 3] into tokens [B, h·w], and reports
// whether the prior has resampled them.
type augmenter func(crops *tensors.Tensor, step int) (tokens []int32, augmented bool, err error)

// newAugmenter returns nil if the run has no token augmentation. Otherwise the tokens
// of every second step are resampled by the prior in 1 to Finetune.TokenAugmentation
// steps, which depend on (seed, step) alone.
func (c Config) newAugmenter(r *run) (augmenter, error) {
	if !r.report.TokenAugmentation {
		return nil, nil
	}
	encode, err := model.NewExec(r.Backend, r.store, func(scope *model.Scope, bytes *Node) *Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		encoder := scope.In(generatorScope).In("encoder")
		vectors := toRows(c.Encode(encoder, toFloat(bytes)))                                              // [B, h·w, E]
		return c.choose(encoder, vectors, c.codes(scope.Store(), bytes.Graph()).NodeValue(bytes.Graph())) // [B, h·w]
	})
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	return func(crops *tensors.Tensor, step int) (tokens []int32, augmented bool, err error) {
		out, err := encode.Exec(crops)
		if err != nil {
			return nil, false, fmt.Errorf("run the encoder: %w", err)
		}
		defer out[0].FinalizeAll()
		tokens = tensors.MustCopyFlatData[int32](out[0])
		if step%2 == 0 {
			return tokens, false, nil
		}
		rng := engine.Keyed(r.Seed, fmt.Sprintf("augment/%d", step))
		if err := r.From.Augment(tokens, 1+rng.IntN(c.Finetune.TokenAugmentation), rng.Uint64()); err != nil {
			return nil, false, fmt.Errorf("augment tokens: %w", err)
		}
		return tokens, true, nil
	}, nil
}
