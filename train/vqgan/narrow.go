package vqgan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// narrowed is what the weights of wide, a decoder with or without DecoderBottleneck,
// become with it: each residual block keeps those channels between its convolutions
// that the second one listens to most, as many from each group of the norm, or all.
func (c Config) narrowed(wide *model.Store) map[string]*tensors.Tensor {
	weights := map[string]*tensors.Tensor{}
	for level := range c.Multipliers {
		for block := range c.decoderBlocks(level) {
			path := fmt.Sprintf("%s/level%d/block%d", decoderPath, level, block)
			listener := wide.GetVariable(path + "/conv2/weight")
			if listener == nil {
				continue // a block that begins as nothing
			}
			gains := tensors.MustCopyFlatData[float32](wide.GetVariable(path + "/norm2/gain").MustValue())
			keep := loudest(listener.MustValue(), gains, c.Groups, c.hidden(level))
			for name, axis := range map[string]int{
				"/conv1/weight": 0, "/conv1/bias": 1, "/norm2/gain": 1, "/norm2/bias": 1, "/conv2/weight": 1,
			} {
				weights[path+name] = pick(wide.GetVariable(path+name).MustValue(), axis, keep)
			}
		}
	}
	return weights
}

// loudest lists n input channels of a convolution's weight [O, C, k, k], by rising
// number and as many from each group: those whose weights, times the gains [C] of
// the norm before it, are the longest.
func loudest(weight *tensors.Tensor, gains []float32, groups, n int) []int {
	values, dims := tensors.MustCopyFlatData[float32](weight), weight.Shape().Dimensions
	channels, area := dims[1], dims[2]*dims[3]
	power := make([]float64, channels)
	for i, v := range values {
		power[i/area%channels] += float64(v) * float64(v)
	}
	loudness := func(i int) float64 { return math.Sqrt(power[i]) * math.Abs(float64(gains[i])) }
	var keep []int
	each := channels / groups
	for from := 0; from < channels; from += each {
		group := make([]int, each)
		for i := range group {
			group[i] = from + i
		}
		slices.SortStableFunc(group, func(a, b int) int { return cmp.Compare(loudness(b), loudness(a)) })
		keep = append(keep, group[:n/groups]...)
	}
	slices.Sort(keep)
	return keep
}

// pick is what t holds at some places of an axis.
func pick(t *tensors.Tensor, axis int, places []int) *tensors.Tensor {
	values, dims := tensors.MustCopyFlatData[float32](t), slices.Clone(t.Shape().Dimensions)
	inner := 1
	for _, d := range dims[axis+1:] {
		inner *= d
	}
	var out []float32
	for row := range slices.Chunk(values, dims[axis]*inner) {
		for _, p := range places {
			out = append(out, row[p*inner:(p+1)*inner]...)
		}
	}
	dims[axis] = len(places)
	return tensors.FromFlatDataAndDimensions(out, dims...)
}
