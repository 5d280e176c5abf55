package vqgan

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	onnxbackend "github.com/gomlx/compute-onnx"

	"sundae/train/engine"
)

// smallGain scales the initial weights of layers that are added to a skip
// connection, so that a new network starts close to the identity.
const smallGain = 0.1

// residual is a pre-activation residual block, x + conv2(swish(norm2(conv1(swish(norm1(x)))))),
// with 3×3 convolutions. hidden is the width between the two; gain scales the
// initial weights of the second.
func (c Config) residual(scope *model.Scope, x *Node, hidden int, gain float64) *Node {
	channels := x.Shape().Dim(1)
	h := conv(scope.In("conv1"), activation.Swish(c.groupNorm(scope.In("norm1"), x)), hidden, 3)              // [B, hidden, H, W]
	h = scaledConv(scope.In("conv2"), activation.Swish(c.groupNorm(scope.In("norm2"), h)), channels, 3, gain) // [B, C, H, W]
	return Add(x, h)
}

// selfAttention is single-head self-attention over all positions of x [B, C, H, W],
// with a group norm before and a residual connection around it.
func (c Config) selfAttention(scope *model.Scope, x *Node) *Node {
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	qkv := conv(scope.In("qkv"), c.groupNorm(scope.In("norm"), x), 3*ch, 1)               // [B, 3·C, H, W]
	qkv = Reshape(qkv, b, 3, ch, h*w)                                                     // [B, 3, C, N]
	part := func(i int) *Node { return Squeeze(Slice(qkv, AxisRange(), AxisElem(i)), 1) } // [B, C, N]
	q, k, v := part(0), part(1), part(2)
	scores := Einsum("bcn,bcm->bnm", q, k) // [B, N, N]
	scores = Softmax(MulScalar(scores, 1/math.Sqrt(float64(ch))), -1)
	out := Reshape(Einsum("bnm,bcm->bcn", scores, v), b, ch, h, w) // [B, C, H, W]
	return Add(x, scaledConv(scope.In("proj_out"), out, ch, 1, smallGain))
}

// groupNorm normalises x [B, C, H, W] in groups of channels (Wu & He, 1803.08494). It is
// written as one scale and one shift per image and channel, so that the large tensor is read
// twice for its moments and written once.
func (c Config) groupNorm(scope *model.Scope, x *Node) *Node {
	if c.Network == Taming {
		return strips{x}.groupNorm(scope, tamingGroups, tamingEpsilon)[0]
	}
	b, ch := x.Shape().Dim(0), x.Shape().Dim(1)
	grouped := Reshape(x, b, c.Groups, x.Shape().Size()/(b*c.Groups)) // [B, G, C/G·H·W]
	mean := ReduceAndKeep(grouped, ReduceMean, -1)                    // [B, G, 1]
	variance := Sub(ReduceAndKeep(Square(grouped), ReduceMean, -1), Square(mean))
	scale, shift := normScale(scope, ch, mean, MaxScalar(variance, 0), 1e-5) // [B, C, 1, 1]
	return Add(Mul(x, scale), shift)                                         // [B, C, H, W]
}

// normScale is the group norm of values with a mean and a variance, both [B, G, 1], as a
// scale and a shift of channels, [B, C, 1, 1].
func normScale(scope *model.Scope, channels int, mean, variance *Node, epsilon float64) (scale, shift *Node) {
	g := mean.Graph()
	b, groups := mean.Shape().Dim(0), mean.Shape().Dim(1)
	weight := Reshape(engine.Constant(scope, g, "weight", 1, 1, channels, 1, 1), 1, groups, channels/groups) // [1, G, C/G]
	bias := Reshape(engine.Constant(scope, g, "bias", 0, 1, channels, 1, 1), 1, groups, channels/groups)     // [1, G, C/G]
	scale = Mul(weight, Reciprocal(Sqrt(AddScalar(variance, epsilon))))                                      // [B, G, C/G]
	shift = Sub(bias, Mul(scale, mean))                                                                      // [B, G, C/G]
	return Reshape(scale, b, channels, 1, 1), Reshape(shift, b, channels, 1, 1)
}

// conv is a stride-1 convolution of x [B, C, H, W] to [B, out, H, W] with a k×k
// kernel [out, C, k, k], zero padding and a bias.
func conv(scope *model.Scope, x *Node, out, k int) *Node { return scaledConv(scope, x, out, k, 1) }

// scaledConv is conv with its initial weights multiplied by gain.
func scaledConv(scope *model.Scope, x *Node, out, k int, gain float64) *Node {
	weight, bias := kernel(scope, x, out, k, gain)
	return Add(convolve(x, weight), bias)
}

// kernel is the weight [out, C, k, k] and the bias [1, out, 1, 1] of a convolution of
// x [B, C, H, W].
func kernel(scope *model.Scope, x *Node, out, k int, gain float64) (weight, bias *Node) {
	g := x.Graph()
	in := x.Shape().Dim(1)
	weight = engine.Normal(scope, g, "weight", gain/math.Sqrt(float64(in*k*k)), out, in, k, k)
	return weight, engine.Constant(scope, g, "bias", 0, 1, out, 1, 1)
}

// convolve is the convolution of x [B, C, H, W] with weight [O, C, k, k], k odd, to
// [B, O, H, W].
func convolve(x, weight *Node) *Node { return convolvePadded(x, weight, weight.Shape().Dim(2)/2) }

// convolvePadded is the stride-1 convolution of x [B, C, H, W], with pad zeros around it,
// with weight [O, C, k, k]: [B, O, H+2·pad-k+1, W+2·pad-k+1].
//
// ONNX Runtime has no gradient kernels: the weight's gradient would become a
// convolution with a kernel as large as the image, which ran at 7 GFLOP/s on two
// cores where the convolution itself ran at 110. On that backend kernelGradient
// replaces it. For even k both gradients are ours on any backend, because GoMLX shifts
// that of x by one pixel.
func convolvePadded(x, weight *Node, pad int) *Node {
	even := weight.Shape().Dim(2)%2 == 0
	custom := even || x.Graph().Backend().Name() == onnxbackend.BackendName
	input, kernel := x, weight
	var upstream *Node // gradient of the loss with respect to the output
	if custom {
		kernel = IdentityWithCustomGradient(weight, func(_, _ *Node) *Node {
			return kernelGradient(x, upstream, weight.Shape().Dim(2), pad)
		})
	}
	if even {
		input = IdentityWithCustomGradient(x, func(_, _ *Node) *Node { return inputGradient(upstream, weight, pad) })
	}
	y := Convolve(input, kernel).ChannelsAxis(images.ChannelsFirst).PaddingPerDim([][2]int{{pad, pad}, {pad, pad}}).Done() // [B, O, H', W']
	if custom {
		y = IdentityWithCustomGradient(y, func(_, v *Node) *Node {
			upstream = v
			return v
		})
	}
	return y
}

// inputGradient is the gradient of the input of convolvePadded, [B, C, H, W]: the
// convolution of the upstream gradient v [B, O, H', W'] with the reversed kernel.
func inputGradient(v, weight *Node, pad int) *Node {
	reversed := TransposeAllDims(Reverse(weight, 2, 3), 1, 0, 2, 3) // [C, O, k, k]
	border := weight.Shape().Dim(2) - 1 - pad
	return Convolve(v, reversed).ChannelsAxis(images.ChannelsFirst).PaddingPerDim([][2]int{{border, border}, {border, border}}).Done()
}

// kernelGradient is the gradient of the weight of convolvePadded, [O, C, k, k], as
// one matrix product of the upstream gradient v [B, O, H', W'] with the unrolled
// k×k neighbourhoods of x [B, C, H, W] (im2col).
func kernelGradient(x, v *Node, k, pad int) *Node {
	b, c := x.Shape().Dim(0), x.Shape().Dim(1)
	out, h, w := v.Shape().Dim(1), v.Shape().Dim(2), v.Shape().Dim(3)
	x = TransposeAllDims(x, 0, 2, 3, 1) // [B, H, W, C]
	border := PadAxis{Start: pad, End: pad}
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, border, border, PadAxis{}) // [B, H+2·pad, W+2·pad, C]
	shifted := make([]*Node, 0, k*k)
	for i := range k {
		for j := range k {
			shifted = append(shifted, Slice(x, AxisRange(), AxisRange(i, i+h), AxisRange(j, j+w))) // [B, H', W', C]
		}
	}
	patches := Reshape(Concatenate(shifted, -1), b*h*w, k*k*c)                     // [B·H'·W', k²·C]
	v = Reshape(TransposeAllDims(v, 1, 0, 2, 3), out, b*h*w)                       // [O, B·H'·W']
	return TransposeAllDims(Reshape(MatMul(v, patches), out, k, k, c), 0, 3, 1, 2) // [O, C, k, k]
}

// pixelUnshuffle moves each k×k patch into the channels, as torch.nn.PixelUnshuffle
// does: [B, C, H, W] -> [B, C·k², H/k, W/k]. It moves one axis at a time, which is
// four times as fast on ONNX Runtime as both at once.
func pixelUnshuffle(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	b, c, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = TransposeAllDims(Reshape(x, b, c, h/k, k, w), 0, 1, 3, 2, 4)     // [B, C, k, H/k, W]
	x = TransposeAllDims(Reshape(x, b, c*k, h/k, w/k, k), 0, 1, 4, 2, 3) // [B, C·k, k, H/k, W/k]
	return Reshape(x, b, c*k*k, h/k, w/k)                                // [B, C·k², H/k, W/k]
}

// pixelShuffle is the inverse of pixelUnshuffle: [B, C·k², H, W] -> [B, C, H·k, W·k].
func pixelShuffle(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	b, c, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = TransposeAllDims(Reshape(x, b, c/k, k, h, w), 0, 1, 3, 4, 2)       // [B, C·k, H, W, k]
	x = TransposeAllDims(Reshape(x, b, c/(k*k), k, h, w*k), 0, 1, 3, 2, 4) // [B, C, H, k, W·k]
	return Reshape(x, b, c/(k*k), h*k, w*k)                                // [B, C, H·k, W·k]
}

// averagePool takes the mean of each k×k block: [B, C, H, W] -> [B, C, H/k, W/k].
func averagePool(x *Node, k int) *Node {
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	return ReduceMean(Reshape(x, b, ch, h/k, k, w/k, k), 3, 5) // [B, C, H/k, W/k]
}

// upsample enlarges x k times by bilinear interpolation: [B, C, H, W] -> [B, C, H·k, W·k].
func upsample(x *Node, k int) *Node { return pixelShuffle(interpolate(x, k), k) }

// interpolate is upsample before its pixel shuffle: [B, C, H, W] -> [B, C·k², H, W].
// The k×k values at one position depend on it and its eight neighbours, so bilinear
// interpolation is a 3×3 convolution of an image with replicated borders.
func interpolate(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	channels := x.Shape().Dim(1)
	weight := ConstTensor(x.Graph(), bilinearKernel(channels, k))
	for _, axis := range []int{2, 3} {
		last := x.Shape().Dim(axis) - 1
		x = Concatenate([]*Node{SliceAxis(x, axis, AxisElem(0)), x, SliceAxis(x, axis, AxisElem(last))}, axis) // one longer at both ends
	}
	return Convolve(x, weight).ChannelsAxis(images.ChannelsFirst).NoPadding().Done() // [B, C·k², H, W]
}

// bilinearKernel returns the weights [C·k², C, 3, 3] of interpolate. The centres of
// the new values lie at (i + ½)/k - ½ from the old one, for i from 0 to k-1.
func bilinearKernel(channels, k int) *tensors.Tensor {
	shares := make([][3]float32, k) // along one axis: of the value before, the value itself, the value after
	for i := range shares {
		at := (float32(i)+0.5)/float32(k) - 0.5
		shares[i] = [3]float32{max(-at, 0), 1 - max(at, -at), max(at, 0)}
	}
	kernel := tensors.FromShape(shapes.Make(dtypes.Float32, channels*k*k, channels, 3, 3))
	tensors.MustMutableFlatData(kernel, func(weights []float32) {
		for out := range channels * k * k {
			channel, rows, columns := out/(k*k), shares[out/k%k], shares[out%k]
			for i := range 9 {
				weights[(out*channels+channel)*9+i] = rows[i/3] * columns[i%3]
			}
		}
	})
	return kernel
}
