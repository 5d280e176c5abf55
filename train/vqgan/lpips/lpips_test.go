package lpips

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"sundae/internal/ort/orttest"
	"sundae/train/engine"
)

// testdata holds LPIPS at an eighth of its channels, two batches of images, and what
// PyTorch 1.13 computes with them.
const testdata = "../testdata/lpips"

// npy reads a float32 array of testdata, written by NumPy in format 1.0.
func npy(t *testing.T, name string) *tensors.Tensor {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	header := string(file[10 : 10+binary.LittleEndian.Uint16(file[8:])])
	var dims []int
	for _, digits := range regexp.MustCompile(`\d+`).FindAllString(header[strings.Index(header, "("):], -1) {
		dim, _ := strconv.Atoi(digits)
		dims = append(dims, dim)
	}
	values := make([]float32, (len(file)-10-len(header))/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(file[10+len(header)+4*i:]))
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// near compares numbers up to a share of the largest.
func near(t *testing.T, name string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", name, len(got), len(want))
	}
	var largest, worst float64
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	if !(worst <= tolerance*largest) {
		t.Errorf("%s is off by %g of the largest value", name, worst/largest)
	}
}

func TestDistance(t *testing.T) {
	for _, name := range []string{"onnx:cpu", "go"} {
		t.Run(name, func(t *testing.T) {
			network, err := Open(filepath.Join(testdata, "vgg16.pth"), filepath.Join(testdata, "vgg.pth"))
			if err != nil {
				t.Fatal(err)
			}
			backend, err := engine.Open(name, orttest.Library(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(backend.Finalize)
			exec, err := NewExec(backend, func(in []*Node) []*Node {
				x, y, weights := in[0], in[1], in[2:]
				distance := Distance(weights, x, y)
				return []*Node{distance, Gradient(ReduceAllSum(distance), x)[0], Distance(weights, x, x)}
			})
			if err != nil {
				t.Fatal(err)
			}
			in := []any{npy(t, "x.npy"), npy(t, "y.npy")}
			for _, w := range network.Inputs() {
				in = append(in, w)
			}
			out, err := exec.Call(in...)
			if err != nil {
				t.Fatal(err)
			}
			flat := func(i int) []float32 { return tensors.MustCopyFlatData[float32](out[i]) }
			near(t, "the distance", flat(0), tensors.MustCopyFlatData[float32](npy(t, "distance.npy")), 1e-5)
			near(t, "its gradient", flat(1), tensors.MustCopyFlatData[float32](npy(t, "gradient_x.npy")), 1e-4)
			if slices.Max(flat(2)) != 0 {
				t.Errorf("an image is %v from itself", flat(2))
			}
		})
	}
}

// TestUnitOfZero: features that are all 0 stay 0, and their gradient is a number.
func TestUnitOfZero(t *testing.T) {
	backend, err := engine.Open("go", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	exec, err := NewExec(backend, func(x *Node) []*Node {
		y := unit(x)
		return []*Node{y, Gradient(ReduceAllSum(Square(y)), x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions([]float32{0, 3, 0, 4}, 1, 2, 1, 2)) // [1, 2, 1, 2]
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the unit vectors", tensors.MustCopyFlatData[float32](out[0]), []float32{0, 0.6, 0, 0.8}, 1e-6)
	for _, v := range tensors.MustCopyFlatData[float32](out[1]) {
		if !(math.Abs(float64(v)) <= 1e-6) { // or NaN
			t.Errorf("a gradient of a unit vector's length is %g", v)
		}
	}
}

// TestMaxPool: the largest of each 2×2 block, to which its gradient goes; an odd row and
// column are left out.
func TestMaxPool(t *testing.T) {
	backend, err := engine.Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	exec, err := NewExec(backend, func(x *Node) []*Node {
		y := maxPool(x)
		return []*Node{y, Gradient(ReduceAllSum(Square(y)), x)[0]}
	})
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{
		1, 2, 7, 5, 9,
		4, 3, 6, 8, 9,
		9, 9, 9, 9, 9,
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(x, 1, 1, 3, 5))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the maxima", tensors.MustCopyFlatData[float32](out[0]), []float32{4, 8}, 0)
	gradient := make([]float32, len(x))
	gradient[5], gradient[8] = 8, 16
	near(t, "the gradient", tensors.MustCopyFlatData[float32](out[1]), gradient, 0)
}

// TestOpenErrors: files that hold other weights are named, with their keys.
func TestOpenErrors(t *testing.T) {
	vgg, heads := filepath.Join(testdata, "vgg16.pth"), filepath.Join(testdata, "vgg.pth")
	var mismatch *engine.MismatchError
	if _, err := Open(heads, vgg); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "read VGG16: "+heads) ||
		!slices.Contains(mismatch.Missing, "features.0.weight") || !slices.Contains(mismatch.Unexpected, "lin0.model.1.weight") {
		t.Errorf("the files in the wrong order: %v", err)
	}
	if _, err := Open(vgg, vgg); !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "heads") {
		t.Errorf("VGG16 in place of the heads: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "vgg16.pth"), heads); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
