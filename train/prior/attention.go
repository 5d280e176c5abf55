package prior

import (
	"math"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// attention is multi-head attention from x [B, N, D] to context [B, M, D], or to x
// itself when context is nil, with rotary position embedding. There is no causal mask:
// every token sees all others.
func (c Config) attention(scope *model.Scope, x, context *Node, tableX, tableContext ropeTable) *Node {
	inner := c.Heads * c.HeadDim
	std := 1 / math.Sqrt(float64(c.Dim))
	x = layerNorm(scope.In("norm"), x)
	var q, k, v *Node
	if context == nil {
		qkv := linear(scope.In("qkv"), x, 3*inner, std) // [B, N, 3·H·d]
		part := func(i int) *Node { return Slice(qkv, AxisRange(), AxisRange(), AxisRange(i*inner, (i+1)*inner)) }
		q, k, v = part(0), part(1), part(2) // [B, N, H·d] each
	} else {
		context = layerNorm(scope.In("norm_context"), context)
		q = linear(scope.In("q"), x, inner, std)                     // [B, N, H·d]
		kv := linear(scope.In("kv"), context, 2*inner, std)          // [B, M, 2·H·d]
		k = Slice(kv, AxisRange(), AxisRange(), AxisRange(0, inner)) // [B, M, H·d]
		v = Slice(kv, AxisRange(), AxisRange(), AxisRange(inner))    // [B, M, H·d]
	}
	q = applyRoPE(c.splitHeads(q), tableX)       // [B, H, N, d]
	k = applyRoPE(c.splitHeads(k), tableContext) // [B, H, M, d]
	q = MulScalar(q, 1/math.Sqrt(float64(c.HeadDim)))
	out := scaledAttention(q, k, c.splitHeads(v)) // [B, H, N, d]
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	out = Reshape(TransposeAllDims(out, 0, 2, 1, 3), b, n, inner) // [B, N, H·d]
	return linear(scope.In("out"), out, c.Dim, 0.5*std)           // [B, N, D]
}

// splitHeads splits [B, N, H·d] into [B, H, N, d].
func (c Config) splitHeads(x *Node) *Node {
	b, n := x.Shape().Dim(0), x.Shape().Dim(1)
	x = Reshape(x, b, n, c.Heads, c.HeadDim) // [B, N, H, d]
	return TransposeAllDims(x, 0, 2, 1, 3)   // [B, H, N, d]
}

// scaledAttention is softmax(q·kᵀ)·v of q [B, H, N, d], already scaled by 1/√d, and
// k, v [B, H, M, d]. Its gradient is written by hand: at 1024 tokens every pass over the
// [B, H, N, M] scores moves a hundred megabytes, and the derived gradient makes twice
// as many passes, some of them transposed. With P the softmax, O the output and ' a
// gradient:
//
//	S' = P∘(O'·vᵀ - rowsum(O'∘O)),  q' = S'·k,  k' = (qᵀ·S')ᵀ,  v' = (O'ᵀ·P)ᵀ
func scaledAttention(q, k, v *Node) *Node {
	transpose := func(x *Node) *Node { return TransposeAllDims(x, 0, 1, 3, 2) }
	var p, out, upstream, s *Node // s is S', computed once for q' and k'
	scores := func() *Node {
		if s == nil {
			// One more column in the product subtracts the row sum.
			rowSum := ReduceAndKeep(Mul(upstream, out), ReduceSum, -1) // [B, H, N, 1]
			ones := Ones(v.Graph(), shapes.Make(v.DType(), v.Shape().Dim(0), v.Shape().Dim(1), 1, v.Shape().Dim(2)))
			s = Mul(p, MatMul(Concatenate([]*Node{upstream, Neg(rowSum)}, -1), Concatenate([]*Node{transpose(v), ones}, 2))) // [B, H, N, M]
		}
		return s
	}
	withGradient := func(x *Node, f func() *Node) *Node {
		return IdentityWithCustomGradient(x, func(_, _ *Node) *Node { return f() })
	}
	q0, k0, v0 := q, k, v
	q = withGradient(q0, func() *Node { return MatMul(scores(), k0) })
	k = withGradient(k0, func() *Node { return transpose(MatMul(transpose(q0), scores())) })
	v = withGradient(v0, func() *Node { return transpose(MatMul(transpose(upstream), p)) })
	p = Softmax(MatMul(q, transpose(k)), -1) // [B, H, N, M]
	out = MatMul(p, v)                       // [B, H, N, d]
	return IdentityWithCustomGradient(out, func(_, g *Node) *Node {
		upstream = g
		return g
	})
}
