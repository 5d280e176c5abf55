package prior

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// position is a token's row and column, in tokens of the finer level of an attention.
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

// ropeBase is the base of the rotary frequencies (2104.09864, section 3.2.2).
const ropeBase = 10000

// ropeTable holds the rotary position embedding of one level's tokens: cosines and
// sines of their angles, and the matrix that swaps the two channels of a pair.
type ropeTable struct{ cos, sin, swap *Node } // [..., N, d], [..., N, d], [d, d]

// newRoPETable makes the table for heads of d channels: the first half of the channels
// encodes the row, the second the column. The two channels of a pair lie d/4 apart. One
// table serves all layers of a level: as constants of each layer they would make up most
// of a graph's size.
func newRoPETable(g *Graph, d int, tokens []position) ropeTable {
	quarter := d / 4
	cos, sin := make([]float32, len(tokens)*d), make([]float32, len(tokens)*d)
	swap := make([]float32, d*d)
	for i := range d {
		half, pair := i/(2*quarter), i%quarter
		frequency := math.Pow(ropeBase, -float64(pair)/float64(quarter))
		for n, p := range tokens {
			angle := p.row * frequency
			if half == 1 {
				angle = p.column * frequency
			}
			cos[n*d+i], sin[n*d+i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		// The first channel of a pair receives minus the second, the second plus the first.
		if i%(2*quarter) < quarter {
			swap[(i+quarter)*d+i] = -1
		} else {
			swap[(i-quarter)*d+i] = 1
		}
	}
	constant := func(values []float32) *Node {
		return ConstTensor(g, tensors.FromFlatDataAndDimensions(values, 1, 1, len(tokens), d))
	}
	return ropeTable{constant(cos), constant(sin), ConstTensor(g, tensors.FromFlatDataAndDimensions(swap, d, d))}
}

// applyRoPE rotates the channel pairs of x [..., N, d], so that the product of a query
// and a key depends on the difference of their rows and columns alone (2104.09864,
// equation 34): x·cos + (x·swap)·sin.
func applyRoPE(x *Node, t ropeTable) *Node {
	return Add(Mul(x, t.cos), Mul(MatMul(x, t.swap), t.sin))
}
