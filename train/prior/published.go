package prior

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// published is the network of the author's code (vvvm23/sundae-vqgan), switched by
// Config.Network. It is the hourglass of the paper with details that the paper leaves open
// and that weights trained with that code need:
//
//   - RoPE turns the channels of the first head alone. Positions run from -1 to 1 along
//     each axis, and the frequencies are stored with the weights.
//   - Attention resampling is a whole transformer layer. It attends within runs of k tokens
//     in raster order, not within cells of √k×√k, without RoPE, and to tokens without layer
//     norm.
//   - The tokens from before downsampling are added ahead of the second attention
//     resampling.
//   - Queries, keys and values have no bias. There is no class id for "any", unless
//     training hides classes.
//
// Initial weights are drawn as PyTorch's layers draw theirs.
type published Config

// features is the network without its head: tokens [B, N] to [B, N, D].
func (p published) features(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	g := tokens.Graph()
	embedding := engine.Normal(scope.In("token_embedding"), g, "weight", 1, grid.Vocabulary, p.Dim) // [V, D]
	x := Gather(embedding, ExpandAxes(tokens, -1))                                                  // [B, N, D]
	if grid.Classes > 0 {
		classes := engine.Normal(scope.In("class_embedding"), g, "weight", 1, p.classRows(grid), p.Dim) // [C, D], or [C+1, D] with "any"
		x = Add(x, ExpandAxes(Gather(classes, ExpandAxes(class, -1)), 1))                               // [B, N, D] + [B, 1, D]
	}
	if p.PositionEmbedding {
		x = Add(x, engine.Normal(scope.In("position_embedding"), g, "weight", 1, 1, grid.Tokens(), p.Dim)) // [B, N, D] + [1, N, D]
	}
	x = p.hourglass(scope.In("hourglass"), x, p.Depth, grid.Height)
	return layerNorm(scope.In("norm"), x)
}

// classRows is the number of class ids.
func (p published) classRows(grid Grid) int {
	if Config(p).HasAny() {
		return grid.Classes + 1
	}
	return grid.Classes
}

// hourglass runs depth on x [B, n², D].
func (p published) hourglass(scope *model.Scope, x *Node, depth Depth, n int) *Node {
	s := Config(p).downsampleSide()
	x = p.layers(scope.In("before"), x, depth.Before, n, defaultFrequencySide)
	short := p.linear(scope.In("down"), pixelUnshuffle(x, n, n, s), p.Dim) // [B, n²/k, D]
	if p.Resample == "attention" {
		short = p.attentionDown(scope.In("attention_down"), short, x)
	}
	if depth.Inner != nil {
		short = p.hourglass(scope.In("inner"), short, *depth.Inner, n/s)
	} else {
		short = p.layers(scope.In("middle"), short, depth.Middle, n/s, n/s)
	}
	x = Add(x, pixelShuffle(p.linear(scope.In("up"), short, s*s*p.Dim), n, n, s)) // [B, n², D]
	if p.Resample == "attention" {
		x = p.attentionUp(scope.In("attention_up"), x, short)
	}
	return p.layers(scope.In("after"), x, depth.After, n, defaultFrequencySide)
}

// layers runs count pre-norm transformer layers on x [B, n², D]. side sets the initial
// frequencies of their RoPE.
func (p published) layers(scope *model.Scope, x *Node, count, n, side int) *Node {
	if count == 0 {
		return x
	}
	rotate := func(x *Node) *Node { return x }
	if !p.PositionEmbedding {
		table := p.ropeTable(scope, x.Graph(), n, side)
		rotate = func(x *Node) *Node { return p.rotateFirstHead(x, table) }
	}
	for i := range count {
		s := scope.In("layer%d", i)
		x = Add(x, p.attention(s.In("attention"), x, rotate))
		x = Add(x, p.mlp(s.In("mlp"), x))
	}
	return x
}

// attention is multi-head attention of x [B, N, D] to itself.
func (p published) attention(scope *model.Scope, x *Node, rotate func(*Node) *Node) *Node {
	b, n, inner := x.Shape().Dim(0), x.Shape().Dim(1), p.Heads*p.HeadDim
	qkv := p.project(scope.In("qkv"), layerNorm(scope.In("norm"), x), 3*inner) // [B, N, 3·H·d]
	part := func(i int) *Node { return Slice(qkv, AxisRange(), AxisRange(), AxisRange(i*inner, (i+1)*inner)) }
	heads := Config(p).splitHeads
	q := MulScalar(heads(rotate(part(0))), 1/math.Sqrt(float64(p.HeadDim))) // [B, H, N, d]
	k, v := heads(rotate(part(1))), heads(part(2))                          // [B, H, N, d]
	out := scaledAttention(q, k, v)                                         // [B, H, N, d]
	out = Reshape(TransposeAllDims(out, 0, 2, 1, 3), b, n, inner)           // [B, N, H·d]
	return p.linear(scope.In("out"), out, p.Dim)                            // [B, N, D]
}

// attentionDown is the transformer layer in which each downsampled token of short
// [B, N/k, D] attends to a run of k tokens of x [B, N, D].
func (p published) attentionDown(scope *model.Scope, short, x *Node) *Node {
	s := scope.In("attention")
	b, m, k, inner := short.Shape().Dim(0), short.Shape().Dim(1), p.Downsample, p.Heads*p.HeadDim
	q := p.project(s.In("q"), layerNorm(s.In("norm"), short), inner) // [B, N/k, H·d]
	kv := p.project(s.In("kv"), x, 2*inner)                          // [B, N, 2·H·d]
	q = Reshape(q, b, m, 1, p.Heads, p.HeadDim)                      // [B, N/k, 1, H, d]
	part := func(i int) *Node {
		half := Slice(kv, AxisRange(), AxisRange(), AxisRange(i*inner, (i+1)*inner)) // [B, N, H·d]
		return Reshape(half, b, m, k, p.Heads, p.HeadDim)                            // [B, N/k, k, H, d]
	}
	scores := MulScalar(ReduceSum(Mul(q, part(0)), -1), 1/math.Sqrt(float64(p.HeadDim))) // [B, N/k, k, H]
	weights := ExpandAxes(Softmax(scores, 2), -1)                                        // [B, N/k, k, H, 1]
	out := Reshape(ReduceSum(Mul(weights, part(1)), 2), b, m, inner)                     // [B, N/k, H·d]
	short = Add(short, p.linear(s.In("out"), out, p.Dim))                                // [B, N/k, D]
	return Add(short, p.mlp(scope.In("mlp"), short))
}

// attentionUp is the transformer layer in which a run of k tokens of x [B, N, D] attends to
// one downsampled token of short [B, N/k, D]. The softmax over one token is 1, so its value
// is what all of the run receive, and queries and keys have no part in it.
func (p published) attentionUp(scope *model.Scope, x, short *Node) *Node {
	s := scope.In("attention")
	b, m, k := short.Shape().Dim(0), short.Shape().Dim(1), p.Downsample
	v := p.project(s.In("v"), short, p.Heads*p.HeadDim)              // [B, N/k, H·d]
	out := ExpandAxes(p.linear(s.In("out"), v, p.Dim), 2)            // [B, N/k, 1, D]
	x = Reshape(Add(Reshape(x, b, m, k, p.Dim), out), b, m*k, p.Dim) // [B, N, D]
	return Add(x, p.mlp(scope.In("mlp"), x))
}

// mlp is layer norm, a linear map to MLP·D channels, GELU and a linear map back.
func (p published) mlp(scope *model.Scope, x *Node) *Node {
	wide := p.linear(scope.In("up"), layerNorm(scope.In("norm"), x), int(p.MLP*float64(p.Dim))) // [B, N, MLP·D]
	return p.linear(scope.In("down"), activation.Gelu(wide), p.Dim)                             // [B, N, D]
}

// linear is x [B, N, in] · weight [in, out] + bias.
func (p published) linear(scope *model.Scope, x *Node, out int) *Node {
	bound := 1 / math.Sqrt(float64(x.Shape().Dim(-1)))
	weight := engine.Uniform(scope, x.Graph(), "weight", bound, x.Shape().Dim(-1), out)
	return affine(x, weight, engine.Uniform(scope, x.Graph(), "bias", bound, 1, 1, out)) // [B, N, out]
}

// project is x [B, N, in] · weight [in, out].
func (p published) project(scope *model.Scope, x *Node, out int) *Node {
	b, n, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2)
	weight := engine.Uniform(scope, x.Graph(), "weight", 1/math.Sqrt(float64(in)), in, out)
	if b == shapes.DynamicDim {
		return MatMul(x, weight) // [B, N, out]
	}
	return Reshape(MatMul(Reshape(x, b*n, in), weight), b, n, out) // [B, N, out]
}

// defaultFrequencySide sets the initial frequencies of all layers that are not in the
// middle. The author's code takes those of 16×16 tokens there, whatever the grid.
const defaultFrequencySide = 16

// initialFrequencies are d/4 frequencies from π to π·side/2, evenly spaced: those of
// rotary-embedding-torch for pixels.
func initialFrequencies(d, side int) []float32 {
	frequencies := make([]float32, d/4)
	for i := range frequencies {
		share := float64(i) / math.Max(1, float64(len(frequencies)-1))
		frequencies[i] = float32(math.Pi * (1 + share*(float64(side)/2-1)))
	}
	return frequencies
}

// ropeTable is the table of n×n tokens for one head: the first half of its channels encodes
// the row, the second the column, and the two channels of a pair lie side by side. The
// frequencies are a variable of the scope, which training leaves as it is.
func (p published) ropeTable(scope *model.Scope, g *Graph, n, side int) ropeTable {
	d := p.HeadDim
	initial := func(values []float32) { copy(values, initialFrequencies(d, side)) }
	variable := engine.Weight(scope, "frequencies", initial, d/4)
	if scope.Store().IsTraining(g) { // in other graphs it is a weight like the others, so that files hold it by name
		variable.SetTrainable(false)
	}
	pairs := BroadcastToDims(ExpandAxes(variable.NodeValue(g), -1), d/4, 2) // [d/4, 2]
	pairs = Reshape(pairs, 1, 1, d/2)                                       // [1, 1, d/2]
	line := make([]float32, n)
	for i := range line {
		line[i] = float32(-1 + 2*float64(i)/math.Max(1, float64(n-1)))
	}
	along := func(dims ...int) *Node { // the angles by position on one axis
		position := ConstTensor(g, tensors.FromFlatDataAndDimensions(line, dims...))
		return BroadcastToDims(Mul(position, pairs), n, n, d/2) // [n, n, d/2]
	}
	angles := Concatenate([]*Node{along(n, 1, 1), along(1, n, 1)}, -1) // [n, n, d]
	angles = Reshape(angles, 1, n*n, d)                                // [1, n², d]
	swap := make([]float32, d*d)
	for i := 0; i < d; i += 2 { // the first channel of a pair receives minus the second, the second plus the first
		swap[(i+1)*d+i], swap[i*d+i+1] = -1, 1
	}
	return ropeTable{Cos(angles), Sin(angles), ConstTensor(g, tensors.FromFlatDataAndDimensions(swap, d, d))}
}

// rotateFirstHead applies RoPE to the first d channels of x [B, N, H·d].
func (p published) rotateFirstHead(x *Node, table ropeTable) *Node {
	first := Slice(x, AxisRange(), AxisRange(), AxisRange(0, p.HeadDim)) // [B, N, d]
	first = applyRoPE(first, table)
	if p.Heads == 1 {
		return first
	}
	rest := Slice(x, AxisRange(), AxisRange(), AxisRange(p.HeadDim)) // [B, N, (H-1)·d]
	return Concatenate([]*Node{first, rest}, -1)                     // [B, N, H·d]
}
