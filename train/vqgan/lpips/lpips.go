// Package lpips is the perceptual loss of VQ-GAN: LPIPS (Zhang et al., 1801.03924), the
// distance between two images in the features of a VGG16 that was trained to classify
// photographs, weighted by heads that were fitted to people's judgement.
//
// The weights are supplied by the user, in the files of torchvision and of
// PerceptualSimilarity. Open reads them; the graph of a training step takes them as inputs,
// so that they are neither trained nor saved, and are in memory once.
package lpips

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/images"
	"github.com/gomlx/gomlx/ml/layers/activation"

	"sundae/train/engine"
	"sundae/train/pretrained"
)

// stages are the indices of VGG16's convolutions in torchvision's `features`. A ReLU
// follows each, max pooling each stage but the last. The features compared are those
// behind the last ReLU of each stage (features.3, 8, 15, 22 and 29).
var stages = [][]int{{0, 2}, {5, 7}, {10, 12, 14}, {17, 19, 21}, {24, 26, 28}}

// MinSide is the least side of images: the last stage sees one position.
const MinSide = 16

// Network holds the weights of VGG16 and of the heads.
type Network struct {
	weights []*tensors.Tensor // of each convolution kernel and bias, then of each head
}

// Open reads VGG16 from the file vgg, with torchvision's keys ("features.0.weight"), and
// the heads from the file heads, with the keys that they were published with
// ("lin0.model.1.weight"). Widths are those of the files; keys of VGG16's classifier are
// passed over. Weights of another network are an *engine.MismatchError.
func Open(vgg, heads string) (*Network, error) {
	n := &Network{}
	var channels []int // of each stage
	err := n.read(vgg, func(r *reader) {
		in := 3
		for _, stage := range stages {
			for _, i := range stage {
				name := fmt.Sprintf("features.%d", i)
				out := r.width(name + ".weight")
				r.take(name+".weight", []int{out, in, 3, 3}, out, in, 3, 3)
				r.take(name+".bias", []int{out}, 1, out, 1, 1)
				in = out
			}
			channels = append(channels, in)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read VGG16: %w", err)
	}
	err = n.read(heads, func(r *reader) {
		for i, c := range channels {
			r.take(fmt.Sprintf("lin%d.model.1.weight", i), []int{1, c, 1, 1}, 1, c, 1, 1)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the heads of LPIPS: %w", err)
	}
	return n, nil
}

// read appends the weights that list takes from a file. Keys and shapes are compared
// before any value is read.
func (n *Network) read(path string, list func(r *reader)) error {
	file, err := pretrained.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := &reader{file: file}
	list(r)
	for _, key := range file.Keys() {
		if !slices.ContainsFunc(r.taken, func(t entry) bool { return t.key == key }) && !strings.HasPrefix(key, "classifier.") {
			r.mismatch.Unexpected = append(r.mismatch.Unexpected, key)
		}
	}
	if m := r.mismatch; len(m.Missing)+len(m.Unexpected)+len(m.Shapes) > 0 {
		return fmt.Errorf("%s: %w", path, &m)
	}
	for _, t := range r.taken {
		values, err := file.Read(t.key)
		if err != nil {
			return err
		}
		n.weights = append(n.weights, tensors.FromFlatDataAndDimensions(values, t.dims...))
	}
	return nil
}

// reader lists the weights to take from a file.
type reader struct {
	file     *pretrained.Weights
	taken    []entry
	mismatch engine.MismatchError
}

type entry struct {
	key  string
	dims []int // that the values get
}

// width is the first dimension of a weight, 0 if the file does not hold it.
func (r *reader) width(key string) int {
	if shape, ok := r.file.Shape(key); ok && len(shape) > 0 {
		return shape[0]
	}
	return 0
}

// take lists a weight of the given shape, which gets the dimensions dims.
func (r *reader) take(key string, shape []int, dims ...int) {
	r.taken = append(r.taken, entry{key, dims})
	found, ok := r.file.Shape(key)
	if !ok {
		r.mismatch.Missing = append(r.mismatch.Missing, key)
	} else if !slices.Equal(found, shape) {
		r.mismatch.Shapes = append(r.mismatch.Shapes, fmt.Sprintf("%s is %v, expected %v", key, found, shape))
	}
}

// Inputs are the weights, in the order in which Distance takes them.
func (n *Network) Inputs() []*tensors.Tensor { return n.weights }

// Distance is the distance [B] between the images x and y, both [B, 3, H, W] in [-1, 1],
// H and W at least MinSide: for each stage, the squared difference of the features as unit
// vectors, weighted by the head, averaged over all positions; summed over the stages
// (1801.03924, equation 1). weights are the nodes of Inputs.
func Distance(weights []*Node, x, y *Node) *Node {
	heads := weights[len(weights)-len(stages):]
	fx, fy := features(weights, x), features(weights, y)
	distance := ScalarZero(x.Graph(), x.DType())
	for i, head := range heads { // [1, Ci, 1, 1]
		diff := Square(Sub(unit(fx[i]), unit(fy[i])))        // [B, Ci, Hi, Wi]
		weighted := ReduceSum(Mul(diff, head), 1)            // [B, Hi, Wi]
		distance = Add(distance, ReduceMean(weighted, 1, 2)) // [B]
	}
	return distance
}

// features returns what VGG16 sees in images x [B, 3, H, W] at the end of each stage:
// [B, Ci, H/2ⁱ, W/2ⁱ] for stage i from 0 on.
func features(weights []*Node, x *Node) []*Node {
	// The colours' mean and standard deviation in the training data, for [-1, 1].
	shift := Const(x.Graph(), [][][][]float32{{{{-.030}}, {{-.088}}, {{-.188}}}}) // [1, 3, 1, 1]
	scale := Const(x.Graph(), [][][][]float32{{{{.458}}, {{.448}}, {{.450}}}})
	x = Div(Sub(x, shift), scale)
	var taps []*Node
	for i, stage := range stages {
		if i > 0 {
			x = maxPool(x) // [B, Ci-1, H/2, W/2]
		}
		for range stage {
			x = Convolve(x, weights[0]).ChannelsAxis(images.ChannelsFirst).PadSame().Done() // [B, Ci, H, W]
			x = activation.Relu(Add(x, weights[1]))
			weights = weights[2:]
		}
		taps = append(taps, x)
	}
	return taps
}

// maxPool takes the largest of each 2×2 block: [B, C, H, W] -> [B, C, H/2, W/2]. A last
// odd row or column is left out. Max pooling itself has no gradient on ONNX Runtime.
func maxPool(x *Node) *Node {
	for _, axis := range []int{2, 3} {
		dims := slices.Clone(x.Shape().Dimensions)
		half := dims[axis] / 2
		x = SliceAxis(x, axis, AxisRange(0, 2*half))
		x = Reshape(x, slices.Concat(dims[:axis], []int{half, 2}, dims[axis+1:])...) // the axis becomes [half, 2]
		pair := func(i int) *Node { return Squeeze(SliceAxis(x, axis+1, AxisElem(i)), axis+1) }
		x = Max(pair(0), pair(1))
	}
	return x
}

// unit scales the vector at each position of x [B, C, H, W] to length 1. Where all
// features are 0 they stay 0, and so does their gradient.
func unit(x *Node) *Node {
	square := ReduceAndKeep(Square(x), ReduceSum, 1) // [B, 1, H, W]
	return Div(x, Sqrt(AddScalar(square, 1e-20)))
}
