package benchmark

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// Matrices large enough, and products enough in a row, for the transfer to and from
// a device not to count. CPUs reach their best speed from size 1024 on.
const (
	productSize   = 1024
	productChain  = 8
	productRounds = 5
)

// timeProduct multiplies matrices and takes the best round.
func timeProduct(ctx context.Context, open inference.Opener) (Product, error) {
	best, err := bestProduct(ctx, open)
	if err != nil {
		return Product{}, fmt.Errorf("measure matrix products: %w", err)
	}
	flops := 2 * productChain * float64(productSize) * productSize * productSize
	return Product{productSize, flops / best.Seconds() / 1e9}, nil
}

func bestProduct(ctx context.Context, open inference.Opener) (best time.Duration, err error) {
	session, err := open(productModel(productSize, productChain))
	if err != nil {
		return 0, err
	}
	defer session.Close()
	binding, err := session.Bind(1, nil)
	if err != nil {
		return 0, err
	}
	defer binding.Close()
	x, err := inference.View[float32](binding, "x")
	if err != nil {
		return 0, err
	}
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	for range productRounds {
		began := time.Now()
		if err := binding.Run(ctx); err != nil {
			return 0, err
		}
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// productModel is y = x·w·w·...·w with chain factors w, all [size, size].
func productModel(size int64, chain int) onnxfile.Model {
	values := make([]float32, size*size)
	for i := range values {
		values[i] = (float32(i*31%101) - 50) / 50 / float32(size) // small, so that the products don't overflow
	}
	shape := []int64{size, size}
	g := onnxfile.Graph{
		Name: "products", Weights: []onnxfile.Weight{onnxfile.Floats("w", shape, values)},
		Inputs:  []onnxfile.Tensor{{Name: "x", Type: onnxfile.Float32, Shape: shape}},
		Outputs: []onnxfile.Tensor{{Name: "y", Type: onnxfile.Float32, Shape: shape}},
	}
	last := "x"
	for i := range chain {
		next := "x" + strconv.Itoa(i)
		if i == chain-1 {
			next = "y"
		}
		g.Nodes = append(g.Nodes, onnxfile.Node{Op: "MatMul", In: []string{last, "w"}, Out: []string{next}})
		last = next
	}
	return onnxfile.Model{Graph: g.Marshal()}
}
