package vqgan

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
)

// Taming is the Network of VQ-GAN as its authors published it (taming-transformers, after
// Esser et al., 2012.09841, table 7), for which checkpoints exist: see FromTaming. It starts
// at full resolution, has attention at chosen resolutions and in a middle part at the
// lowest, downsamples by strided convolutions and upsamples by nearest-neighbour
// interpolation, each with learned weights.
const Taming = "taming"

const (
	tamingGroups  = 32
	tamingEpsilon = 1e-6
	// tamingGain gives initial weights the standard deviation of PyTorch's convolutions.
	tamingGain = 0.57735 // 1/√3
)

// encodeTaming maps images [B, 3, H, W] to latent vectors [B, E, h, w].
func (c Config) encodeTaming(scope *model.Scope, image *Node) *Node {
	x := strips{image}.fit(scope, c.Channels).conv(scope.In("conv_in"), c.Channels, 3) // [B, ch, H, W]
	for level := range c.Multipliers {
		s := scope.In("level%d", level)
		for block := range c.Blocks {
			x = c.tamingBlock(s, x, level, block) // [B, Ci, H, W]
		}
		if level < len(c.Multipliers)-1 {
			x = x.downsample(s.In("downsample")).fit(scope, c.Channels*c.Multipliers[level+1]) // [B, Ci, H/2, W/2]
		}
	}
	x = c.tamingMiddle(scope.In("mid"), x.join()) // [B, Ctop, h, w]
	x = x.groupNorm(scope.In("norm_out"), tamingGroups, tamingEpsilon).each(activation.Swish)
	x = x.conv(scope.In("conv_out"), c.ZChannels, 3)             // [B, z, h, w]
	return x.conv(scope.In("quant_conv"), c.Embedding, 1).join() // [B, E, h, w]
}

// decodeTaming maps quantised latents z [B, E, h, w] to images [B, 3, H, W], in the range of
// out. Each level has one more block than the encoder's.
func (c Config) decodeTaming(scope *model.Scope, z *Node, out affine) (image, last *Node) {
	top := len(c.Multipliers) - 1
	x := strips{z}.conv(scope.In("post_quant_conv"), c.ZChannels, 1)  // [B, z, h, w]
	x = x.conv(scope.In("conv_in"), c.Channels*c.Multipliers[top], 3) // [B, Ctop, h, w]
	x = c.tamingMiddle(scope.In("mid"), x.join())
	for level := top; level >= 0; level-- {
		s := scope.In("level%d", level)
		x = x.fit(scope, c.Channels*c.Multipliers[level])
		for block := range c.Blocks + 1 {
			x = c.tamingBlock(s, x, level, block) // [B, Ci, H, W]
		}
		if level > 0 {
			x = x.fit(scope, 4*c.Channels*c.Multipliers[level]).upsample(s.In("upsample")) // [B, Ci, 2·H, 2·W]
		}
	}
	x = x.groupNorm(scope.In("norm_out"), tamingGroups, tamingEpsilon).each(activation.Swish)
	convOut := scope.In("conv_out")
	x = x.conv(convOut, 3, 3).each(func(x *Node) *Node { return out.shifted(out.scaled(x)) })
	return x.join(), convOut.GetVariable("weight").NodeValue(z.Graph()) // [B, 3, H, W]
}

// tamingBlock is a residual block of a level, with attention behind it if the level has it.
func (c Config) tamingBlock(scope *model.Scope, x strips, level, block int) strips {
	x = tamingResidual(scope.In("block%d", block), x, c.Channels*c.Multipliers[level])
	if c.attentionAt(level) {
		attended := c.selfAttention(scope.In("attention%d", block), x.join())
		x = strips{attended}.fit(scope, attended.Shape().Dim(1))
	}
	return x
}

// tamingMiddle is two residual blocks with attention between them, for x [B, C, h, w].
func (c Config) tamingMiddle(scope *model.Scope, x *Node) strips {
	channels := x.Shape().Dim(1)
	x = tamingResidual(scope.In("block0"), strips{x}, channels).join()
	x = c.selfAttention(scope.In("attention"), x)
	return tamingResidual(scope.In("block1"), strips{x}, channels)
}

// tamingResidual is a pre-activation residual block that may change the width:
// [B, C, H, W] -> [B, out, H, W].
func tamingResidual(scope *model.Scope, x strips, out int) strips {
	h := x.groupNorm(scope.In("norm1"), tamingGroups, tamingEpsilon).each(activation.Swish)
	h = h.conv(scope.In("conv1"), out, 3) // [B, out, H, W]
	h = h.groupNorm(scope.In("norm2"), tamingGroups, tamingEpsilon).each(activation.Swish)
	h = h.conv(scope.In("conv2"), out, 3) // [B, out, H, W]
	if x[0].Shape().Dim(1) != out {
		x = x.conv(scope.In("shortcut"), out, 1) // [B, out, H, W]
	}
	return h.plus(x)
}

// choose is the code of each of the encoder's outputs, rows [B, N, E]: the nearest one or,
// with the Gumbel quantizer, the one with the largest logit. int32 [B, N].
func (c Config) choose(encoder *model.Scope, rows, codes *Node) *Node {
	if c.Quantizer != Gumbel {
		return nearest(rows, codes)
	}
	return ArgMax(c.codeLogits(encoder, rows), -1, dtypes.Int32)
}
