package ort

import (
	"math"
	"strings"
	"testing"

	"sundae/internal/onnxfile"
)

// externalNet is y = x·/w for x [B,64], with /w [64,32] beside the graph.
func externalNet(t *testing.T) onnxfile.Model {
	t.Helper()
	graph := onnxfile.Graph{
		Name: "external", Inputs: []onnxfile.Tensor{tensor("x", onnxfile.Float32, onnxfile.Dynamic, 64), tensor("/w", onnxfile.Float32, 64, 32)},
		Outputs: []onnxfile.Tensor{tensor("y", onnxfile.Float32, onnxfile.Dynamic, 32)},
		Nodes:   []onnxfile.Node{{Op: "MatMul", In: []string{"x", "/w"}, Out: []string{"y"}}},
	}
	network, err := onnxfile.Bind(graph.Marshal(), func(name string) bool { return name == "/w" }, func(_ string, shape []int) ([]float32, error) {
		values := make([]float32, shape[0]*shape[1])
		for i := range values {
			values[i] = externalWeight(i/shape[1], i%shape[1])
		}
		return values, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := network.WriteExternal(t.Context(), dir, "net.onnx"); err != nil {
		t.Fatal(err)
	}
	model, err := onnxfile.Read(dir, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func externalWeight(row, column int) float32 { return float32((row*7+column*3)%11-5) / 8 }

// A model finds its external data in its folder, in either precision, and its cost is counted.
func TestExternalData(t *testing.T) {
	model := externalNet(t)
	for _, precision := range []string{Float32, Float16} {
		b := bind(t, open(t, model, Options{Device: CPU, Precision: precision}), 2)
		x := data[float32](t, b, "x")
		for i := range x {
			x[i] = float32(i%5-2) / 4
		}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, got := range data[float32](t, b, "y") {
			var want float32
			for k := range 64 {
				want += x[i/32*64+k] * externalWeight(k, i%32)
			}
			if math.Abs(float64(got-want)) > 1e-2 {
				t.Fatalf("%s: y[%d] is %g, want %g", precision, i, got, want)
			}
		}
	}
	if got, err := load(t).CountFLOPs(model); err != nil || got != 2*64*32 {
		t.Errorf("%d operations, %v", got, err)
	}
	model.Folder = t.TempDir()
	if _, err := load(t).Open(model, Options{Device: CPU}); err == nil || !strings.Contains(err.Error(), "External data path does not exist") {
		t.Errorf("without its external data: %v", err)
	}
}
