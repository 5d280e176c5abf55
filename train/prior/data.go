package prior

import (
	"fmt"
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

// Check reports the first token or class id that is out of range.
func (l Latents) Check() error {
	n := l.Grid.Tokens()
	for i, id := range l.Tokens {
		if int(id) >= l.Grid.Vocabulary {
			return fmt.Errorf("latent %d holds token %d at row %d, column %d, but the vocabulary has %d: encode the pictures again with this recipe's VQ-GAN",
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

// split holds back n latents, spread evenly. per is the number of latents of one picture
// that follow each other (2 with flips); they are never split.
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

// batch is the input of one training step.
type batch struct {
	corrupted, clean *tensors.Tensor // int32 [B, N]
	class            *tensors.Tensor // int32 [B]
	uniform, update  *tensors.Tensor // float32 and bool [B, T-1, N]: what the unrolled samples are drawn with, and which tokens are
}

// share is the i-th of n equal parts of the batch.
func (b batch) share(i, n int) batch {
	return batch{
		corrupted: part[int32](b.corrupted, i, n), clean: part[int32](b.clean, i, n), class: part[int32](b.class, i, n),
		uniform: part[float32](b.uniform, i, n), update: part[bool](b.update, i, n),
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

// batches makes the batches of a run.
type batches struct {
	config  Config
	latents Latents
	items   []int // the latents to train on
	seed    uint64

	epoch int // whose order is kept
	order []int
}

// at is the batch of a step. It depends on the seed and the step alone, so that a run that
// was stopped and resumed repeats the run that was not.
func (b *batches) at(step int) batch {
	rng := engine.Keyed(b.seed, fmt.Sprintf("batch/%d", step))
	chosen := make([]int, b.config.Batch)
	for i := range chosen {
		k := step*b.config.Batch + i
		chosen[i] = b.items[b.orderOf(k / len(b.items))[k%len(b.items)]]
	}
	return b.config.makeBatch(b.latents, chosen, rng, func() float64 { return b.config.noiseRate(rng.Float64()) })
}

// orderOf is the order of an epoch's items.
func (b *batches) orderOf(epoch int) []int {
	if b.order == nil || b.epoch != epoch {
		b.epoch, b.order = epoch, engine.Keyed(b.seed, fmt.Sprintf("epoch/%d", epoch)).Perm(len(b.items))
	}
	return b.order
}

// makeBatch corrupts the chosen latents, each at its own rate, hides classes, and draws the
// random numbers of the unrolled samples.
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
	unrolled := max(1, c.Unroll-1) // a tensor cannot be empty: with T = 1 it is not read
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
