package vqgan

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// redraw turns a step's crops [B, S, S, 3] into tokens [B, h·w], which the prior has
// drawn anew or not.
type redraw func(crops *tensors.Tensor, step int) (tokens []int32, anew bool, err error)

// newRedraw is nil where every crop is to keep its tokens. Otherwise those of every
// second step go through 1 to Sharpen.Redraw steps of sampling, which depend on
// (seed, step) alone.
func (c Config) newRedraw(t *trainer) (redraw, error) {
	if !t.report.Redrawn {
		return nil, nil
	}
	encode, err := model.NewExec(t.Backend, t.store, func(scope *model.Scope, bytes *Node) *Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		vectors := rows(c.Encode(scope.In(generatorScope).In("encoder"), pixels(bytes)))
		return nearest(vectors, c.codes(scope.Store()).NodeValue(bytes.Graph()))
	})
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	return func(crops *tensors.Tensor, step int) (tokens []int32, anew bool, err error) {
		out, err := encode.Exec(crops)
		if err != nil {
			return nil, false, fmt.Errorf("run the encoder: %w", err)
		}
		defer out[0].FinalizeAll()
		tokens = tensors.MustCopyFlatData[int32](out[0])
		if step%2 == 0 {
			return tokens, false, nil
		}
		rng := engine.Keyed(t.Seed, fmt.Sprintf("redraw/%d", step))
		if err := t.From.Redraw(tokens, 1+rng.IntN(c.Sharpen.Redraw), rng.Uint64()); err != nil {
			return nil, false, fmt.Errorf("draw tokens anew: %w", err)
		}
		return tokens, true, nil
	}, nil
}
