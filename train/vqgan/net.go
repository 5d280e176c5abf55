package vqgan

import (
	"math"
	"math/bits"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	onnxbackend "github.com/gomlx/compute-onnx"

	"sundae/train/engine"
)

// Encode maps pictures [B, 3, H, W] to latent vectors [B, E, h, w], each of
// length √E: on a sphere the distance to a code is a matter of direction alone,
// and more of the codebook comes into use (Yu et al., 2110.04627, section 3.2).
func (c Config) Encode(scope *model.Scope, x *Node) *Node {
	outline := c.outlineDown(scope.In("outline"), x)
	x = c.stemDown(scope.In("stem"), x) // [B, C0, H/stem, W/stem]
	for level, m := range c.Multipliers {
		s := scope.In("level%d", level)
		if level > 0 {
			x = conv(s.In("down"), fold(x, 2), c.Channels*m, 1)
		}
		for block := range c.Blocks {
			x = c.residual(s.In("block%d", block), x, c.Channels*m, smallGain)
		}
	}
	if c.Attention {
		x = c.attend(scope.In("attention"), x)
	}
	x = activation.Swish(c.groupNorm(scope.In("norm"), x))
	x = Add(conv(scope.In("out"), x, c.Embedding, 1), outline)
	norm := Sqrt(AddScalar(ReduceAndKeep(Square(x), ReduceMean, 1), 1e-6))
	return Div(x, norm)
}

// Decode maps quantized latents [B, E, h, w] to pictures [B, 3, H, W]; values
// near [-1, 1], not clipped. It mirrors Encode. last is the weight of the last
// convolution, where the discriminator's adaptive weight is measured.
func (c Config) Decode(scope *model.Scope, z *Node) (x, last *Node) {
	return c.decode(scope, z, plain)
}

// tone is what becomes of each value of a picture: gain·x + lift.
type tone struct{ gain, lift float64 }

var plain = tone{gain: 1}

// stretch is what a tone does to one of several terms: the lift comes but once.
func (t tone) stretch(x *Node) *Node {
	if t.gain == 1 {
		return x
	}
	return MulScalar(x, t.gain)
}

// decode is Decode with a tone. The last convolutions take that into their weights,
// for nothing; over the whole picture it would be two passes more.
func (c Config) decode(scope *model.Scope, z *Node, t tone) (x, last *Node) {
	top := len(c.Multipliers) - 1
	outline, k := c.outlineUp(scope.In("outline"), z, t)
	x = conv(scope.In("in"), z, c.Channels*c.Multipliers[top], 3)
	if c.Attention {
		x = c.attend(scope.In("attention"), x)
	}
	for level := top; level >= 0; level-- {
		s := scope.In("level%d", level)
		for block := range c.decoderBlocks(level) {
			gain := smallGain
			if block >= c.Blocks {
				gain = 0 // so that a decoder without it can go on with it
			}
			x = c.residual(s.In("block%d", block), x, c.hidden(level), gain)
		}
		if level > 0 {
			x = unfold(conv(s.In("up"), x, 4*c.Channels*c.Multipliers[level-1], 1), 2)
		}
	}
	x = activation.Swish(c.groupNorm(scope.In("norm"), x))
	return c.stemUp(scope.In("stem"), x, outline, k, t)
}

// outlineSide is the side of the outline: how many colours across each token
// carries past the convolutions.
const outlineSide = 4

// outlineDown is a linear map of each token's patch, shrunk to
// outlineSide×outlineSide colours, that runs past the whole encoder:
// [B, 3, H, W] -> [B, E, h, w]. Layout and colour, which are linear, are learned
// in the first hundred steps that way, and the convolutions are left to learn
// what is not. It is the shortcut of deep-compression autoencoders (Chen et al.,
// 2410.10733, section 3.1), with weights.
func (c Config) outlineDown(scope *model.Scope, x *Node) *Node {
	side := min(outlineSide, c.Factor())
	return conv(scope, fold(shrink(x, c.Factor()/side), side), c.Embedding, 1)
}

// outlineUp mirrors outlineDown; its colours run smoothly from one to the next. They
// come folded by k, where they take a k²-th of the room.
func (c Config) outlineUp(scope *model.Scope, z *Node, t tone) (outline *Node, k int) {
	side := min(outlineSide, c.Factor())
	k = c.Factor() / side
	colours := t.stretch(conv(scope, z, 3*side*side, 3))
	if t.lift != 0 {
		colours = AddScalar(colours, t.lift)
	}
	return interpolate(unfold(colours, side), k), k
}

// shrink makes one pixel of each k×k: x [B, C, H, W] -> [B, C, H/k, W/k], their means.
func shrink(x *Node, k int) *Node {
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	return ReduceMean(Reshape(x, b, ch, h/k, k, w/k, k), 3, 5)
}

// enlarge makes x [B, C, h, w] k times as large by bilinear interpolation.
func enlarge(x *Node, k int) *Node { return unfold(interpolate(x, k), k) }

// interpolate is enlarge before its unfolding, [B, C·k², h, w]: what lies in the
// place of one value depends on it and the eight around, which makes bilinear
// interpolation a 3×3 convolution, of a picture that goes on past its borders.
func interpolate(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	channels := x.Shape().Dim(1)
	weight := Const(x.Graph(), bilinear(channels, k))
	for _, axis := range []int{2, 3} {
		last := x.Shape().Dim(axis) - 1
		x = Concatenate([]*Node{SliceAxis(x, axis, AxisElem(0)), x, SliceAxis(x, axis, AxisElem(last))}, axis)
	}
	return Convolve(x, weight).ChannelsAxis(images.ChannelsFirst).NoPadding().Done()
}

// bilinear returns the weights [C·k², C, 3, 3] of interpolate. The new values' centres
// lie at (i + ½)/k - ½ from the old one's, for i from 0 to k-1.
func bilinear(channels, k int) [][][][]float32 {
	shares := make([][3]float32, k) // along one axis, of the value before, the value itself, the value after
	for i := range shares {
		at := (float32(i)+0.5)/float32(k) - 0.5
		shares[i] = [3]float32{max(-at, 0), 1 - max(at, -at), max(at, 0)}
	}
	weights := make([][][][]float32, channels*k*k)
	for out := range weights {
		channel, rows, columns := out/(k*k), shares[out/k%k], shares[out%k]
		weights[out] = make([][][]float32, channels)
		for in := range channels {
			kernel := make([][]float32, 3)
			for i := range kernel {
				kernel[i] = make([]float32, 3)
				for j := range kernel[i] {
					if in == channel {
						kernel[i][j] = rows[i] * columns[j]
					}
				}
			}
			weights[out][in] = kernel
		}
	}
	return weights
}

// stemDown folds the picture's patches into channels, a convolution between two
// foldings, and widens to the first level. A linear map of whole patches runs
// beside it, for the stem's own layers are narrow.
func (c Config) stemDown(scope *model.Scope, x *Node) *Node {
	width := c.Channels * c.Multipliers[0]
	h := x
	for i := range c.stemStages() {
		h = fold(h, 2)
		if i < c.stemStages()-1 {
			h = activation.Swish(conv(scope.In("fold%d", i), h, c.StemChannels, 3))
		}
	}
	h = conv(scope.In("in"), h, width, 3)
	if c.stemStages() > 1 {
		h = Add(h, conv(scope.In("patch"), fold(x, c.Stem), width, 1))
	}
	return h
}

// stemUp mirrors stemDown: the convolutions between the unfoldings run over the
// borders of patches, so that no grid of patches shows. What is folded the same way
// is unfolded together: the outline and the linear map of whole patches.
func (c Config) stemUp(scope *model.Scope, x, outline *Node, k int, t tone) (pixels, last *Node) {
	h := x
	for i := range c.stemStages() - 1 {
		h = activation.Swish(unfold(conv(scope.In("fold%d", i), h, 4*c.StemChannels, 3), 2))
	}
	side := 1
	if c.Stem > 1 {
		side = 2
	}
	out := scope.In("out")
	pixels = unfold(t.stretch(convScaled(out, h, 3*side*side, 3, smallGain)), side)
	if c.stemStages() > 1 {
		patches := t.stretch(convScaled(scope.In("patch"), x, 3*c.Stem*c.Stem, 1, smallGain))
		if k == c.Stem {
			outline = Add(outline, patches)
		} else {
			pixels = Add(pixels, unfold(patches, c.Stem))
		}
	}
	return Add(pixels, unfold(outline, k)), out.GetVariable("weight").NodeValue(x.Graph())
}

func (c Config) stemStages() int { return bits.Len(uint(c.Stem)) - 1 }

// smallGain is how small what runs beside a skip starts, so that a new net starts
// near the identity.
const smallGain = 0.1

// residual is norm, Swish, 3×3 convolution, twice, beside a skip, with hidden channels
// between the two. gain scales what the second convolution starts with.
func (c Config) residual(scope *model.Scope, x *Node, hidden int, gain float64) *Node {
	channels := x.Shape().Dim(1)
	h := conv(scope.In("conv1"), activation.Swish(c.groupNorm(scope.In("norm1"), x)), hidden, 3)
	h = convScaled(scope.In("conv2"), activation.Swish(c.groupNorm(scope.In("norm2"), h)), channels, 3, gain)
	return Add(x, h)
}

// attend is single-head self-attention over all positions, as in the paper's
// lowest level.
func (c Config) attend(scope *model.Scope, x *Node) *Node {
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	qkv := conv(scope.In("qkv"), c.groupNorm(scope.In("norm"), x), 3*ch, 1)
	qkv = Reshape(qkv, b, 3, ch, h*w)
	part := func(i int) *Node { return Squeeze(Slice(qkv, AxisRange(), AxisElem(i)), 1) } // [B, C, N]
	q, k, v := part(0), part(1), part(2)
	scores := Einsum("bcn,bcm->bnm", q, k)
	scores = Softmax(MulScalar(scores, 1/math.Sqrt(float64(ch))), -1)
	out := Reshape(Einsum("bnm,bcm->bcn", scores, v), b, ch, h, w)
	return Add(x, convScaled(scope.In("out"), out, ch, 1, smallGain))
}

// groupNorm (Wu & He, 1803.08494) is written as one scale and one shift per
// picture and channel, so that the large tensor is read twice for its moments
// and written once.
func (c Config) groupNorm(scope *model.Scope, x *Node) *Node {
	g := x.Graph()
	b, ch, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	each := ch / c.Groups
	grouped := Reshape(x, b, c.Groups, each*h*w)   // [B, G, C/G·H·W]
	mean := ReduceAndKeep(grouped, ReduceMean, -1) // [B, G, 1]
	variance := Sub(ReduceAndKeep(Square(grouped), ReduceMean, -1), Square(mean))
	rstd := Reciprocal(Sqrt(AddScalar(MaxScalar(variance, 0), 1e-5)))
	gain := Reshape(engine.Constant(scope, g, "gain", 1, 1, ch, 1, 1), 1, c.Groups, each)
	bias := Reshape(engine.Constant(scope, g, "bias", 0, 1, ch, 1, 1), 1, c.Groups, each)
	scale := Mul(gain, rstd)             // [B, G, C/G]
	shift := Sub(bias, Mul(scale, mean)) // [B, G, C/G]
	return Add(Mul(x, Reshape(scale, b, ch, 1, 1)), Reshape(shift, b, ch, 1, 1))
}

// conv is a stride-1 convolution with a k×k kernel [out, in, k, k], zero padding
// and a bias.
func conv(scope *model.Scope, x *Node, out, k int) *Node { return convScaled(scope, x, out, k, 1) }

// convScaled is conv with the initial weights scaled by gain.
func convScaled(scope *model.Scope, x *Node, out, k int, gain float64) *Node {
	g := x.Graph()
	in := x.Shape().Dim(1)
	weight := engine.Normal(scope, g, "weight", gain/math.Sqrt(float64(in*k*k)), out, in, k, k)
	bias := engine.Constant(scope, g, "bias", 0, 1, out, 1, 1)
	return Add(convolve(x, weight), bias)
}

// convolve is the convolution of x [B, C, H, W] with weight [O, C, k, k].
//
// ONNX Runtime has no gradient kernels, so the weight's gradient would become a
// convolution with a kernel as large as the picture: 7 GFLOP/s on two cores,
// where the convolution itself runs at 110. There, kernelGradient takes its place.
func convolve(x, weight *Node) *Node {
	onnx := x.Graph().Backend().Name() == onnxbackend.BackendName
	var upstream *Node // the gradient that reaches the output, before it goes on to the weight
	if onnx {
		weight = IdentityWithCustomGradient(weight, func(w, _ *Node) *Node {
			return kernelGradient(x, upstream, w.Shape().Dim(2))
		})
	}
	y := Convolve(x, weight).ChannelsAxis(images.ChannelsFirst).PadSame().Done()
	if onnx {
		y = IdentityWithCustomGradient(y, func(_, v *Node) *Node {
			upstream = v
			return v
		})
	}
	return y
}

// kernelGradient is the gradient of a k×k convolution's weight, [O, C, k, k],
// as one matrix product of the upstream gradient v [B, O, H, W] with the
// unrolled neighbourhoods of x [B, C, H, W].
func kernelGradient(x, v *Node, k int) *Node {
	b, c, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	out := v.Shape().Dim(1)
	x = TransposeAllDims(x, 0, 2, 3, 1) // [B, H, W, C]
	border := PadAxis{Start: k / 2, End: k / 2}
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, border, border, PadAxis{})
	shifted := make([]*Node, 0, k*k)
	for i := range k {
		for j := range k {
			shifted = append(shifted, Slice(x, AxisRange(), AxisRange(i, i+h), AxisRange(j, j+w)))
		}
	}
	patches := Reshape(Concatenate(shifted, -1), b*h*w, k*k*c)
	v = Reshape(TransposeAllDims(v, 1, 0, 2, 3), out, b*h*w)
	return TransposeAllDims(Reshape(MatMul(v, patches), out, k, k, c), 0, 3, 1, 2)
}

// fold moves each k×k patch into the channels (pixel-unshuffle):
// [B, C, H, W] -> [B, C·k², H/k, W/k]. It moves one axis at a time, which ONNX
// Runtime does four times as fast as both at once.
func fold(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	b, c, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = TransposeAllDims(Reshape(x, b, c, h/k, k, w), 0, 1, 3, 2, 4)     // [B, C, k, H/k, W]
	x = TransposeAllDims(Reshape(x, b, c*k, h/k, w/k, k), 0, 1, 4, 2, 3) // [B, C·k, k, H/k, W/k]
	return Reshape(x, b, c*k*k, h/k, w/k)
}

// unfold is fold's inverse (pixel-shuffle).
func unfold(x *Node, k int) *Node {
	if k == 1 {
		return x
	}
	b, c, h, w := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = TransposeAllDims(Reshape(x, b, c/k, k, h, w), 0, 1, 3, 4, 2)       // [B, C/k, H, W, k]
	x = TransposeAllDims(Reshape(x, b, c/(k*k), k, h, w*k), 0, 1, 3, 2, 4) // [B, C/k², H, k, W·k]
	return Reshape(x, b, c/(k*k), h*k, w*k)
}

// nearest finds the code closest to each vector of z [B, N, E]: ids int32 [B, N].
func nearest(z, codebook *Node) *Node { return ArgMin(distances(z, codebook), -1, dtypes.Int32) }

// distances are the squared distances of each vector of z [B, N, E] to each code, [B, N, V],
// but for the vector's own length, which is the same for all codes.
func distances(z, codebook *Node) *Node {
	dots := MatMul(z, TransposeAllDims(codebook, 1, 0)) // [B, N, V]
	norms := Reshape(ReduceSum(Square(codebook), -1), 1, 1, codebook.Shape().Dim(0))
	return Sub(norms, MulScalar(dots, 2))
}

// rows turns latents [B, E, h, w] into [B, h·w, E], one row a token in raster order.
func rows(z *Node) *Node {
	b, e, h, w := z.Shape().Dim(0), z.Shape().Dim(1), z.Shape().Dim(2), z.Shape().Dim(3)
	return TransposeAllDims(Reshape(z, b, e, h*w), 0, 2, 1)
}

// grid is the inverse of rows for latents of h×w.
func grid(r *Node, h, w int) *Node {
	b, e := r.Shape().Dim(0), r.Shape().Dim(2)
	return Reshape(TransposeAllDims(r, 0, 2, 1), b, e, h, w)
}
