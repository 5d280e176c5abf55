package vqgan

import (
	"math/bits"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// Encode maps images x [B, 3, H, W] in [-1, 1] to latent vectors [B, E, h, w].
//
// Unless Network is Taming, it differs from the encoder of VQ-GAN (taming-transformers)
// in these ways: a stem that starts below full resolution if Stem is above 1, pixel
// unshuffle and a 1×1 convolution in place of strided convolutions, and attention only
// once, after the last level. SphereCodes and LinearShortcut add two more.
func (c Config) Encode(scope *model.Scope, x *Node) *Node {
	if c.Network == Taming {
		return c.encodeTaming(scope, x)
	}
	var shortcut *Node
	if c.LinearShortcut {
		shortcut = c.encoderShortcut(scope.In("shortcut"), x) // [B, E, h, w]
	}
	x = c.encoderStem(scope.In("stem"), x) // [B, C0, H/stem, W/stem]
	for level, m := range c.Multipliers {
		s := scope.In("level%d", level)
		if level > 0 {
			x = conv(s.In("downsample"), pixelUnshuffle(x, 2), c.Channels*m, 1) // [B, Ci, H/2, W/2]
		}
		for block := range c.Blocks {
			x = c.residual(s.In("block%d", block), x, c.Channels*m, smallGain)
		}
	}
	if c.Attention {
		x = c.selfAttention(scope.In("attention"), x)
	}
	x = activation.Swish(c.groupNorm(scope.In("norm_out"), x))
	x = conv(scope.In("conv_out"), x, c.Embedding, 1) // [B, E, h, w]
	if shortcut != nil {
		x = Add(x, shortcut)
	}
	if c.SphereCodes {
		x = onSphere(x)
	}
	return x
}

// onSphere scales each vector of x [B, E, h, w] to length √E.
func onSphere(x *Node) *Node {
	rms := Sqrt(AddScalar(ReduceAndKeep(Square(x), ReduceMean, 1), 1e-6)) // [B, 1, h, w]
	return Div(x, rms)
}

// Decode maps quantised latents z [B, E, h, w] to images [B, 3, H, W]. Values lie
// near [-1, 1] and are not clipped. It mirrors Encode. last is the weight of the last
// convolution, which the discriminator's adaptive weight refers to.
func (c Config) Decode(scope *model.Scope, z *Node) (x, last *Node) {
	return c.decode(scope, z, affine{scale: 1})
}

// affine maps each value of an image to scale·x + shift.
type affine struct{ scale, shift float64 }

// scaled multiplies one of several terms of the image by the scale. The shift must
// be added to one term only.
func (a affine) scaled(x *Node) *Node {
	if a.scale == 1 {
		return x
	}
	return MulScalar(x, a.scale)
}

func (a affine) shifted(x *Node) *Node {
	if a.shift == 0 {
		return x
	}
	return AddScalar(x, a.shift)
}

// decode is Decode with its output mapped to the range of out. Scale and shift are
// applied before the last pixel shuffles, where the tensors are small.
func (c Config) decode(scope *model.Scope, z *Node, out affine) (x, last *Node) {
	if c.Network == Taming {
		return c.decodeTaming(scope, z, out)
	}
	top := len(c.Multipliers) - 1
	var shortcut *Node
	if c.LinearShortcut {
		shortcut = c.decoderShortcut(scope.In("shortcut"), z, out) // [B, 3·k², H/k, W/k]
	}
	x = conv(scope.In("conv_in"), z, c.Channels*c.Multipliers[top], 3) // [B, Ctop, h, w]
	if c.Attention {
		x = c.selfAttention(scope.In("attention"), x)
	}
	for level := top; level >= 0; level-- {
		s := scope.In("level%d", level)
		for block := range c.decoderBlocks(level) {
			gain := smallGain
			if block >= c.Blocks {
				gain = 0 // an additional block starts as the identity, so that a decoder without it can be trained further with it
			}
			x = c.residual(s.In("block%d", block), x, c.hidden(level), gain)
		}
		if level > 0 {
			x = pixelShuffle(conv(s.In("upsample"), x, 4*c.Channels*c.Multipliers[level-1], 1), 2) // [B, Ci-1, 2·H, 2·W]
		}
	}
	x = activation.Swish(c.groupNorm(scope.In("norm_out"), x)) // [B, C0, H/stem, W/stem]
	return c.decoderStem(scope.In("stem"), x, shortcut, out)
}

// shortcutSide is the side of the patch that the linear shortcut sees of each token.
const shortcutSide = 4

// shortcutPatch returns the side of a token's patch in the linear shortcut, and the
// factor k from there to full resolution.
func (c Config) shortcutPatch() (side, k int) {
	side = min(shortcutSide, c.Factor())
	return side, c.Factor() / side
}

// encoderShortcut is a linear map of each token's patch, averaged to
// shortcutSide×shortcutSide pixels, around the whole encoder: [B, 3, H, W] -> [B, E, h, w].
// Layout and colour are nearly linear and are learned through it within the first
// hundred steps. It follows the shortcut of deep-compression autoencoders (Chen et
// al., 2410.10733, section 3.1), with learned weights.
func (c Config) encoderShortcut(scope *model.Scope, x *Node) *Node {
	side, k := c.shortcutPatch()
	patches := pixelUnshuffle(averagePool(x, k), side) // [B, 3·side², h, w]
	return conv(scope, patches, c.Embedding, 1)        // [B, E, h, w]
}

// decoderShortcut mirrors encoderShortcut, interpolated to full resolution but not
// yet shuffled, where it is smaller: [B, E, h, w] -> [B, 3·k², H/k, W/k].
func (c Config) decoderShortcut(scope *model.Scope, z *Node, out affine) *Node {
	side, k := c.shortcutPatch()
	patches := out.shifted(out.scaled(conv(scope, z, 3*side*side, 3))) // [B, 3·side², h, w]
	return interpolate(pixelShuffle(patches, side), k)                 // [B, 3·k², H/k, W/k]
}

// encoderStem maps images [B, 3, H, W] to the channels of the first level,
// [B, C0, H/stem, W/stem]: pixel unshuffles by 2 with a convolution between two of
// them, and a linear map of whole patches beside them, since these layers are narrow.
func (c Config) encoderStem(scope *model.Scope, x *Node) *Node {
	width := c.Channels * c.Multipliers[0]
	h := x
	for i := range c.stemStages() {
		h = pixelUnshuffle(h, 2) // [B, 4·C, H/2, W/2]
		if i < c.stemStages()-1 {
			h = activation.Swish(conv(scope.In("unshuffle%d", i), h, c.StemChannels, 3))
		}
	}
	h = conv(scope.In("conv_in"), h, width, 3) // [B, C0, H/stem, W/stem]
	if c.stemStages() > 1 {
		h = Add(h, conv(scope.In("patch"), pixelUnshuffle(x, c.Stem), width, 1))
	}
	return h
}

// decoderStem mirrors encoderStem, and adds the linear shortcut unless it is nil. The
// convolutions between the pixel shuffles cross the borders of patches, so that no
// grid shows. Terms that need the same pixel shuffle are added before it.
func (c Config) decoderStem(scope *model.Scope, x, shortcut *Node, out affine) (pixels, last *Node) {
	h := x // [B, C0, H/stem, W/stem]
	for i := range c.stemStages() - 1 {
		h = activation.Swish(pixelShuffle(conv(scope.In("shuffle%d", i), h, 4*c.StemChannels, 3), 2)) // [B, Cstem, 2·H, 2·W]
	}
	side := min(c.Stem, 2)
	convOut := scope.In("conv_out")
	pixels = out.scaled(scaledConv(convOut, h, 3*side*side, 3, smallGain)) // [B, 3·side², H/side, W/side]
	if shortcut == nil {
		pixels = out.shifted(pixels)
	}
	pixels = pixelShuffle(pixels, side) // [B, 3, H, W]
	_, k := c.shortcutPatch()
	if c.stemStages() > 1 {
		patches := out.scaled(scaledConv(scope.In("patch"), x, 3*c.Stem*c.Stem, 1, smallGain)) // [B, 3·stem², H/stem, W/stem]
		if shortcut != nil && k == c.Stem {
			shortcut = Add(shortcut, patches)
		} else {
			pixels = Add(pixels, pixelShuffle(patches, c.Stem))
		}
	}
	if shortcut != nil {
		pixels = Add(pixels, pixelShuffle(shortcut, k))
	}
	return pixels, convOut.GetVariable("weight").NodeValue(x.Graph())
}

// stemStages is the number of pixel unshuffles by 2 in the stem.
func (c Config) stemStages() int { return bits.Len(uint(c.Stem)) - 1 }
