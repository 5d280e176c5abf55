package prior

import (
	"testing"

	"sundae/train/engine"
)

// BenchmarkTrain measures training in tokens per second, each of the T steps counted: depth
// [2, 4, 2], width 192, 256 tokens, vocabulary 512, T = 2, batch 8.
func BenchmarkTrain(b *testing.B) {
	c := Config{
		Depth: Depth{Before: 2, Middle: 4, After: 2}, Downsample: 4, Resample: "linear", Dim: 192, Heads: 6, HeadDim: 32, MLP: 4,
		Unroll: 2, Batch: 8, Steps: 10, Every: 5, LearningRate: 1e-3,
	}
	g := Grid{Height: 16, Width: 16, Vocabulary: 512}
	backend := open(b, "onnx:cpu")
	step, err := c.newStep(backend, engine.NewStore(1), g, c.workers(backend))
	if err != nil {
		b.Fatal(err)
	}
	l := toy(g, 16)
	items := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	run := func(i int) {
		if _, err := step(batchOf(c, l, items, 1, i), 1e-3, 0.9); err != nil {
			b.Fatal(err)
		}
	}
	run(0) // compiles
	run(1) // lets the allocator settle
	for i := 0; b.Loop(); i++ {
		run(i)
	}
	b.ReportMetric(float64(b.N*c.Batch*g.Tokens()*c.Unroll)/b.Elapsed().Seconds(), "tokens/s")
}
