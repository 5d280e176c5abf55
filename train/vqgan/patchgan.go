package vqgan

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"sundae/train/engine"
)

// patchGAN is the discriminator that VQ-GAN was published with (NLayerDiscriminator of
// taming-transformers, after Isola et al., 1611.07004): images [B, 3, S, S] to one score
// per patch, [B, 1, S/2ⁿ-2, S/2ⁿ-2] for n = Layers. 4×4 convolutions with padding 1 double
// the channels up to eightfold; the first n have stride 2, the last two stride 1. All but
// the first and the last are followed by batch norm and have no bias.
func (d Discriminator) patchGAN(scope *model.Scope, x *Node) *Node {
	kernel := func(scope *model.Scope, x *Node, out int) *Node {
		return engine.Normal(scope, x.Graph(), "weight", 0.02, out, x.Shape().Dim(1), 4, 4)
	}
	bias := func(scope *model.Scope, x *Node) *Node {
		return Add(x, engine.Constant(scope, x.Graph(), "bias", 0, 1, x.Shape().Dim(1), 1, 1))
	}
	first := scope.In("conv_in")
	x = bias(first, stridedConvolve(x, kernel(first, x, d.Channels))) // [B, C, S/2, S/2]
	x = activation.LeakyReluWith(x, 0.2)
	for layer := 1; layer <= d.Layers; layer++ {
		s, out := scope.In("layer%d", layer), d.Channels*min(1<<layer, 8)
		if layer < d.Layers {
			x = stridedConvolve(x, kernel(s, x, out)) // [B, C', S/2, S/2]
		} else {
			x = convolvePadded(x, kernel(s, x, out), 1) // [B, C', S-1, S-1]
		}
		x = activation.LeakyReluWith(batchNorm(s.In("norm"), x), 0.2)
	}
	last := scope.In("conv_out")
	return bias(last, convolvePadded(x, kernel(last, x, 1), 1)) // [B, 1, s, s]
}

// stridedConvolve is the convolution of x [B, C, H, W], H and W even, with a 4×4 kernel
// [O, C, 4, 4], stride 2 and padding 1: [B, O, H/2, W/2].
//
// It is written as the 2×2 convolution of the unshuffled image that it equals, because
// strided convolutions have no gradient on ONNX Runtime.
func stridedConvolve(x, weight *Node) *Node {
	out, in := weight.Shape().Dim(0), weight.Shape().Dim(1)
	border := PadAxis{Start: 1, End: 1}
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, PadAxis{}, border, border) // [B, C, H+2, W+2]
	// Row 2i+j of the kernel meets row j of the 2×2 cells that are i further down; so do columns.
	weight = TransposeAllDims(Reshape(weight, out, in, 2, 2, 2, 2), 0, 1, 3, 5, 2, 4) // [O, C, 2, 2, 2, 2]
	return convolvePadded(pixelUnshuffle(x, 2), Reshape(weight, out, 4*in, 2, 2), 0)  // [B, O, H/2, W/2]
}

// batchMomentum is the share of a batch in the running statistics of batchNorm.
const batchMomentum = 0.1

// batchNorm normalises each channel of x [B, C, H, W] by its mean and variance in the
// batch (Ioffe & Szegedy, 1502.03167), with PyTorch's epsilon and momentum. A
// discriminator is only ever used in training, so that nothing here reads the running
// statistics; checkpoints hold them for whoever judges pictures one by one.
func batchNorm(scope *model.Scope, x *Node) *Node {
	g := x.Graph()
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	mean := ReduceAndKeep(x, ReduceMean, 0, 2, 3) // [1, C, 1, 1]
	centred := Sub(x, mean)
	variance := ReduceAndKeep(Square(centred), ReduceMean, 0, 2, 3) // [1, C, 1, 1]

	running := func(name string, initial model.VariableInitializer, now *Node) {
		v := scope.WithInitializer(initial).VariableWithShape(name, shapes.Make(dtypes.Float32, 1, ch, 1, 1)).SetTrainable(false)
		v.SetNodeValue(Add(MulScalar(v.NodeValue(g), 1-batchMomentum), MulScalar(StopGradient(now), batchMomentum)))
	}
	n := float64(b * h * w)
	running("mean", initializer.Zero, mean)
	running("variance", initializer.One, MulScalar(variance, n/max(n-1, 1))) // without bias

	around1 := func(values []float32) {
		engine.Draw(scope.Store(), model.JoinPath(scope.Scope(), "weight"), 0.02, values)
		for i := range values {
			values[i]++
		}
	}
	weight := engine.Weight(scope, "weight", around1, 1, ch, 1, 1).NodeValue(g)
	bias := engine.Constant(scope, g, "bias", 0, 1, ch, 1, 1)
	return Add(Mul(centred, Div(weight, Sqrt(AddScalar(variance, 1e-5)))), bias) // [B, C, H, W]
}
