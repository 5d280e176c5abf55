package sampler

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkDraw(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	logits := make([]float32, 8192*256)
	for i := range logits {
		logits[i] = float32(rng.NormFloat64() * 3)
	}
	for _, t := range []float32{1, 0.1} {
		b.Run("", func(b *testing.B) {
			i := 0
			for b.Loop() {
				i = (i + 1) % 256
				draw(logits[i*8192:(i+1)*8192], t, 0.5)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/logit")
		})
	}
	b.Run("highest", func(b *testing.B) {
		for b.Loop() {
			highest(logits[:8192])
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/logit")
	})
}
