package vqgan

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// TestFiniteDifferences compares the gradients of each layer, for its input and every
// weight, with central differences. Convolutions go through kernelGradient.
func TestFiniteDifferences(t *testing.T) {
	backend := open(t, "onnx:cpu")
	c := Config{Stem: 2, StemChannels: 4, Channels: 4, Multipliers: []int{1, 2}, Blocks: 1, Groups: 2, Embedding: 4}
	taming := Config{
		Network: Taming, Channels: 32, Multipliers: []int{1, 1}, Blocks: 1, AttentionResolutions: []int{2}, ZChannels: 8, Embedding: 4, size: 4,
	}
	for name, layer := range map[string]struct {
		input   []int
		forward func(scope *model.Scope, x *Node) *Node
	}{
		"3×3 convolution": {[]int{2, 3, 4, 5}, func(scope *model.Scope, x *Node) *Node { return conv(scope, x, 2, 3) }},
		"1×1 convolution": {[]int{2, 3, 4, 5}, func(scope *model.Scope, x *Node) *Node { return conv(scope, x, 2, 1) }},
		"4×4 convolution": {[]int{2, 3, 4, 5}, func(scope *model.Scope, x *Node) *Node {
			return convolvePadded(x, engine.Normal(scope, x.Graph(), "weight", 0.1, 2, 3, 4, 4), 1)
		}},
		"strided convolution": {[]int{2, 3, 6, 4}, func(scope *model.Scope, x *Node) *Node {
			return stridedConvolve(x, engine.Normal(scope, x.Graph(), "weight", 0.1, 2, 3, 4, 4))
		}},
		"batch norm":       {[]int{2, 4, 3, 3}, batchNorm},
		"group norm":       {[]int{2, 4, 3, 3}, c.groupNorm},
		"attention":        {[]int{2, 4, 3, 3}, c.selfAttention},
		"residual block":   {[]int{2, 4, 3, 3}, func(scope *model.Scope, x *Node) *Node { return c.residual(scope, x, 6, 1) }},
		"pixel unshuffle":  {[]int{2, 2, 4, 6}, func(_ *model.Scope, x *Node) *Node { return pixelUnshuffle(x, 2) }},
		"pixel shuffle":    {[]int{2, 8, 2, 3}, func(_ *model.Scope, x *Node) *Node { return pixelShuffle(x, 2) }},
		"average pool":     {[]int{2, 2, 4, 6}, func(_ *model.Scope, x *Node) *Node { return averagePool(x, 2) }},
		"upsample":         {[]int{2, 2, 3, 3}, func(_ *model.Scope, x *Node) *Node { return upsample(x, 2) }},
		"sphere":           {[]int{2, 4, 3, 3}, func(_ *model.Scope, x *Node) *Node { return onSphere(x) }},
		"encoder shortcut": {[]int{2, 3, 8, 8}, c.encoderShortcut},
		"decoder shortcut": {[]int{2, 4, 2, 2}, func(scope *model.Scope, x *Node) *Node {
			return c.decoderShortcut(scope, x, affine{scale: 2, shift: 1})
		}},
		"published downsampling": {[]int{2, 3, 4, 6}, func(scope *model.Scope, x *Node) *Node { return strips{x}.downsample(scope).join() }},
		"published upsampling":   {[]int{2, 3, 3, 2}, func(scope *model.Scope, x *Node) *Node { return strips{x}.upsample(scope).join() }},
		"published block":        {[]int{1, 32, 3, 3}, func(scope *model.Scope, x *Node) *Node { return tamingResidual(scope, strips{x}, 64).join() }},
		"published encoder":      {[]int{1, 3, 4, 4}, taming.Encode},
		"published decoder": {[]int{1, 4, 3, 3}, func(scope *model.Scope, x *Node) *Node {
			y, _ := taming.Decode(scope, x)
			return y
		}},
		"encoder": {[]int{1, 3, 8, 8}, c.Encode},
		"decoder": {[]int{1, 4, 2, 2}, func(scope *model.Scope, x *Node) *Node {
			y, _ := c.Decode(scope, x)
			return y
		}},
	} {
		t.Run(name, func(t *testing.T) {
			store := engine.NewStore(1)
			var weights []*model.Variable
			exec, err := model.NewExec(backend, store, func(scope *model.Scope, g *Graph) []*Node {
				scope.Store().SetTraining(g, true)
				x := engine.Normal(scope, g, "input", 1, layer.input...)
				y := layer.forward(scope.In("layer"), x)
				// A random direction makes a scalar of the output.
				loss := ReduceAllSum(Mul(y, normal(g, store, "/direction", y.Shape().Dimensions...)))
				weights = nil
				for v := range scope.IterVariables() {
					if v.Trainable {
						weights = append(weights, v)
					}
				}
				return append([]*Node{loss}, scope.BuildTrainableVariablesGradientsGraph(loss)...)
			})
			if err != nil {
				t.Fatal(err)
			}
			run := func() []*tensors.Tensor {
				out, err := exec.Exec()
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			gradients := run()[1:]
			if len(gradients) != len(weights) {
				t.Fatalf("%d gradients of %d weights", len(gradients), len(weights))
			}
			for k, v := range weights {
				values, gradient := tensors.MustCopyFlatData[float32](v.MustValue()), tensors.MustCopyFlatData[float32](gradients[k])
				at := []int{0, len(values) / 2, len(values) - 1}
				if len(weights) > 50 { // a deep network: it takes long, and its layers are tested above
					at = at[1:2]
				}
				for _, i := range at {
					loss := func(delta float32) float64 {
						changed := slices.Clone(values)
						changed[i] += delta
						setValue(t, v, tensors.FromFlatDataAndDimensions(changed, v.Shape().Dimensions...))
						return float64(tensors.ToScalar[float32](run()[0]))
					}
					const h = 1e-2
					numeric := (loss(h) - loss(-h)) / (2 * h)
					if got := float64(gradient[i]); math.Abs(got-numeric) > 2e-3+0.01*math.Abs(numeric) {
						t.Errorf("%s[%d]: gradient %g, finite difference %g", v.Path(), i, got, numeric)
					}
				}
				setValue(t, v, tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...))
			}
		})
	}
}

// TestPixelShuffle checks the order of PixelUnshuffle's channels, as in PyTorch, and
// that pixelShuffle undoes it.
func TestPixelShuffle(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) []*Node {
		unshuffled := pixelUnshuffle(x, 2)
		return []*Node{unshuffled, pixelShuffle(unshuffled, 2)}
	})
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, 2*3*4*6) // [2, 3, 4, 6]
	for i := range values {
		values[i] = float32(i)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(values, 2, 3, 4, 6))
	if err != nil {
		t.Fatal(err)
	}
	if got := out[0].Shape().Dimensions; !slices.Equal(got, []int{2, 12, 2, 3}) {
		t.Fatalf("unshuffled shape %v", got)
	}
	want := make([]float32, len(values)) // [2, 12, 2, 3]
	for i, v := range values {
		image, channel, row, column := i/72, i/24%3, i/6%4, i%6
		want[((image*12+channel*4+row%2*2+column%2)*2+row/2)*3+column/2] = v
	}
	equal(t, "unshuffled", tensors.MustCopyFlatData[float32](out[0]), want, 0)
	equal(t, "shuffled back", tensors.MustCopyFlatData[float32](out[1]), values, 0)
}

// TestUpsample checks bilinear interpolation: constant outside of the outer centres,
// and a slope stays a slope between them.
func TestUpsample(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(pair, slope *Node) []*Node {
		return []*Node{upsample(pair, 2), upsample(slope, 3)}
	})
	if err != nil {
		t.Fatal(err)
	}
	slope := make([]float32, 2*2*4*5) // [2, 2, 4, 5]: 10 a row, 1 a column, 100 a channel, 1000 an image
	for i := range slope {
		slope[i] = float32(i/40*1000 + i/20%2*100 + i/5%4*10 + i%5)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions([]float32{0, 4}, 1, 1, 1, 2), tensors.FromFlatDataAndDimensions(slope, 2, 2, 4, 5))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "0 and 4 upsampled by 2", tensors.MustCopyFlatData[float32](out[0]), []float32{0, 1, 3, 4, 0, 1, 3, 4}, 1e-6)
	if got := out[1].Shape().Dimensions; !slices.Equal(got, []int{2, 2, 12, 15}) {
		t.Fatalf("upsampled by 3: shape %v", got)
	}
	along := func(i, n int) float64 { return min(max((float64(i)+0.5)/3-0.5, 0), float64(n-1)) }
	want := make([]float32, 2*2*12*15)
	for i := range want {
		want[i] = float32(float64(i/360*1000+i/180%2*100) + 10*along(i/15%12, 4) + along(i%15, 5))
	}
	equal(t, "the slope upsampled by 3", tensors.MustCopyFlatData[float32](out[1]), want, 1e-5)
}
