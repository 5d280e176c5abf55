package ort

import (
	"fmt"
	"math"
	"slices"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// The probe has the operations that the models spend their time in: a matrix product,
// softmax, a convolution and a group's mean. It is small enough for any device.
const (
	probeSide     = 8
	probeChannels = 4
)

// probeModel returns the probe: x float32 [1, C, S, S] -> y float32 [1, C, S, S].
func probeModel() onnxfile.Model {
	shape := []int64{1, probeChannels, probeSide, probeSide}
	kernel := make([]float32, probeChannels*probeChannels*9)
	for i := range kernel {
		kernel[i] = float32(i%7-3) / 8
	}
	product := make([]float32, probeSide*probeSide)
	for i := range product {
		product[i] = float32(i%5-2) / 4
	}
	graph := onnxfile.Graph{
		Name:    "probe",
		Inputs:  []onnxfile.Tensor{{Name: "x", Type: onnxfile.Float32, Shape: shape}},
		Outputs: []onnxfile.Tensor{{Name: "y", Type: onnxfile.Float32, Shape: shape}},
		Weights: []onnxfile.Weight{
			onnxfile.Floats("kernel", []int64{probeChannels, probeChannels, 3, 3}, kernel),
			onnxfile.Floats("product", []int64{probeSide, probeSide}, product),
		},
		Nodes: []onnxfile.Node{
			{Op: "Conv", In: []string{"x", "kernel"}, Out: []string{"convolved"}, IntLists: map[string][]int64{"pads": {1, 1, 1, 1}}},
			{Op: "MatMul", In: []string{"convolved", "product"}, Out: []string{"scores"}},
			{Op: "Softmax", In: []string{"scores"}, Out: []string{"weights"}},
			{Op: "Mul", In: []string{"weights", "convolved"}, Out: []string{"weighted"}},
			{Op: "Add", In: []string{"weighted", "x"}, Out: []string{"y"}},
		},
	}
	return onnxfile.Model{Graph: graph.Marshal()}
}

// probeInputs returns the inputs of the runs of one probe. The second one differs, to
// find a device that keeps the inputs of the first run.
func probeInputs() [][]float32 {
	var all [][]float32
	for run := range 2 {
		x := make([]float32, probeChannels*probeSide*probeSide)
		for i := range x {
			x[i] = float32((i*31+run*17)%23-11) / 8
		}
		all = append(all, x)
	}
	return all
}

// runProbe returns the results of the probe's runs on a card.
func runProbe(p provider, card int) ([][]float32, error) {
	s, err := openOn(probeModel(), p, card, Options{Threads: 1, Precision: Float32})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	b, err := s.bind(1, nil)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	x, err := inference.View[float32](b, "x")
	if err != nil {
		return nil, err
	}
	y, err := inference.View[float32](b, "y")
	if err != nil {
		return nil, err
	}
	var all [][]float32
	for _, input := range probeInputs() {
		copy(x, input)
		if err := b.run(); err != nil {
			return nil, err
		}
		all = append(all, slices.Clone(y))
	}
	return all, nil
}

// probeTolerance is the largest accepted difference between a device's results and
// the CPU's, relative to the CPU's largest result. TensorFloat-32, which NVIDIA's
// cards use for products, keeps 10 bits of 23.
const probeTolerance = 5e-3

// compareProbes returns an error if the results of a device differ from the CPU's.
func compareProbes(got, want [][]float32) error {
	for run := range want {
		var largest, difference float64
		for i, w := range want[run] {
			largest = max(largest, math.Abs(float64(w)))
			if d := math.Abs(float64(got[run][i]) - float64(w)); !(d <= difference) {
				difference = d // NaN included
			}
		}
		if !(difference <= probeTolerance*largest) {
			return fmt.Errorf("it computes wrong results: run %d of a test model differs from the CPU's by %.2g, at values up to %.2g", run+1, difference, largest)
		}
	}
	return nil
}
