package vqgan

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// filled returns an image [1, channels, height, width] of the values of at.
func filled(channels, height, width int, at func(channel, row, column int) float32) *tensors.Tensor {
	values := make([]float32, 0, channels*height*width)
	for channel := range channels {
		for row := range height {
			for column := range width {
				values = append(values, at(channel, row, column))
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(values, 1, channels, height, width)
}

// TestSeams: the loss sees differences between patches, and neither an error that is
// the same everywhere nor one inside patches.
func TestSeams(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(x, y *Node) *Node { return Loss{Seams: 1}.reconstructionLoss(x, y, 4) })
	if err != nil {
		t.Fatal(err)
	}
	slope := func(_, row, column int) float32 { return float32(row + column*column) }
	for _, test := range []struct {
		name  string
		error func(row, column int) float32
		want  float32
	}{
		{"the same everywhere", func(int, int) float32 { return 0.5 }, 0},
		{"inside patches", func(row, column int) float32 {
			return float32(row % 4 / 2 * (1 - row%4/3) * (column % 4 / 2) * (1 - column%4/3))
		}, 0},
		{"patches of columns", func(_, column int) float32 { return float32(column / 4) }, 1},
		{"patches of rows", func(row, _ int) float32 { return -2 * float32(row/4) }, 2},
		{"the first border only", func(_, column int) float32 { return float32(min(column/4, 1)) }, 0.5},
	} {
		wrong := func(channel, row, column int) float32 { return slope(channel, row, column) + test.error(row, column) }
		out, err := exec.Call(filled(1, 8, 12, slope), filled(1, 8, 12, wrong))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, test.name, tensors.MustCopyFlatData[float32](out[0]), []float32{test.want}, 1e-6)
	}
}

// TestPatchLoss: patches with the same mean colour and the same sum of differences are
// equal, wherever their edges are.
func TestPatchLoss(t *testing.T) {
	l := Loss{L1: 1, L2: 2, Gradient: 1}
	exec, err := NewExec(open(t, "onnx:cpu"), func(x, y *Node) *Node { return l.patchLoss(x, y, 4) })
	if err != nil {
		t.Fatal(err)
	}
	edges := func(channel, row, _ int) float32 { return float32(row%4/2) / float32(1+channel) }
	flipped := func(channel, row, column int) float32 { return edges(channel, 3-row%4, column) }
	lighter := func(channel, row, column int) float32 { return edges(channel, row, column) + 0.5 }
	plain := func(channel, _, _ int) float32 { return 0.5 / float32(1+channel) }
	// Each column of a patch loses its step of 1, 1/2 or 1/3, and so does the lower
	// border of the upper patches: (2+1)·8 steps over 64 pixels.
	const differences = (1.0 + 1.0/2 + 1.0/3) / 3 * 3 * 8 / 64
	for _, test := range []struct {
		name string
		y    func(channel, row, column int) float32
		want float32
	}{{"the same", edges, 0}, {"edges elsewhere", flipped, 0}, {"lighter", lighter, 0.5 + 2*0.25}, {"no edges", plain, differences}} {
		out, err := exec.Call(filled(3, 8, 8, edges), filled(3, 8, 8, test.y))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, test.name, tensors.MustCopyFlatData[float32](out[0]), []float32{test.want}, 1e-6)
	}
}
