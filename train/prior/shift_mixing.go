package prior

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// shiftMixing is what the eight tokens around each token add to an MLP's hidden layer:
// x [B, h·w, D] to [B, h·w, hidden], through Config.ShiftMixing channels of each of the
// eight. It is our addition to the paper: attention has to spend heads on the adjacent
// tokens, which tell the most about a token, and a small model has few heads.
//
// The output starts at zero, so that a prior without shift mixing can be trained further
// with it.
func (c Config) shiftMixing(scope *model.Scope, x *Node, hidden, h, w int) *Node {
	x = linear(scope.In("in"), x, 8*c.ShiftMixing, 1/math.Sqrt(float64(c.Dim))) // [B, h·w, 8·C]
	return linear(scope.In("out"), shift(x, h, w), hidden, 0)                   // [B, h·w, hidden]
}

// shift moves each eighth of the channels by one token in one of the eight directions,
// with zeros from beyond the border: x [B, h·w, 8·C] to the same shape. It is the shift
// of Wang et al. (2201.10801) with the diagonals.
func shift(x *Node, h, w int) *Node {
	b, channels := x.Shape().Dim(0), x.Shape().Dim(2)
	border := PadAxis{Start: 1, End: 1}
	x = Reshape(x, b, h, w, channels)                                                  // [B, h, w, 8·C]
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, border, border, PadAxis{}) // [B, h+2, w+2, 8·C]
	shifted := make([]*Node, 0, 8)
	for i := range 3 {
		for j := range 3 {
			if i == 1 && j == 1 {
				continue
			}
			from := len(shifted) * channels / 8
			shifted = append(shifted, Slice(x, AxisRange(), AxisRange(i, i+h), AxisRange(j, j+w), AxisRange(from, from+channels/8))) // [B, h, w, C]
		}
	}
	return Reshape(Concatenate(shifted, -1), b, h*w, channels) // [B, h·w, 8·C]
}
