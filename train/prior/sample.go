package prior

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// minTemperature bounds the temperature from below; at it, the draw is the arg-max.
const minTemperature = 1e-4

// draw takes one token per position from softmax(logits / temperature) by inverting the
// cumulative distribution at one uniform number, in two levels: first a block of about √V
// tokens by the sums of blocks, then a token inside the block. Cumulative sums are products
// with a triangular matrix.
//
// logits [B, N, V], uniform [B, N] in [0, 1), temperature [B] or [1] give ids
// int32 [B, N] and the drawn tokens' probabilities [B, N].
func draw(logits, uniform, temperature *Node) (ids, probability *Node) {
	g := logits.Graph()
	b, n, v := logits.Shape().Dim(0), logits.Shape().Dim(1), logits.Shape().Dim(2)
	block := blockSize(v)
	blocks := v / block
	tau := ExpandAxes(ExpandAxes(MaxScalar(temperature, minTemperature), -1), -1) // [B, 1, 1]
	logits = Div(logits, tau)
	p := Reshape(Softmax(logits, -1), b, n, blocks, block) // [B, N, blocks, block]

	sums := ReduceSum(p, -1)                                            // [B, N, blocks]
	upTo := MatMul(sums, triangle(g, blocks))                           // [B, N, blocks], cumulative sums
	total := Slice(upTo, AxisRange(), AxisRange(), AxisRange(blocks-1)) // [B, N, 1], 1 up to rounding
	target := Mul(ExpandAxes(uniform, -1), total)                       // [B, N, 1] in [0, total)
	chosen, before := pick(upTo, sums, target)                          // [B, N, blocks] one-hot, [B, N, 1] mass before it

	inside := ReduceSum(Mul(p, ExpandAxes(chosen, -1)), 2) // [B, N, block]
	within := MatMul(inside, triangle(g, block))           // [B, N, block], cumulative sums
	token, _ := pick(within, inside, Sub(target, before))  // [B, N, block] one-hot

	index := func(oneHot *Node, size int) *Node {
		ramp := make([]float32, size)
		for i := range ramp {
			ramp[i] = float32(i)
		}
		return ReduceSum(Mul(oneHot, ConstTensor(g, tensors.FromFlatDataAndDimensions(ramp, 1, 1, size))), -1)
	}
	ids = Add(MulScalar(index(chosen, blocks), float64(block)), index(token, block))
	return ConvertDType(ids, dtypes.Int32), ReduceSum(Mul(inside, token), -1)
}

// pick finds the first entry whose inclusive cumulative sum exceeds target,
// skipping entries without mass: upTo and mass [B, N, K], target [B, N, 1]. It returns the
// entry as one-hot [B, N, K] and the mass before it [B, N, 1]. Where rounding puts target
// beyond the last sum, it is the last entry with mass.
func pick(upTo, mass, target *Node) (oneHot, before *Node) {
	k := upTo.Shape().Dim(-1)
	g := upTo.Graph()
	passed := ConvertDType(LessOrEqual(upTo, target), upTo.DType()) // [B, N, K]: 1, ..., 1, 0, ..., 0
	rank := ReduceAndKeep(passed, ReduceSum, -1)                    // [B, N, 1]: entries passed, 0 to K
	ramp := make([]float32, k)
	for i := range ramp {
		ramp[i] = float32(i)
	}
	index := ConstTensor(g, tensors.FromFlatDataAndDimensions(ramp, 1, 1, k))
	some := ConvertDType(GreaterThan(mass, ScalarZero(g, mass.DType())), mass.DType())
	last := ReduceAndKeep(Mul(some, index), ReduceMax, -1)
	oneHot = ConvertDType(Equal(index, Min(rank, last)), upTo.DType())
	before = ReduceAndKeep(Mul(oneHot, Sub(upTo, mass)), ReduceSum, -1)
	return oneHot, before
}

// blockSize is the largest divisor of v that is at most √v.
func blockSize(v int) int {
	size := int(math.Sqrt(float64(v)))
	for v%size != 0 {
		size--
	}
	return size
}

// triangle is the k×k matrix whose product gives inclusive cumulative sums.
func triangle(g *Graph, k int) *Node {
	values := make([]float32, k*k)
	for i := range k {
		for j := i; j < k; j++ {
			values[i*k+j] = 1
		}
	}
	return ConstTensor(g, tensors.FromFlatDataAndDimensions(values, k, k))
}
