package prior

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/nn"

	"sundae/train/engine"
)

// modelScope holds the network's weights.
const modelScope = "model"

// logits is the network: tokens int32 [B, N] in raster order and, where the grid
// has classes, class int32 [B] in [0, Classes], to logits [B, N, V].
func (c Config) logits(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	return c.head(scope, c.features(scope, grid, tokens, class), grid.Vocabulary)
}

// features is the network without its head: tokens [B, N] to [B, N, D].
func (c Config) features(scope *model.Scope, grid Grid, tokens, class *Node) *Node {
	if c.isPublished() {
		return published(c).features(scope, grid, tokens, class)
	}
	g := tokens.Graph()
	width := math.Sqrt(float64(c.Dim))
	embedding := engine.Normal(scope.In("token_embedding"), g, "weight", 1/width, grid.Vocabulary, c.Dim) // [V, D]
	x := Gather(embedding, ExpandAxes(tokens, -1))                                                        // [B, N, D]
	if grid.Classes > 0 {
		classes := engine.Normal(scope.In("class_embedding"), g, "weight", 1/width, grid.Classes+1, c.Dim) // [C+1, D]
		x = Add(x, ExpandAxes(Gather(classes, ExpandAxes(class, -1)), 1))                                  // [B, N, D] + [B, 1, D]
	}
	if c.PositionEmbedding {
		x = Add(x, c.positionEmbedding(scope.In("position_embedding"), g, grid)) // [B, N, D] + [1, N, D]
	}
	// Embeddings of length √D are of the same size as what the layers add to them;
	// shorter ones would be lost in the residual stream.
	x = MulScalar(x, width)
	x = c.hourglass(scope.In("hourglass"), x, c.Depth, grid.Height, grid.Width)
	return layerNorm(scope.In("norm"), x)
}

// head maps x [B, N, D] to logits [B, N, V]. Its weight starts as a scaled transpose
// of the token embedding, so that an untrained network already predicts the token it
// sees about half of the time. At low corruption that is most of the task, and
// learning it from random weights takes hundreds of steps.
func (c Config) head(scope *model.Scope, x *Node, vocabulary int) *Node {
	if c.isPublished() {
		return published(c).linear(scope.In("head"), x, vocabulary)
	}
	g := x.Graph()
	path := model.JoinPath(scope.Scope(), "token_embedding", "weight")
	tied := func(values []float32) { // [D, V]
		embedding := make([]float32, len(values)) // [V, D]
		engine.Draw(scope.Store(), path, 0.5/math.Sqrt(float64(c.Dim)), embedding)
		for i, v := range embedding {
			values[i%c.Dim*vocabulary+i/c.Dim] = v
		}
	}
	s := scope.In("head")
	weight := engine.Weight(s, "weight", tied, c.Dim, vocabulary).NodeValue(g)
	return affine(x, weight, engine.Constant(s, g, "bias", 0, 1, 1, vocabulary)) // [B, N, V]
}

// hourglass runs depth on x [B, h·w, D]: layers at full resolution, the same again on
// downsampled tokens, and layers at full resolution (2110.13711), with resampling in
// two dimensions (2206.12351, section 3.2).
func (c Config) hourglass(scope *model.Scope, x *Node, depth Depth, h, w int) *Node {
	g := x.Graph()
	fine := newRoPETable(g, c.HeadDim, positions(h, w, 1))
	x = c.layers(scope.In("before"), x, depth.Before, fine, h, w)
	if depth.Inner != nil || depth.Middle > 0 {
		side := c.downsampleSide()
		short := c.downsample(scope.In("down"), x, h, w) // [B, h·w/k, D]
		var coarse ropeTable
		if c.Resample == "attention" {
			coarse = newRoPETable(g, c.HeadDim, positions(h/side, w/side, side))
			short = Add(short, c.attention(scope.In("attention_down"), short, x, coarse, fine))
		}
		if depth.Inner != nil {
			short = c.hourglass(scope.In("inner"), short, *depth.Inner, h/side, w/side)
		} else {
			table := newRoPETable(g, c.HeadDim, positions(h/side, w/side, 1))
			short = c.layers(scope.In("middle"), short, depth.Middle, table, h/side, w/side)
		}
		x = Add(x, c.upsample(scope.In("up"), short, h, w)) // [B, h·w, D]
		if c.Resample == "attention" {
			x = Add(x, c.attention(scope.In("attention_up"), x, short, fine, coarse))
		}
	}
	return c.layers(scope.In("after"), x, depth.After, fine, h, w)
}

// layers runs n pre-norm transformer layers on x [B, h·w, D].
func (c Config) layers(scope *model.Scope, x *Node, n int, table ropeTable, h, w int) *Node {
	for i := range n {
		s := scope.In("layer%d", i)
		x = Add(x, c.attention(s.In("attention"), x, nil, table, table))
		x = Add(x, c.mlp(s.In("mlp"), x, h, w))
	}
	return x
}

// mlp is layer norm, a linear map to MLP·D channels, GELU and a linear map back, on
// x [B, h·w, D]. Shift mixing adds to the hidden layer.
func (c Config) mlp(scope *model.Scope, x *Node, h, w int) *Node {
	hidden := int(c.MLP * float64(c.Dim))
	x = layerNorm(scope.In("norm"), x)
	wide := linear(scope.In("up"), x, hidden, 1/math.Sqrt(float64(c.Dim))) // [B, h·w, MLP·D]
	if c.ShiftMixing > 0 {
		wide = Add(wide, c.shiftMixing(scope.In("shift_mixing"), x, hidden, h, w))
	}
	return linear(scope.In("down"), activation.Gelu(wide), c.Dim, 0.5/math.Sqrt(float64(hidden))) // [B, h·w, D]
}

// downsample makes one token of each √k×√k cell: x [B, h·w, D] to [B, h·w/k, D].
func (c Config) downsample(scope *model.Scope, x *Node, h, w int) *Node {
	s := c.downsampleSide()
	return linear(scope, pixelUnshuffle(x, h, w, s), c.Dim, 1/math.Sqrt(float64(s*s*c.Dim)))
}

// upsample makes a √k×√k cell of each token: x [B, h·w/k, D] to [B, h·w, D], where
// h and w are the sides of the result.
func (c Config) upsample(scope *model.Scope, x *Node, h, w int) *Node {
	s := c.downsampleSide()
	x = linear(scope, x, s*s*c.Dim, 1/math.Sqrt(float64(c.Dim))) // [B, h·w/k, k·D]
	return pixelShuffle(x, h, w, s)
}

// pixelUnshuffle moves each s×s cell of tokens into channels: x [B, h·w, D] to
// [B, h·w/s², s²·D].
func pixelUnshuffle(x *Node, h, w, s int) *Node {
	b, dim := x.Shape().Dim(0), x.Shape().Dim(2)
	x = Reshape(x, b, h/s, s, w/s, s*dim)      // [B, h/s, s, w/s, s·D]
	x = TransposeAllDims(x, 0, 1, 3, 2, 4)     // [B, h/s, w/s, s, s·D]
	return Reshape(x, b, (h/s)*(w/s), s*s*dim) // [B, h·w/s², s²·D]
}

// pixelShuffle is the inverse of pixelUnshuffle: x [B, h·w/s², s²·D] to [B, h·w, D].
func pixelShuffle(x *Node, h, w, s int) *Node {
	b, dim := x.Shape().Dim(0), x.Shape().Dim(2)/(s*s)
	x = Reshape(x, b, h/s, w/s, s, s*dim)  // [B, h/s, w/s, s, s·D]
	x = TransposeAllDims(x, 0, 1, 3, 2, 4) // [B, h/s, s, w/s, s·D]
	return Reshape(x, b, h*w, dim)         // [B, h·w, D]
}

// linear is x [B, N, in] · weight [in, out] + bias. B may be dynamic.
func linear(scope *model.Scope, x *Node, out int, std float64) *Node {
	g := x.Graph()
	weight := engine.Normal(scope, g, "weight", std, x.Shape().Dim(-1), out)
	bias := engine.Constant(scope, g, "bias", 0, 1, 1, out)
	return affine(x, weight, bias) // [B, N, out]
}

// affine is x [B, N, in] · weight [in, out] + bias [1, 1, out]. Where the batch size is
// known it multiplies matrices of two axes, which ONNX Runtime runs faster than an
// Einsum of three, in the gradients as well.
func affine(x, weight, bias *Node) *Node {
	b, n, in, out := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), weight.Shape().Dim(1)
	if b == shapes.DynamicDim {
		return Add(MatMul(x, weight), bias) // [B, N, out]
	}
	y := Add(MatMul(Reshape(x, b*n, in), weight), Reshape(bias, 1, out)) // [B·N, out]
	return Reshape(y, b, n, out)                                         // [B, N, out]
}

// layerNorm normalises the last axis of x and scales and shifts it.
func layerNorm(scope *model.Scope, x *Node) *Node {
	g, dim := x.Graph(), x.Shape().Dim(-1)
	weight := engine.Constant(scope, g, "weight", 1, dim)
	bias := engine.Constant(scope, g, "bias", 0, dim)
	return nn.LayerNorm(x, []int{-1}, 1e-5, weight, bias, nil)
}
