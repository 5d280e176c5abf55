package prior

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

func TestForeignTokensAreRefused(t *testing.T) {
	c, g := small()
	l := toy(g, 8)
	l.Tokens[g.Tokens()+5] = uint16(g.Vocabulary)
	_, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: l, Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "latent 1 holds token 12") {
		t.Errorf("tokens beyond the vocabulary: %v", err)
	}
}

func TestCorruption(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	clean := make([]int32, 200000)
	for _, rate := range []float64{0, 0.25, 0.9, 1} {
		out := corrupt(nil, clean, 10, rate, rng)
		counts := make([]float64, 10)
		for _, id := range out {
			counts[id]++
		}
		for id, count := range counts {
			want := rate / 10
			if id == 0 {
				want += 1 - rate
			}
			if got := count / float64(len(clean)); math.Abs(got-want) > 0.005 {
				t.Errorf("rate %g: token %d has share %.4f, want %.4f", rate, id, got, want)
			}
		}
	}
}

// With uniform rates half of the samples have a corruption of at most 1/2, with squared
// rates of at most 1/4; classes are hidden as often as configured.
func TestCorruptionRates(t *testing.T) {
	for power, shares := range map[float64][4]float64{
		0: {0.25, 0.25, 0.25, 0.25},
		1: {0.25, 0.25, 0.25, 0.25},
		2: {0.5, 0.207, 0.159, 0.134}, // √¼, √½ - √¼, √¾ - √½, 1 - √¾
	} {
		c, g := small()
		c.Batch, c.ClassDropout, c.NoiseExponent = 64, 0.25, power
		g.Vocabulary = 60000 // a replacement hardly ever falls on the token that was there
		l := toy(g, 16)
		items := make([]int, 16)
		for i := range items {
			items[i] = i
		}
		var quarters [4]float64
		var hidden, total float64
		for step := range 50 {
			b := batchOf(c, l, items, 9, step)
			dirty, clean := tensors.MustCopyFlatData[int32](b.corrupted), tensors.MustCopyFlatData[int32](b.clean)
			class := tensors.MustCopyFlatData[int32](b.class)
			n := g.Tokens()
			for i := range c.Batch {
				changed := 0.0
				for k := i * n; k < (i+1)*n; k++ {
					if dirty[k] != clean[k] {
						changed++
					}
				}
				quarters[min(3, int(4*changed/float64(n)))]++
				if class[i] == int32(g.Classes) {
					hidden++
				}
				total++
			}
		}
		for i, count := range quarters {
			if share := count / total; math.Abs(share-shares[i]) > 0.03 {
				t.Errorf("power %g, corruption in quarter %d: share %.3f, want %.3f", power, i, share, shares[i])
			}
		}
		if share := hidden / total; math.Abs(share-0.25) > 0.03 {
			t.Errorf("power %g, hidden classes: share %.3f, want 0.25", power, share)
		}
	}
}

// The unrolled steps draw all tokens or, in the configured share of cases, a uniformly
// distributed share of them.
func TestUpdateShares(t *testing.T) {
	c, g := small()
	c.Batch, c.Unroll = 64, 3
	l := toy(g, 64)
	items := make([]int, 64)
	for i := range items {
		items[i] = i
	}
	for _, c.Partial = range []float64{0, 0.5, 1} {
		var tenths [10]float64
		for step := range 20 {
			update := tensors.MustCopyFlatData[bool](batchOf(c, l, items, 9, step).update)
			n := g.Tokens()
			if len(update) != c.Batch*(c.Unroll-1)*n {
				t.Fatalf("%d values in the update mask", len(update))
			}
			for row := range slices.Chunk(update, n) {
				drawn := 0
				for _, yes := range row {
					if yes {
						drawn++
					}
				}
				tenths[min(9, 10*drawn/n)] += 1.0 / float64(20*len(update)/n)
			}
		}
		for i, share := range tenths {
			want := c.Partial/10 + (1-c.Partial)*float64(i/9)
			if math.Abs(share-want) > 0.03 {
				t.Errorf("partial %g: %.3f of the rows have %d tenths drawn, want %.1f", c.Partial, share, i, want)
			}
		}
	}
}

func TestBatchesRepeat(t *testing.T) {
	c, g := small()
	c.Partial = 0.5
	l := toy(g, 8)
	items := []int{0, 1, 2, 3, 4, 5, 6, 7}
	a, b := batchOf(c, l, items, 5, 17), batchOf(c, l, items, 5, 17)
	if !a.corrupted.Equal(b.corrupted) || !a.clean.Equal(b.clean) || !a.class.Equal(b.class) || !a.uniform.Equal(b.uniform) || !a.update.Equal(b.update) {
		t.Error("the same (seed, step) gave two batches")
	}
	if other := batchOf(c, l, items, 6, 17); a.corrupted.Equal(other.corrupted) {
		t.Error("two seeds gave the same corruption")
	}
}
