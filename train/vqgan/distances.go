package vqgan

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes/gotype"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Distances returns a function from the bytes of n images [n, H, W, 3] to the squared
// distances of the encoder's outputs to each code, [n, h·w, V], with the encoder of
// from. n must be the same in every call.
func (c Config) Distances(from *Pretrained, size int, backend compute.Backend) (func(bytes []uint8, n int) ([]float32, error), error) {
	if c.Quantizer == Gumbel {
		return nil, fmt.Errorf("latents.rate needs distances to the codes, which vqgan.quantizer %s does not have: set it to 0", Gumbel)
	}
	c = c.forPictures(size)
	store, err := c.loadEncoder(from.Encoder, size, backend)
	if err != nil {
		return nil, fmt.Errorf("read the encoder: %w", err)
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) *Node {
		z := toRows(c.Encode(scope.At(generatorScope).In("encoder"), toFloat(bytes)))
		codes := store.GetVariable(codebookPath).NodeValue(bytes.Graph())
		return Add(distances(z, codes), ReduceAndKeep(Square(z), ReduceSum, -1))
	})
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	return onImages[float32](exec, size), nil
}

// onImages returns a function from the bytes of n images [n, H, W, 3] to the output of an
// encoder's graph.
func onImages[T gotype.Supported](exec *model.Exec, size int) func(bytes []uint8, n int) ([]T, error) {
	return func(bytes []uint8, n int) ([]T, error) {
		in := imageTensor(bytes, n, size)
		defer in.FinalizeAll()
		out, err := exec.Exec(in)
		if err != nil {
			return nil, fmt.Errorf("run the encoder: %w", err)
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[T](out[0])
	}
}
