package vqgan

import (
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"sundae/train/engine"
)

// Where each part keeps its variables.
const (
	generatorScope     = "model"
	discriminatorScope = "discriminator"
	decoderPath        = "/model/decoder"
	codebookPath       = "/codebook/codes"
	usePath            = "/codebook/use"
	sumPath            = "/codebook/sum"
)

// pass is one picture batch through the autoencoder.
type pass struct {
	z           *Node // [B, N, E] encoder outputs, one row a token
	ids         *Node // [B, N] int32, the codes chosen
	x           *Node // [B, 3, S, S] reconstruction
	last        *Node // weight of the decoder's last convolution
	commitment  *Node // scalar, mean (z - sg[code])²
	batchUse    *Node // [V] times each code was chosen
	batchVector *Node // [V, E] sum of the vectors it was chosen for
}

// reconstruct runs pictures x [B, 3, S, S] through encoder, codebook and
// decoder, with the straight-through gradient: backwards, the quantizer is the
// identity (1711.00937, section 3.2). Without quantize the decoder sees the
// encoder's vectors themselves.
func (c Config) reconstruct(scope *model.Scope, x *Node, quantize bool) pass {
	g := x.Graph()
	var p pass
	latent := c.Encode(scope.In("encoder"), x) // [B, E, h, w]
	h, w := latent.Shape().Dim(2), latent.Shape().Dim(3)
	p.z = rows(latent)
	if !quantize {
		p.commitment = ScalarZero(g, x.DType())
		p.x, p.last = c.Decode(scope.In("decoder"), grid(p.z, h, w))
		return p
	}
	codes := c.codes(scope.Store()).NodeValue(g)
	p.ids = nearest(StopGradient(p.z), codes)
	oneHot := OneHot(p.ids, c.Vocabulary, p.z.DType()) // [B, N, V]
	quantized := MatMul(oneHot, codes)                 // [B, N, E]
	p.batchUse = ReduceSum(oneHot, 0, 1)
	p.batchVector = MatMul(TransposeAllDims(Reshape(oneHot, -1, c.Vocabulary), 1, 0), Reshape(StopGradient(p.z), -1, c.Embedding))
	p.commitment = ReduceAllMean(Square(Sub(p.z, StopGradient(quantized))))
	through := Add(p.z, StopGradient(Sub(quantized, p.z)))
	p.x, p.last = c.Decode(scope.In("decoder"), grid(through, h, w))
	return p
}

// decodeTokens runs the decoder on tokens int32 [B, h, w].
func (c Config) decodeTokens(scope *model.Scope, tokens *Node) pass {
	b, h, w := tokens.Shape().Dim(0), tokens.Shape().Dim(1), tokens.Shape().Dim(2)
	var p pass
	p.z = Gather(c.codes(scope.Store()).NodeValue(tokens.Graph()), Reshape(tokens, b, h*w, 1))
	p.commitment = ScalarZero(tokens.Graph(), p.z.DType())
	p.x, p.last = c.Decode(scope.In("decoder"), grid(p.z, h, w))
	return p
}

// codes is the codebook [V, E]; it is moved by followEncoder, not by gradients.
func (c Config) codes(store *model.Store) *model.Variable {
	draw := func(g *Graph, shape shapes.Shape) *Node {
		return engine.Draw(g, store, codebookPath, 1, shape.Dimensions...)
	}
	return store.VariableWithShape(codebookPath, shapes.Make(dtypes.Float32, c.Vocabulary, c.Embedding), draw).SetTrainable(false)
}

// followEncoder moves every code to the moving average of the vectors that
// chose it (1711.00937, appendix A.1).
func (c Config) followEncoder(store *model.Store, p pass) {
	g := p.z.Graph()
	use := store.VariableWithShape(usePath, shapes.Make(dtypes.Float32, c.Vocabulary), initializer.One).SetTrainable(false)
	codes := c.codes(store)
	sum := store.VariableWithShape(sumPath, codes.Shape(), func(g *Graph, shape shapes.Shape) *Node {
		return engine.Draw(g, store, codebookPath, 1, shape.Dimensions...)
	}).SetTrainable(false)
	follow := func(v *model.Variable, now *Node) *Node {
		next := Add(MulScalar(v.NodeValue(g), c.Codebook.Decay), MulScalar(now, 1-c.Codebook.Decay))
		v.SetNodeValue(next)
		return next
	}
	count := follow(use, p.batchUse)
	total := follow(sum, p.batchVector)
	codes.SetNodeValue(Div(total, Reshape(MaxScalar(count, 1e-5), -1, 1)))
}

// reconstructionLoss compares x with its reconstruction y, both [B, 3, S, S]:
// L1 and L2 of pixels, and L1 of the differences between neighbours at several
// scales, which brings ridges out early. A decoder that has them gets sharper by L1
// alone: where an edge may lie here or there, the best answer of the others is a blur.
// What it leaves is a faint grid, where the stem's patches of k×k pixels meet.
func (l Loss) reconstructionLoss(x, y *Node, k int) *Node {
	diff := Sub(y, x)
	loss := Add(MulScalar(ReduceAllMean(Abs(diff)), l.L1), MulScalar(ReduceAllMean(Square(diff)), l.L2))
	if l.Seams > 0 {
		seams := Add(ReduceAllMean(Abs(seams(diff, 2, k))), ReduceAllMean(Abs(seams(diff, 3, k))))
		loss = Add(loss, MulScalar(seams, l.Seams))
	}
	if l.Gradient == 0 {
		return loss
	}
	edges := ScalarZero(x.Graph(), x.DType())
	for scale := range l.Scales {
		if scale > 0 {
			diff = shrink(diff, 2)
		}
		edges = Add(edges, Add(ReduceAllMean(changes(diff, 3)), ReduceAllMean(changes(diff, 2))))
	}
	return Add(loss, MulScalar(edges, l.Gradient/float64(l.Scales)))
}

// likenessLoss compares only what f×f pixels hold, their mean colour and how much
// changes in them, for a picture y whose tokens were drawn anew: its ridges don't lie
// where those of x do. Compared pixel by pixel the best answer would be a blur of all
// the places where they may have lain; it is for the discriminator to say what a ridge
// looks like, and for the sum of changes to keep a sky plain.
func (l Loss) likenessLoss(x, y *Node, f int) *Node {
	diff := Sub(shrink(y, f), shrink(x, f))
	loss := Add(MulScalar(ReduceAllMean(Abs(diff)), l.L1), MulScalar(ReduceAllMean(Square(diff)), l.L2))
	for _, axis := range []int{2, 3} {
		last := make([]PadAxis, 4) // the last pixel changes into nothing
		last[axis].End = 1
		sums := func(x *Node) *Node {
			return shrink(Pad(changes(x, axis), ScalarZero(x.Graph(), x.DType()), last...), f)
		}
		loss = Add(loss, MulScalar(ReduceAllMean(Abs(Sub(sums(y), sums(x)))), l.Gradient))
	}
	return loss
}

// changes is by how much each pixel of x [B, C, H, W] differs from the next along an
// axis, which gets shorter by one.
func changes(x *Node, axis int) *Node {
	later, sooner := make([]SliceAxisSpec, 4), make([]SliceAxisSpec, 4)
	for i := range later {
		later[i], sooner[i] = AxisRange(), AxisRange()
	}
	later[axis], sooner[axis] = AxisRange(1), AxisRange(0, x.Shape().Dim(axis)-1)
	return Abs(Sub(Slice(x, later...), Slice(x, sooner...)))
}

// seams is by how much x [B, C, H, W] changes along an axis from the last pixel of each
// patch of k to the first one of the next.
func seams(x *Node, axis, k int) *Node {
	dims := x.Shape().Dimensions
	patches := dims[axis] / k
	x = Reshape(x, slices.Concat(dims[:axis], []int{patches, k}, dims[axis+1:])...)
	last := SliceAxis(SliceAxis(x, axis, AxisRange(0, patches-1)), axis+1, AxisElem(k-1))
	first := SliceAxis(SliceAxis(x, axis, AxisRange(1)), axis+1, AxisElem(0))
	return Sub(first, last)
}

// judge is the patch discriminator: pictures [B, 3, S, S] to one score a patch,
// [B, 1, s, s], higher for real ones.
func (d Discriminator) judge(scope *model.Scope, x *Node) *Node {
	if d.Contrast > 0 {
		x = Concatenate([]*Node{x, Tanh(MulScalar(details(x), d.Contrast))}, 1)
	}
	x = activation.LeakyReluWith(conv(scope.In("in"), fold(x, 4), d.Channels, 3), 0.2)
	for layer := range d.Layers {
		x = activation.LeakyReluWith(conv(scope.In("layer%d", layer), fold(x, 2), d.Channels<<min(layer+1, 2), 3), 0.2)
	}
	return conv(scope.In("out"), x, 1, 3)
}

// detail is the side of what counts as fine, in pixels. It divides every crop that
// the discriminator's foldings divide.
const detail = 8

// details is what is left of x [B, C, S, S] without its means of detail×detail pixels.
func details(x *Node) *Node {
	return Sub(x, enlarge(shrink(x, detail), detail))
}

// adversarial adds the discriminator's two sides: the generator's term, already
// weighed against the gradient of its reconstruction loss at the last layer
// (2012.09841, equation 7), and the discriminator's own hinge loss.
func (d Discriminator) adversarial(scope *model.Scope, real *Node, p pass, reconstruction *Node) (generator, discriminator *Node) {
	judge := func(scope *model.Scope, x *Node) *Node { return d.judge(scope, x) }
	onReal := judge(scope.In(discriminatorScope), real)
	onFake := judge(scope.Shared(discriminatorScope), StopGradient(p.x))
	discriminator = MulScalar(Add(
		ReduceAllMean(MaxScalar(OneMinus(onReal), 0)),
		ReduceAllMean(MaxScalar(OnePlus(onFake), 0))), 0.5)

	fooled := Neg(ReduceAllMean(judge(scope.Shared(discriminatorScope), p.x)))
	norm := func(loss *Node) *Node { return Sqrt(ReduceAllSum(Square(Gradient(loss, p.last)[0]))) }
	weight := Div(norm(reconstruction), AddScalar(norm(fooled), 1e-4))
	weight = StopGradient(ClipScalar(weight, 0, 1e4))
	return Mul(fooled, MulScalar(weight, d.Weight)), discriminator
}
