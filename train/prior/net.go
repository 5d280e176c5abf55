package prior

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/nn"

	"sundae/train/engine"
)

// Logits is the network: tokens int32 [B, N] in raster order and, where the grid
// has classes, class int32 [B] in [0, Classes], to logits [B, N, V].
func (c Config) Logits(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	return c.head(scope, c.trunk(scope, grid, tokens, class), grid.Vocabulary)
}

// trunk is the network up to its head, [B, N, D].
func (c Config) trunk(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	g := tokens.Graph()
	width := math.Sqrt(float64(c.Dim))
	// Embeddings of length √D, as loud as what the layers add to them: a whisper
	// would be lost, and with it which token stands where.
	x := Gather(engine.Normal(scope.In("tokens"), g, "weight", 1/width, grid.Vocabulary, c.Dim), ExpandAxes(tokens, -1))
	if grid.Classes > 0 {
		classes := engine.Normal(scope.In("classes"), g, "weight", 1/width, grid.Classes+1, c.Dim)
		x = Add(x, ExpandAxes(Gather(classes, ExpandAxes(class, -1)), 1)) // + [B, 1, D]
	}
	x = Add(x, c.places(scope.In("places"), g, grid))
	x = MulScalar(x, width) // [B, N, D]
	x = c.hourglass(scope.In("hourglass"), x, c.Depth, grid.Height, grid.Width)
	return layerNorm(scope.In("norm"), x)
}

// places are learned embeddings of the rows and the columns, [1, N, D]. The rotary
// embedding tells tokens apart by their distance alone, and from noise that is
// the same everywhere: nothing would say that the sky is above.
func (c Config) places(scope *model.Scope, g *Graph, grid Grid) *Node {
	std := 0.25 / math.Sqrt(float64(c.Dim))
	rows := engine.Normal(scope, g, "rows", std, grid.Height, 1, c.Dim)
	columns := engine.Normal(scope, g, "columns", std, 1, grid.Width, c.Dim)
	return Reshape(Add(BroadcastToDims(rows, grid.Height, grid.Width, c.Dim), columns), 1, grid.Height*grid.Width, c.Dim)
}

// head is the linear map of x [B, N, D] to logits [B, N, V]. It begins as the
// embedding's transpose, so that a new net already keeps the token it sees about
// as often as not, which is what denoising comes down to at low corruption:
// learning that from nothing takes hundreds of steps.
func (c Config) head(scope *model.Scope, x *Node, vocabulary int) *Node {
	g := x.Graph()
	path := model.JoinPath(scope.Scope(), "tokens", "weight")
	mirror := func(g *Graph, _ shapes.Shape) *Node {
		gain := 0.5 / math.Sqrt(float64(c.Dim))
		return TransposeAllDims(engine.Draw(g, scope.Store(), path, gain, vocabulary, c.Dim), 1, 0)
	}
	s := scope.In("head")
	weight := s.WithInitializer(mirror).VariableWithShape("weight", shapes.Make(dtypes.Float32, c.Dim, vocabulary)).NodeValue(g)
	return affine(x, weight, engine.Constant(s, g, "bias", 0, 1, 1, vocabulary))
}

// hourglass runs depth on x [B, h·w, D] (2110.13711, with the paper's own 2D
// resampling, 2206.12351 section 3.2).
func (c Config) hourglass(scope *model.Scope, x *Node, depth Depth, h, w int) *Node {
	full := newTurns(x.Graph(), c.HeadDim, positions(h, w, 1))
	x = c.layers(scope.In("before"), x, depth.Before, full, h, w)
	if depth.Inner != nil || depth.Middle > 0 {
		side := c.shortenSide()
		short := c.shorten(scope.In("down"), x, h, w) // [B, h·w/k, D]
		var coarse turns
		if c.Resample == "attention" {
			coarse = newTurns(x.Graph(), c.HeadDim, positions(h/side, w/side, side))
			short = Add(short, c.attention(scope.In("look_down"), short, x, coarse, full))
		}
		if depth.Inner != nil {
			short = c.hourglass(scope.In("inner"), short, *depth.Inner, h/side, w/side)
		} else {
			near := newTurns(x.Graph(), c.HeadDim, positions(h/side, w/side, 1))
			short = c.layers(scope.In("middle"), short, depth.Middle, near, h/side, w/side)
		}
		x = Add(x, c.lengthen(scope.In("up"), short, h, w)) // [B, h·w, D]
		if c.Resample == "attention" {
			x = Add(x, c.attention(scope.In("look_up"), x, short, full, coarse))
		}
	}
	return c.layers(scope.In("after"), x, depth.After, full, h, w)
}

// layers is n pre-norm transformer layers on x [B, h·w, D].
func (c Config) layers(scope *model.Scope, x *Node, n int, at turns, h, w int) *Node {
	for i := range n {
		s := scope.In("layer%d", i)
		x = Add(x, c.attention(s.In("attention"), x, nil, at, at))
		x = Add(x, c.mlp(s.In("mlp"), x, h, w))
	}
	return x
}

// attention lets x [B, N, D] look at y [B, M, D], or at itself when y is nil.
// There is no causal mask: every token sees all others.
func (c Config) attention(scope *model.Scope, x, y *Node, atX, atY turns) *Node {
	inner := c.Heads * c.HeadDim
	std := 1 / math.Sqrt(float64(c.Dim))
	x = layerNorm(scope.In("norm"), x)
	var q, k, v *Node
	if y == nil {
		qkv := linear(scope.In("qkv"), x, 3*inner, std) // [B, N, 3·H·d]
		part := func(i int) *Node { return Slice(qkv, AxisRange(), AxisRange(), AxisRange(i*inner, (i+1)*inner)) }
		q, k, v = part(0), part(1), part(2)
	} else {
		y = layerNorm(scope.In("norm_y"), y)
		q = linear(scope.In("q"), x, inner, std)
		kv := linear(scope.In("kv"), y, 2*inner, std)
		k = Slice(kv, AxisRange(), AxisRange(), AxisRange(0, inner))
		v = Slice(kv, AxisRange(), AxisRange(), AxisRange(inner))
	}
	q = rotate(c.heads(q), atX)                                                 // [B, H, N, d]
	k = rotate(c.heads(k), atY)                                                 // [B, H, M, d]
	out := attend(MulScalar(q, 1/math.Sqrt(float64(c.HeadDim))), k, c.heads(v)) // [B, H, N, d]
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	out = Reshape(TransposeAllDims(out, 0, 2, 1, 3), b, n, inner)
	return linear(scope.In("out"), out, c.Dim, 0.5*std)
}

// attend is softmax(q·kᵀ)·v of q [B, H, N, d] and k, v [B, H, M, d], with a
// gradient of its own: at 1024 tokens each pass over the [B, H, N, M] scores moves
// a hundred megabytes, and the gradient that is derived makes twice as many,
// some of them transposed. With P the softmax, O the output and ' a gradient:
//
//	S' = P∘(O'·vᵀ - rowsum(O'∘O)),  q' = S'·k,  k' = (qᵀ·S')ᵀ,  v' = (O'ᵀ·P)ᵀ
func attend(q, k, v *Node) *Node {
	flip := func(x *Node) *Node { return TransposeAllDims(x, 0, 1, 3, 2) }
	var p, out, upstream, s *Node // s is S', once it is known
	scores := func() *Node {
		if s == nil {
			// The difference is taken inside the product, by a column more.
			each := ReduceAndKeep(Mul(upstream, out), ReduceSum, -1)
			ones := Ones(v.Graph(), shapes.Make(v.DType(), v.Shape().Dim(0), v.Shape().Dim(1), 1, v.Shape().Dim(2)))
			s = Mul(p, MatMul(Concatenate([]*Node{upstream, Neg(each)}, -1), Concatenate([]*Node{flip(v), ones}, 2)))
		}
		return s
	}
	gradient := func(x *Node, f func() *Node) *Node {
		return IdentityWithCustomGradient(x, func(_, _ *Node) *Node { return f() })
	}
	ownQ := gradient(q, func() *Node { return MatMul(scores(), k) })
	ownK := gradient(k, func() *Node { return flip(MatMul(flip(q), scores())) })
	ownV := gradient(v, func() *Node { return flip(MatMul(flip(upstream), p)) })
	p = Softmax(MatMul(ownQ, flip(ownK)), -1)
	out = MatMul(p, ownV)
	return IdentityWithCustomGradient(out, func(_, g *Node) *Node {
		upstream = g
		return g
	})
}

// heads splits [B, N, H·d] into [B, H, N, d].
func (c Config) heads(x *Node) *Node {
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	x = Reshape(x, b, n, c.Heads, c.HeadDim)
	return TransposeAllDims(x, 0, 2, 1, 3)
}

// mlp is norm, widen, GELU, narrow on x [B, h·w, D]. With neighbours, the hidden
// layer is of them as well.
func (c Config) mlp(scope *model.Scope, x *Node, h, w int) *Node {
	hidden := int(c.MLP * float64(c.Dim))
	std := 1 / math.Sqrt(float64(c.Dim))
	x = layerNorm(scope.In("norm"), x)
	wide := linear(scope.In("up"), x, hidden, std)
	if c.Neighbours > 0 {
		around := neighbours(linear(scope.In("look"), x, 8*c.Neighbours, std), h, w)
		// From zero, so that a prior without neighbours can go on with them.
		wide = Add(wide, linear(scope.In("around"), around, hidden, 0))
	}
	return linear(scope.In("down"), activation.Gelu(wide), c.Dim, 0.5/math.Sqrt(float64(hidden)))
}

// neighbours brings to each token an eighth of the channels from each of the eight
// tokens around it, zeros from beyond the border: x [B, h·w, 8·C] to the same
// shape. It is the shift of Wang et al. (2201.10801) in all directions: what lies
// next to what is most of what a token's neighbours tell, and heads that look so
// near have to be learned first, and are then missing elsewhere.
func neighbours(x *Node, h, w int) *Node {
	b, channels := x.Shape().Dim(0), x.Shape().Dim(2)
	border := PadAxis{Start: 1, End: 1}
	x = Pad(Reshape(x, b, h, w, channels), ScalarZero(x.Graph(), x.DType()), PadAxis{}, border, border, PadAxis{})
	shifted := make([]*Node, 0, 8)
	for i := range 3 {
		for j := range 3 {
			if i == 1 && j == 1 {
				continue
			}
			from := len(shifted) * channels / 8
			shifted = append(shifted, Slice(x, AxisRange(), AxisRange(i, i+h), AxisRange(j, j+w), AxisRange(from, from+channels/8)))
		}
	}
	return Reshape(Concatenate(shifted, -1), b, h*w, channels)
}

// shorten makes one token of each √k×√k cell: x [B, h·w, D] -> [B, h·w/k, D].
func (c Config) shorten(scope *model.Scope, x *Node, h, w int) *Node {
	s, b := c.shortenSide(), x.Shape().Dim(0)
	x = Reshape(x, b, h/s, s, w/s, s*c.Dim)
	x = TransposeAllDims(x, 0, 1, 3, 2, 4) // [B, h/s, w/s, s, s·D]
	x = Reshape(x, b, h/s*w/s, s*s*c.Dim)
	return linear(scope, x, c.Dim, 1/math.Sqrt(float64(s*s*c.Dim)))
}

// lengthen makes a √k×√k cell of each token: x [B, h·w/k, D] -> [B, h·w, D],
// for a grid of h×w after it. With identity weights it undoes shorten.
func (c Config) lengthen(scope *model.Scope, x *Node, h, w int) *Node {
	s, b := c.shortenSide(), x.Shape().Dim(0)
	x = linear(scope, x, s*s*c.Dim, 1/math.Sqrt(float64(c.Dim)))
	x = Reshape(x, b, h/s, w/s, s, s*c.Dim)
	x = TransposeAllDims(x, 0, 1, 3, 2, 4) // [B, h/s, s, w/s, s·D]
	return Reshape(x, b, h*w, c.Dim)
}

// linear is x [B, N, in] · weight [in, out] + bias. B may be dynamic.
func linear(scope *model.Scope, x *Node, out int, std float64) *Node {
	g := x.Graph()
	weight := engine.Normal(scope, g, "weight", std, x.Shape().Dim(-1), out)
	bias := engine.Constant(scope, g, "bias", 0, 1, 1, out)
	return affine(x, weight, bias)
}

// affine is x [B, N, in] · weight [in, out] + bias [1, 1, out]. Where the batch is
// known it is written with two axes, which ONNX Runtime does in one go and faster
// than the Einsum of three axes, and so are its gradients.
func affine(x, weight, bias *Node) *Node {
	b, n, in, out := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), weight.Shape().Dim(1)
	if b == shapes.DynamicDim {
		return Add(MatMul(x, weight), bias)
	}
	return Reshape(Add(MatMul(Reshape(x, b*n, in), weight), Reshape(bias, 1, out)), b, n, out)
}

func layerNorm(scope *model.Scope, x *Node) *Node {
	g, dim := x.Graph(), x.Shape().Dim(-1)
	gain := engine.Constant(scope, g, "gain", 1, dim)
	bias := engine.Constant(scope, g, "bias", 0, dim)
	return nn.LayerNorm(x, []int{-1}, 1e-5, gain, bias, nil)
}

// position is a token's row and column, in tokens of the level that the
// attention compares.
type position struct{ row, column float64 }

// positions lists the centres of h×w cells of side tokens in raster order.
func positions(h, w, side int) []position {
	centre := float64(side-1) / 2
	out := make([]position, 0, h*w)
	for row := range h {
		for column := range w {
			out = append(out, position{float64(row*side) + centre, float64(column*side) + centre})
		}
	}
	return out
}

// ropeBase sets the slowest turn of the rotary embedding.
const ropeBase = 10000

// turns is what the rotary embedding of one level's tokens is made of: how far each
// turns, and who is whose partner.
type turns struct{ cos, sin, swap *Node } // [1, 1, N, d] twice, [d, d]

// newTurns is for heads of d channels: the first half of them turns with the token's
// row, the second with its column. Pairs lie a quarter head apart. They are made
// once a level and not in every layer: as constants they would be most of a graph.
func newTurns(g *Graph, d int, at []position) turns {
	quarter := d / 4
	cos, sin := make([]float32, len(at)*d), make([]float32, len(at)*d)
	swap := make([]float32, d*d)
	for i := range d {
		half, pair := i/(2*quarter), i%quarter
		turn := math.Pow(ropeBase, -float64(pair)/float64(quarter))
		for n, p := range at {
			angle := p.row * turn
			if half == 1 {
				angle = p.column * turn
			}
			cos[n*d+i], sin[n*d+i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		// The first of a pair receives minus its partner, the second plus.
		if i%(2*quarter) < quarter {
			swap[(i+quarter)*d+i] = -1
		} else {
			swap[(i-quarter)*d+i] = 1
		}
	}
	table := func(values []float32) *Node {
		return ConstTensor(g, tensors.FromFlatDataAndDimensions(values, 1, 1, len(at), d))
	}
	return turns{table(cos), table(sin), ConstTensor(g, tensors.FromFlatDataAndDimensions(swap, d, d))}
}

// rotate is the rotary embedding in two axes on x [B, H, N, d], so that a score depends
// on the difference of rows and of columns alone (2104.09864, equation 34):
// x·cos + (x·swap)·sin.
func rotate(x *Node, t turns) *Node {
	return Add(Mul(x, t.cos), Mul(MatMul(x, t.swap), t.sin))
}
