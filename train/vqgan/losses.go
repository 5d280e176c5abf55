package vqgan

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// reconstructionLoss compares images x with their reconstructions y, both
// [B, 3, S, S]: L1 and L2 of pixels, and L1 of the gradients of the image at several
// scales, which brings out edges early. Seams, if set, adds the error at the borders of
// the stem's patches of k×k pixels, where a faint grid would remain.
//
// VQ-GAN has a perceptual loss (LPIPS) where this has the gradients.
func (l Loss) reconstructionLoss(x, y *Node, k int) *Node {
	diff := Sub(y, x)
	loss := Add(MulScalar(ReduceAllMean(Abs(diff)), l.L1), MulScalar(ReduceAllMean(Square(diff)), l.L2))
	if l.Seams > 0 {
		seams := Add(ReduceAllMean(Abs(seamDifferences(diff, 2, k))), ReduceAllMean(Abs(seamDifferences(diff, 3, k))))
		loss = Add(loss, MulScalar(seams, l.Seams))
	}
	if l.Gradient == 0 {
		return loss
	}
	edges := ScalarZero(x.Graph(), x.DType())
	for scale := range l.Scales {
		if scale > 0 {
			diff = averagePool(diff, 2) // [B, 3, S/2, S/2]
		}
		edges = Add(edges, Add(ReduceAllMean(absDifferences(diff, 3)), ReduceAllMean(absDifferences(diff, 2))))
	}
	return Add(loss, MulScalar(edges, l.Gradient/float64(l.Scales)))
}

// patchLoss compares only statistics of f×f patches of x and y [B, 3, S, S]: the mean
// colour, and the sum of absolute differences between neighbouring pixels. It is for
// images decoded from augmented tokens, whose edges are not where those of x are:
// compared pixel by pixel, the best answer would be a blur of all possible positions.
// The discriminator learns what edges look like, and the sum of differences keeps
// plain areas plain.
func (l Loss) patchLoss(x, y *Node, f int) *Node {
	diff := Sub(averagePool(y, f), averagePool(x, f)) // [B, 3, S/f, S/f]
	loss := Add(MulScalar(ReduceAllMean(Abs(diff)), l.L1), MulScalar(ReduceAllMean(Square(diff)), l.L2))
	for _, axis := range []int{2, 3} {
		pad := make([]PadAxis, 4) // the last pixel has no next one
		pad[axis].End = 1
		sums := func(x *Node) *Node {
			return averagePool(Pad(absDifferences(x, axis), ScalarZero(x.Graph(), x.DType()), pad...), f) // [B, 3, S/f, S/f]
		}
		loss = Add(loss, MulScalar(ReduceAllMean(Abs(Sub(sums(y), sums(x)))), l.Gradient))
	}
	return loss
}

// absDifferences is the absolute difference of each pixel of x [B, C, H, W] to the
// next along an axis, which gets shorter by one.
func absDifferences(x *Node, axis int) *Node {
	next := SliceAxis(x, axis, AxisRange(1))
	previous := SliceAxis(x, axis, AxisRange(0, x.Shape().Dim(axis)-1))
	return Abs(Sub(next, previous))
}

// seamDifferences is the difference of x [B, C, H, W] along an axis between the last
// pixel of each patch of k pixels and the first of the next: the axis has as many
// values as there are borders.
func seamDifferences(x *Node, axis, k int) *Node {
	dims := x.Shape().Dimensions
	patches := dims[axis] / k
	x = Reshape(x, slices.Concat(dims[:axis], []int{patches, k}, dims[axis+1:])...) // the axis becomes [patches, k]
	last := SliceAxis(SliceAxis(x, axis, AxisRange(0, patches-1)), axis+1, AxisElem(k-1))
	first := SliceAxis(SliceAxis(x, axis, AxisRange(1)), axis+1, AxisElem(0))
	return Sub(first, last)
}
