package vqgan

import (
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/model"
)

// strips is an activation [B, C, H, W] that is cut along H into strips of equal height,
// from top to bottom. At high resolutions one activation has hundreds of megabytes, and a
// chain of norm, swish and convolution would keep several of that size. By strips, only one
// strip of what lies between is alive at a time. In training there is one strip: the
// gradient needs everything anyway.
type strips []*Node

// stripBytes is the largest size of a strip.
const stripBytes = 32 << 20

// fit cuts or joins strips so that none is larger than stripBytes with the given number of
// channels. In training there is one strip.
func (s strips) fit(scope *model.Scope, channels int) strips {
	n := 1
	if !scope.IsTraining(s[0].Graph()) {
		b, h, w := s[0].Shape().Dim(0), s[0].Shape().Dim(2)*len(s), s[0].Shape().Dim(3)
		for 4*b*channels*h*w/n > stripBytes && h%(2*n) == 0 {
			n *= 2
		}
	}
	return s.recut(n)
}

// recut cuts or joins strips so that there are n, a multiple or a divisor of their number.
func (s strips) recut(n int) strips {
	var out strips
	switch {
	case n == len(s):
		return s
	case n < len(s):
		for strip := range slices.Chunk(s, len(s)/n) {
			out = append(out, strip.join())
		}
	default:
		for _, x := range s {
			rows := x.Shape().Dim(2) * len(s) / n
			for from := 0; from < x.Shape().Dim(2); from += rows {
				out = append(out, SliceAxis(x, 2, AxisRange(from, from+rows))) // [B, C, H/n, W]
			}
		}
	}
	return out
}

// join is the whole activation [B, C, H, W].
func (s strips) join() *Node {
	if len(s) == 1 {
		return s[0]
	}
	return Concatenate(s, 2)
}

// each applies f, which treats all rows alike, to every strip.
func (s strips) each(f func(x *Node) *Node) strips {
	out := make(strips, len(s))
	for i, x := range s {
		out[i] = f(x)
	}
	return out
}

// plus adds an activation of the same shape and number of strips.
func (s strips) plus(t strips) strips {
	out := make(strips, len(s))
	for i := range s {
		out[i] = Add(s[i], t[i])
	}
	return out
}

// withRows is strip i with a number of rows of its neighbours above and below it. At the
// top and the bottom of the activation there are none: missing says how many rows of zeros
// stand in for them.
func (s strips) withRows(i, above, below int) (x *Node, missing [2]int) {
	parts := []*Node{s[i]}
	if above > 0 {
		if i == 0 {
			missing[0] = above
		} else {
			height := s[i-1].Shape().Dim(2)
			parts = append([]*Node{SliceAxis(s[i-1], 2, AxisRange(height-above, height))}, parts...)
		}
	}
	if below > 0 {
		if i == len(s)-1 {
			missing[1] = below
		} else {
			parts = append(parts, SliceAxis(s[i+1], 2, AxisRange(0, below)))
		}
	}
	if len(parts) == 1 {
		return s[i], missing
	}
	return Concatenate(parts, 2), missing // [B, C, H/n+above+below, W]
}

// conv is [conv] with an odd k: [B, C, H, W] -> [B, out, H, W].
func (s strips) conv(scope *model.Scope, out, k int) strips {
	weight, bias := kernel(scope, s[0], out, k, tamingGain)
	if len(s) == 1 {
		return strips{Add(convolve(s[0], weight), bias)}
	}
	y := make(strips, len(s))
	for i := range s {
		x, rows := s.withRows(i, k/2, k/2)
		y[i] = Add(convolveForward(x, weight, 1, rows, [2]int{k / 2, k / 2}), bias) // [B, out, H/n, W]
	}
	return y
}

// convolveForward is a convolution for graphs without gradients, with zeros before and after
// rows and columns.
func convolveForward(x, weight *Node, stride int, rows, columns [2]int) *Node {
	return Convolve(x, weight).ChannelsAxis(images.ChannelsFirst).Strides(stride).PaddingPerDim([][2]int{rows, columns}).Done()
}

// groupNorm normalises in groups of channels (Wu & He, 1803.08494), whose moments are those
// of all strips. The variance is that of the differences to the mean, which is more exact
// than the difference of two means where the mean is large.
func (s strips) groupNorm(scope *model.Scope, groups int, epsilon float64) strips {
	b, ch := s[0].Shape().Dim(0), s[0].Shape().Dim(1)
	grouped := s.each(func(x *Node) *Node { return Reshape(x, b, groups, x.Shape().Size()/(b*groups)) }) // [B, G, C/G·H/n·W]
	mean := grouped.mean()                                                                               // [B, G, 1]
	variance := grouped.each(func(x *Node) *Node { return Square(Sub(x, mean)) }).mean()                 // [B, G, 1]
	scale, shift := normScale(scope, ch, mean, variance, epsilon)                                        // [B, C, 1, 1]
	return s.each(func(x *Node) *Node { return Add(Mul(x, scale), shift) })
}

// mean is the mean of the last axis, over all strips.
func (s strips) mean() *Node {
	sum := ReduceAndKeep(s[0], ReduceMean, -1)
	for _, x := range s[1:] {
		sum = Add(sum, ReduceAndKeep(x, ReduceMean, -1))
	}
	if len(s) == 1 {
		return sum
	}
	return DivScalar(sum, len(s))
}

// downsample halves the side with a 3×3 convolution of stride 2 that sees one row and one
// column of zeros behind the last, and none before the first:
// [B, C, H, W] -> [B, C, H/2, W/2].
func (s strips) downsample(scope *model.Scope) strips {
	weight, bias := kernel(scope, s[0], s[0].Shape().Dim(1), 3, tamingGain)
	if scope.IsTraining(s[0].Graph()) {
		return strips{Add(convolveStride2(s[0], weight), bias)}
	}
	y := make(strips, len(s))
	for i := range s {
		x, rows := s.withRows(i, 0, 1)
		y[i] = Add(convolveForward(x, weight, 2, rows, [2]int{0, 1}), bias) // [B, C, H/2n, W/2]
	}
	return y
}

// convolveStride2 is the convolution of downsample with a gradient on every backend: ONNX
// Runtime has none of strided ones. With one more row and column of zeros the kernel has
// 2×2 cells of 2×2, which meet the 2×2 cells of x, unshuffled into channels.
func convolveStride2(x, weight *Node) *Node {
	out, in := weight.Shape().Dim(0), weight.Shape().Dim(1)
	zero, end := ScalarZero(x.Graph(), x.DType()), PadAxis{End: 1}
	weight = Reshape(Pad(weight, zero, PadAxis{}, PadAxis{}, end, end), out, in, 2, 2, 2, 2) // [O, C, 2, 2, 2, 2]
	weight = Reshape(TransposeAllDims(weight, 0, 1, 3, 5, 2, 4), out, 4*in, 2, 2)            // [O, 4·C, 2, 2]
	x = Pad(pixelUnshuffle(x, 2), zero, PadAxis{}, PadAxis{}, end, end)                      // [B, 4·C, H/2+1, W/2+1]
	return convolvePadded(x, weight, 0)                                                      // [B, O, H/2, W/2]
}

// upsample doubles the side by nearest-neighbour interpolation, followed by a 3×3
// convolution: [B, C, H, W] -> [B, C, 2·H, 2·W].
//
// Of the nine pixels that the convolution would see, neighbours are equal: each of the four
// pixels that one becomes is a 2×2 convolution of the small image, with sums of the 3×3
// weights. That is 4/9 of the products, and nothing large is read.
func (s strips) upsample(scope *model.Scope) strips {
	weight, bias := kernel(scope, s[0], s[0].Shape().Dim(1), 3, tamingGain)
	training := scope.IsTraining(s[0].Graph())
	y := make(strips, len(s))
	for i := range s {
		var rows [2]*Node // [B, C, H/n, 2·W], even and odd rows
		for p := range 2 {
			x, missing := s.withRows(i, 1-p, p)
			var columns [2]*Node // [B, C, H/n, W], even and odd columns
			for q := range 2 {
				w := halfKernel(halfKernel(weight, 2, p), 3, q) // [C, C, 2, 2]
				beside := [2]int{1 - q, q}
				if training {
					columns[q] = convolvePadded(zeroPadded(x, missing, beside), w, 0)
				} else {
					columns[q] = convolveForward(x, w, 1, missing, beside)
				}
			}
			rows[p] = interleave(columns, 3)
		}
		y[i] = Add(interleave(rows, 2), bias) // [B, C, 2·H/n, 2·W]
	}
	return y
}

// halfKernel sums the weights of an axis of three that meet the same pixel before the
// interpolation. The even pixel after it sees the one before and twice its own, the odd one
// twice its own and the one behind.
func halfKernel(weight *Node, axis, odd int) *Node {
	at := func(i int) *Node { return SliceAxis(weight, axis, AxisRange(i, i+1)) }
	if odd == 0 {
		return Concatenate([]*Node{at(0), Add(at(1), at(2))}, axis)
	}
	return Concatenate([]*Node{Add(at(0), at(1)), at(2)}, axis)
}

// zeroPadded puts rows and columns of zeros before and after those of x [B, C, H, W].
func zeroPadded(x *Node, rows, columns [2]int) *Node {
	return Pad(x, ScalarZero(x.Graph(), x.DType()), PadAxis{}, PadAxis{},
		PadAxis{Start: rows[0], End: rows[1]}, PadAxis{Start: columns[0], End: columns[1]})
}

// interleave alternates the slices of two tensors along an axis, which doubles.
func interleave(parts [2]*Node, axis int) *Node {
	dims := slices.Clone(parts[0].Shape().Dimensions)
	dims[axis] *= 2
	return Reshape(Stack(parts[:], axis+1), dims...)
}
