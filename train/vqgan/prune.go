package vqgan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// pruned returns the weights of the decoder in wide that change shape with
// DecoderBottleneck: each residual block keeps the channels between its convolutions
// that weigh most in the second one, the same number in each group of the norm.
func (c Config) pruned(wide *model.Store) map[string]*tensors.Tensor {
	weights := map[string]*tensors.Tensor{}
	for level := range c.Multipliers {
		for block := range c.decoderBlocks(level) {
			path := fmt.Sprintf("%s/level%d/block%d", decoderPath, level, block)
			conv2 := wide.GetVariable(path + "/conv2/weight")
			if conv2 == nil {
				continue // an additional block, which starts as the identity
			}
			scales := tensors.MustCopyFlatData[float32](wide.GetVariable(path + "/norm2/weight").MustValue())
			keep := largestChannels(conv2.MustValue(), scales, c.Groups, c.hidden(level))
			for name, axis := range map[string]int{
				"/conv1/weight": 0, "/conv1/bias": 1, "/norm2/weight": 1, "/norm2/bias": 1, "/conv2/weight": 1,
			} {
				weights[path+name] = selectIndices(wide.GetVariable(path+name).MustValue(), axis, keep)
			}
		}
	}
	return weights
}

// largestChannels returns n input channels of a convolution's weight [O, C, k, k] in
// ascending order, n/groups from each group: those with the largest norm of their
// weights times the scale [C] of the norm before it.
func largestChannels(weight *tensors.Tensor, scales []float32, groups, n int) []int {
	values, dims := tensors.MustCopyFlatData[float32](weight), weight.Shape().Dimensions
	channels, area := dims[1], dims[2]*dims[3]
	squares := make([]float64, channels)
	for i, v := range values {
		squares[i/area%channels] += float64(v) * float64(v)
	}
	norm := func(i int) float64 { return math.Sqrt(squares[i]) * math.Abs(float64(scales[i])) }
	var keep []int
	each := channels / groups
	for from := 0; from < channels; from += each {
		group := make([]int, each)
		for i := range group {
			group[i] = from + i
		}
		slices.SortStableFunc(group, func(a, b int) int { return cmp.Compare(norm(b), norm(a)) })
		keep = append(keep, group[:n/groups]...)
	}
	slices.Sort(keep)
	return keep
}

// selectIndices keeps the given indices of an axis of t.
func selectIndices(t *tensors.Tensor, axis int, indices []int) *tensors.Tensor {
	values, dims := tensors.MustCopyFlatData[float32](t), slices.Clone(t.Shape().Dimensions)
	inner := 1
	for _, d := range dims[axis+1:] {
		inner *= d
	}
	var out []float32
	for row := range slices.Chunk(values, dims[axis]*inner) {
		for _, i := range indices {
			out = append(out, row[i*inner:(i+1)*inner]...)
		}
	}
	dims[axis] = len(indices)
	return tensors.FromFlatDataAndDimensions(out, dims...)
}
