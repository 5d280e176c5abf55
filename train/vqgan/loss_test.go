package vqgan

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// Patches each off by something else are a grid, which the seams' loss sees, and nothing
// besides: neither the same error everywhere, nor one in the middle of each patch.
func TestSeams(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(x, y *Node) *Node { return Loss{Seams: 1}.reconstructionLoss(x, y, 4) })
	if err != nil {
		t.Fatal(err)
	}
	picture := func(at func(row, column int) float32) *tensors.Tensor {
		values := make([]float32, 0, 8*12)
		for row := range 8 {
			for column := range 12 {
				values = append(values, at(row, column))
			}
		}
		return tensors.FromFlatDataAndDimensions(values, 1, 1, 8, 12)
	}
	slope := func(row, column int) float32 { return float32(row + column*column) }
	for _, test := range []struct {
		name  string
		error func(row, column int) float32
		want  float32
	}{
		{"the same everywhere", func(int, int) float32 { return 0.5 }, 0},
		{"in the middle of patches", func(row, column int) float32 {
			return float32(row % 4 / 2 * (1 - row%4/3) * (column % 4 / 2) * (1 - column%4/3))
		}, 0},
		{"patches of columns", func(_, column int) float32 { return float32(column / 4) }, 1},
		{"patches of rows", func(row, _ int) float32 { return -2 * float32(row/4) }, 2},
		{"the first border alone", func(_, column int) float32 { return float32(min(column/4, 1)) }, 0.5},
	} {
		out, err := exec.Exec(picture(slope), picture(func(row, column int) float32 { return slope(row, column) + test.error(row, column) }))
		if err != nil {
			t.Fatal(err)
		}
		if got := tensors.ToScalar[float32](out[0]); math.Abs(float64(got-test.want)) > 1e-6 {
			t.Errorf("%s: %g, want %g", test.name, got, test.want)
		}
	}
}

// A picture is as like another as the colours of its tokens' places are, and as much
// changes in them: what lies where in one of them, the likeness doesn't see.
func TestLikeness(t *testing.T) {
	l := Loss{L1: 1, L2: 2, Gradient: 1}
	exec, err := NewExec(open(t, "onnx:cpu"), func(x, y *Node) *Node { return l.likenessLoss(x, y, 4) })
	if err != nil {
		t.Fatal(err)
	}
	picture := func(at func(ch, row, column int) float32) *tensors.Tensor {
		values := make([]float32, 0, 3*8*8)
		for ch := range 3 {
			for row := range 8 {
				for column := range 8 {
					values = append(values, at(ch, row, column))
				}
			}
		}
		return tensors.FromFlatDataAndDimensions(values, 1, 3, 8, 8)
	}
	ridge := func(ch, row, column int) float32 { return float32(row%4/2) / float32(1+ch) }
	flipped := func(ch, row, column int) float32 { return ridge(ch, 3-row%4, column) }
	lighter := func(ch, row, column int) float32 { return ridge(ch, row, column) + 0.5 }
	plain := func(ch, row, column int) float32 { return 0.5 / float32(1+ch) }
	// Each column of a place loses its step of 1, 1/2 or 1/3, and so does the lower
	// border of the upper places: (2+1)·8 steps over 64 pixels.
	const changes = (1.0 + 1.0/2 + 1.0/3) / 3 * 3 * 8 / 64
	for _, test := range []struct {
		name string
		y    func(ch, row, column int) float32
		want float32
	}{{"itself", ridge, 0}, {"ridges elsewhere", flipped, 0}, {"a lighter one", lighter, 0.5 + 2*0.25}, {"no ridges", plain, changes}} {
		out, err := exec.Exec(picture(ridge), picture(test.y))
		if err != nil {
			t.Fatal(err)
		}
		got := tensors.ToScalar[float32](out[0])
		if math.Abs(float64(got-test.want)) > 1e-6 {
			t.Errorf("%s: %g, want %g", test.name, got, test.want)
		}
	}
}
