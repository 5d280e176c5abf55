package vqgan

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// scores is the patch discriminator (PatchGAN, Isola et al., 1611.07004): images
// [B, 3, S, S] to one score per patch, [B, 1, s, s], higher for real ones. Network
// patchgan is that of VQ-GAN.
//
// The network described here differs from it: pixel unshuffle and 3×3 convolutions in
// place of strided 4×4 ones, no batch norm, and the Contrast input if that is set.
func (d Discriminator) scores(scope *model.Scope, x *Node) *Node {
	if d.Network == patchGAN {
		return d.patchGAN(scope, x)
	}
	if d.Contrast > 0 {
		x = Concatenate([]*Node{x, Tanh(MulScalar(details(x), d.Contrast))}, 1) // [B, 6, S, S]
	}
	x = activation.LeakyReluWith(conv(scope.In("conv_in"), pixelUnshuffle(x, 4), d.Channels, 3), 0.2) // [B, C, S/4, S/4]
	for layer := range d.Layers {
		x = activation.LeakyReluWith(conv(scope.In("layer%d", layer), pixelUnshuffle(x, 2), d.Channels<<min(layer+1, 2), 3), 0.2) // [B, C', S/2, S/2]
	}
	return conv(scope.In("conv_out"), x, 1, 3) // [B, 1, s, s]
}

// detailSide is the side in pixels of what the Contrast input leaves out. It divides
// every crop that the discriminator's pixel unshuffles divide.
const detailSide = 8

// details is x [B, C, S, S] without its means of detailSide×detailSide pixels.
func details(x *Node) *Node {
	return Sub(x, upsample(averagePool(x, detailSide), detailSide))
}

// adversarial returns the two sides of the adversarial objective (2012.09841,
// section 3.2): the generator's term, times its adaptive weight and d.Weight, and the
// discriminator's hinge loss. real and p.x are [B, 3, S, S], the losses scalars.
func (d Discriminator) adversarial(scope *model.Scope, real *Node, p pass, reconstruction *Node) (generator, discriminator *Node) {
	onReal := d.scores(scope.In(discriminatorScope), real)
	onFake := d.scores(scope.Shared(discriminatorScope), StopGradient(p.x))
	discriminator = MulScalar(Add(
		ReduceAllMean(MaxScalar(OneMinus(onReal), 0)),
		ReduceAllMean(MaxScalar(OnePlus(onFake), 0))), 0.5)

	generator = Neg(ReduceAllMean(d.scores(scope.Shared(discriminatorScope), p.x)))
	weight := adaptiveWeight(reconstruction, generator, p.last)
	return Mul(generator, MulScalar(weight, d.Weight)), discriminator
}

// adaptiveWeight is λ = ‖∇_L reconstruction‖ / (‖∇_L generator‖ + δ), the ratio of
// the gradients' norms at the last layer's weight L (2012.09841, equation 7), clipped
// to 10⁴. It is a constant to the gradients of both losses.
func adaptiveWeight(reconstruction, generator, last *Node) *Node {
	norm := func(loss *Node) *Node { return Sqrt(ReduceAllSum(Square(Gradient(loss, last)[0]))) }
	weight := Div(norm(reconstruction), AddScalar(norm(generator), 1e-4))
	return StopGradient(ClipScalar(weight, 0, 1e4))
}
