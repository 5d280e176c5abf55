package prior

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"sundae/train/engine"
)

// Latents is a token data set: n grids of tokens and their classes.
type Latents struct {
	Grid   Grid
	Tokens []uint16 // [n, h, w]
	Labels []uint16 // [n]; nil without classes
}

// Len is n.
func (l Latents) Len() int { return len(l.Tokens) / l.Grid.Tokens() }

// Check finds the first id that the grid does not have.
func (l Latents) Check() error {
	n := l.Grid.Tokens()
	for i, id := range l.Tokens {
		if int(id) >= l.Grid.Vocabulary {
			return fmt.Errorf("latent %d holds token %d at row %d, column %d, but the vocabulary has %d: encode the pictures with the VQ-GAN of this recipe",
				i/n, id, i%n/l.Grid.Width, i%n%l.Grid.Width, l.Grid.Vocabulary)
		}
	}
	for i, label := range l.Labels {
		if int(label) >= l.Grid.Classes {
			return fmt.Errorf("latent %d has class %d, but there are %d classes", i, label, l.Grid.Classes)
		}
	}
	return nil
}

// split holds n latents back, spread evenly. per is how many latents of one
// picture follow each other (2 with flips): they stay on one side together.
func (l Latents) split(n, per int) (training, held []int) {
	pictures := l.Len() / per
	n = min((n+per-1)/per, pictures-1)
	for p := range pictures {
		for i := range per {
			if n > 0 && (p+1)*n/pictures > p*n/pictures {
				held = append(held, p*per+i)
			} else {
				training = append(training, p*per+i)
			}
		}
	}
	return training, held
}

// batch is one step's input: int32 [B, N], int32 [B, N], int32 [B], float32
// [B, T-1, N] and bool [B, T-1, N].
type batch struct {
	corrupted, clean, class, uniform, update *tensors.Tensor
}

// share is the i-th of n equal parts of the batch.
func (b batch) share(i, n int) batch {
	return batch{
		part[int32](b.corrupted, i, n), part[int32](b.clean, i, n), part[int32](b.class, i, n),
		part[float32](b.uniform, i, n), part[bool](b.update, i, n),
	}
}

// part is the i-th of n parts of t along its first axis.
func part[T int32 | float32 | bool](t *tensors.Tensor, i, n int) *tensors.Tensor {
	dims := slices.Clone(t.Shape().Dimensions)
	dims[0] /= n
	values := tensors.MustCopyFlatData[T](t)
	size := len(values) / n
	return tensors.FromFlatDataAndDimensions(values[i*size:(i+1)*size], dims...)
}

// batch draws the batch of a step. It depends on (seed, step) alone: the epoch's
// order, the corruption, the hidden classes, the numbers that the unrolled samples are
// drawn with and which of their tokens are.
func (c Config) batch(l Latents, items []int, seed uint64, step int) batch {
	rng := engine.Keyed(seed, fmt.Sprintf("batch/%d", step))
	chosen := make([]int, c.Batch)
	for i := range chosen {
		k := step*c.Batch + i
		order := epochOrder(seed, k/len(items), len(items))
		chosen[i] = items[order[k%len(items)]]
	}
	rate := func() float64 { return c.rate(rng.Float64()) }
	return c.makeBatch(l, chosen, rng, rate)
}

var epoch struct {
	seed   uint64
	number int
	order  []int
}

// epochOrder is the order of an epoch's items; the last one is remembered.
func epochOrder(seed uint64, number, n int) []int {
	if epoch.order == nil || epoch.seed != seed || epoch.number != number || len(epoch.order) != n {
		epoch.seed, epoch.number = seed, number
		epoch.order = engine.Keyed(seed, fmt.Sprintf("epoch/%d", number)).Perm(n)
	}
	return epoch.order
}

// rate is the share of corrupted tokens of a sample, for u ~ U[0, 1].
func (c Config) rate(u float64) float64 {
	if c.Corruption == 0 {
		return u
	}
	return math.Pow(u, c.Corruption)
}

func (c Config) makeBatch(l Latents, chosen []int, rng *rand.Rand, rate func() float64) batch {
	n, b := l.Grid.Tokens(), len(chosen)
	clean, corrupted := make([]int32, 0, b*n), make([]int32, 0, b*n)
	class := make([]int32, b)
	for i, item := range chosen {
		for _, id := range l.Tokens[item*n : (item+1)*n] {
			clean = append(clean, int32(id))
		}
		if l.Labels != nil {
			class[i] = int32(l.Labels[item])
			if rng.Float64() < c.ClassDropout {
				class[i] = int32(l.Grid.Classes)
			}
		}
		corrupted = corrupt(corrupted, clean[i*n:], l.Grid.Vocabulary, rate(), rng)
	}
	unrolled := max(1, c.Unroll-1) // T = 1 draws nothing; a tensor cannot be empty
	uniform, update := make([]float32, b*unrolled*n), make([]bool, b*unrolled*n)
	drawn := b * (c.Unroll - 1) * n
	for i := range drawn {
		uniform[i] = rng.Float32()
	}
	for from := 0; from < drawn; from += n {
		proportion := 1.0
		if c.Partial > 0 && rng.Float64() < c.Partial {
			proportion = rng.Float64()
		}
		for i := range n {
			update[from+i] = proportion == 1 || rng.Float64() < proportion
		}
	}
	return batch{
		corrupted: tensors.FromFlatDataAndDimensions(corrupted, b, n),
		clean:     tensors.FromFlatDataAndDimensions(clean, b, n),
		class:     tensors.FromFlatDataAndDimensions(class, b),
		uniform:   tensors.FromFlatDataAndDimensions(uniform, b, unrolled, n),
		update:    tensors.FromFlatDataAndDimensions(update, b, unrolled, n),
	}
}

// corrupt appends a copy of clean in which every token has, with probability
// rate, been replaced by one drawn uniformly from the vocabulary (2112.06749,
// equation 2). A replacement may fall on the token that was there.
func corrupt(out, clean []int32, vocabulary int, rate float64, rng *rand.Rand) []int32 {
	for _, id := range clean {
		if rng.Float64() < rate {
			id = rng.Int32N(int32(vocabulary))
		}
		out = append(out, id)
	}
	return out
}
