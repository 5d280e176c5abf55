package vqgan

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// wave returns shift + scale·sin(1.7·(i+start)) for each value i of a tensor.
func wave(start int, scale, shift float64, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(shift + scale*math.Sin(1.7*float64(i+start)))
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// TestPatchGAN compares scores, running statistics and the gradients of Σ score² with
// those of taming-transformers' NLayerDiscriminator(3, ndf=2, n_layers=2) in training, by
// PyTorch 1.13. The weights follow wave.
func TestPatchGAN(t *testing.T) {
	type gradient struct {
		path      string
		dims      []int
		shift     float64
		first     []float32 // the first values, in PyTorch's order
		sum, norm float64
	}
	weights := []gradient{ // in PyTorch's order
		{"conv_in/weight", []int{2, 3, 4, 4}, 0, []float32{-7.16081, 3.74216, 8.31886, -7.10751}, 18.0853, 280.06},
		{"conv_in/bias", []int{1, 2, 1, 1}, 0, []float32{16.8459, -25.7446}, -8.89862, 30.7663},
		{"layer1/weight", []int{4, 2, 4, 4}, 0, []float32{0.784244, -0.535462, -0.629175, 0.54207}, 38.1046, 141.689},
		{"layer1/norm/weight", []int{1, 4, 1, 1}, 1, []float32{-5.64947, -4.09254, 12.2967, -4.66155}, -2.10683, 14.8864},
		{"layer1/norm/bias", []int{1, 4, 1, 1}, 0, []float32{-7.75901, -3.81431, 14.9392, -7.49367}, -4.12781, 18.8172},
		{"layer2/weight", []int{8, 4, 4, 4}, 0, []float32{1.50903, 2.52856, -0.434452, -1.45663}, -65.4458, 43.8261},
		{"layer2/norm/weight", []int{1, 8, 1, 1}, 1, []float32{-6.93341, 16.8339, -7.73963, 0.0279402}, 31.9867, 35.6457},
		{"layer2/norm/bias", []int{1, 8, 1, 1}, 0, []float32{-1.13281, 13.4389, -8.73974, 3.01194}, 26.89, 28.0838},
		{"conv_out/weight", []int{1, 8, 4, 4}, 0, []float32{7.94676, 7.60221, 2.51583, 3.21508}, 591.056, 96.6725},
		{"conv_out/bias", []int{1, 1, 1, 1}, 0, []float32{24.3679}, 24.3679, 24.3679},
	}
	image := gradient{"x", []int{2, 3, 16, 16}, 0, []float32{-0.246206, 0.295402, 0.32814, 0.108913}, -2.09436, 86.2154}

	store := model.NewStore()
	for k, w := range weights {
		if _, err := store.CreateVariable("/"+discriminatorScope+"/"+w.path, wave(10*k, 0.3, w.shift, w.dims...)); err != nil {
			t.Fatal(err)
		}
	}
	exec, err := model.NewExec(open(t, "onnx:cpu"), store, func(scope *model.Scope, x *Node) []*Node {
		scope.Store().SetTraining(x.Graph(), true)
		d := Discriminator{Network: patchGAN, Channels: 2, Layers: 2}
		scores := d.scores(scope.In(discriminatorScope), x)
		variables := []*Node{x}
		for _, w := range weights {
			variables = append(variables, store.GetVariable("/"+discriminatorScope+"/"+w.path).NodeValue(x.Graph()))
		}
		return append([]*Node{scores}, Gradient(ReduceAllSum(Square(scores)), variables...)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(wave(5, 1, 0, image.dims...))
	if err != nil {
		t.Fatal(err)
	}
	scores := []float32{0.379507, 1.89173, 1.19242, 1.50179, 0.915986, 2.53556, 2.01407, 1.75289}
	equal(t, "scores", tensors.MustCopyFlatData[float32](out[0]), scores, 1e-4)
	for i, want := range append([]gradient{image}, weights...) {
		got := tensors.MustCopyFlatData[float32](out[i+1])
		var sum, square float64
		for _, v := range got {
			sum += float64(v)
			square += float64(v) * float64(v)
		}
		equal(t, "the gradient of "+want.path, got[:len(want.first)], want.first, 1e-3)
		equal(t, "sum and norm of the gradient of "+want.path, []float32{float32(sum), float32(math.Sqrt(square))}, []float32{float32(want.sum), float32(want.norm)}, 1e-3)
	}
	for path, want := range map[string][]float32{
		"layer1/norm/variance": {0.9022, 0.9013, 0.9012, 0.9022},
		"layer2/norm/mean":     {-0.0426, 0.0523, 0.0004, -0.0526, 0.0420, 0.0187, -0.0571, 0.0274},
		"layer2/norm/variance": {1.0969, 1.1088, 1.1080, 1.0971, 1.1126, 1.1026, 1.1006, 1.1133},
	} {
		equal(t, path, tensors.MustCopyFlatData[float32](store.GetVariable("/"+discriminatorScope+"/"+path).MustValue()), want, 1e-4)
	}
}
