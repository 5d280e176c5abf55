package latents

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"sundae/train/engine"
)

// EntropyConstrained quantizes with a prior (entropy-constrained vector quantization, Chou,
// Lookabaugh & Gray, 1989): each token is the code k with the smallest
//
//	distance(k) - Rate · log p(k | the other tokens).
//
// Where several codes decode to almost the same pixels, which of them is the closest says
// little about the picture, and a prior trained on the closest learns noise.
type EntropyConstrained struct {
	Rate       float64 // the squared distance that is worth a nat of log-probability
	Vocabulary int
	Seed       uint64
	// Distances converts the bytes of n pictures, [n, S, S, 3], to the squared distance of
	// each token's vector to each code, [n, N, V].
	Distances func(bytes []uint8, n int) ([]float32, error)
	// LogProbabilities converts the tokens [n, N] of n pictures, their classes [n] and P
	// positions in each, [n, P], to log p of each code at those positions, [n, P, V].
	LogProbabilities func(tokens, classes, positions []int32) ([]float32, error)
}

const (
	// A position is open if another code is at most maxGain nats farther away than the
	// closest one. Log-probabilities are cut off at -maxSurprise nats.
	maxGain     = 6
	maxSurprise = 12
	// maskedShare is the share of a picture's tokens that are chosen at a time. The prior
	// sees noise in their position, so that it cannot just repeat them.
	maskedShare = 1.0 / 8
)

// Encode converts the bytes of pictures [n, S, S, 3], of n classes, to tokens [n, h, w]. A
// picture's tokens do not depend on the others, so that a stopped run can be continued.
func (e EntropyConstrained) Encode(bytes []uint8, classes []int32) ([]int32, error) {
	distances, err := e.Distances(bytes, len(classes))
	if err != nil {
		return nil, err
	}
	pictures := make([]choice, len(classes))
	grid := len(distances) / len(pictures) // N·V
	each(pictures, func(i int, c *choice) { *c = e.closest(distances[i*grid : (i+1)*grid]) })

	some := max(1, int(maskedShare*float64(grid/e.Vocabulary)))
	for slices.ContainsFunc(pictures, func(c choice) bool { return len(c.open) > 0 }) {
		var around []int32
		positions := make([]int32, len(pictures)*some) // may be longer than needed: the rest of the answers is ignored
		for i := range pictures {
			c := &pictures[i]
			around = append(around, c.mask(some)...)
			copy(positions[i*some:], c.masked)
		}
		logProbabilities, err := e.LogProbabilities(around, classes, positions)
		if err != nil {
			return nil, fmt.Errorf("choose tokens: %w", err)
		}
		answer := some * e.Vocabulary
		each(pictures, func(i int, c *choice) { e.fill(c, logProbabilities[i*answer:(i+1)*answer]) })
	}
	var all []int32
	for _, c := range pictures {
		all = append(all, c.tokens...)
	}
	return all, nil
}

// choice is the state of choosing one picture's tokens.
type choice struct {
	distances []float32 // [N, V]
	tokens    []int32   // [N]
	open      []int32   // positions still to be chosen
	masked    []int32   // positions being chosen
	rng       *rand.Rand
}

// closest starts with the closest codes, and finds the open positions.
func (e EntropyConstrained) closest(distances []float32) choice {
	v := e.Vocabulary
	c := choice{distances: distances, tokens: make([]int32, len(distances)/v), rng: engine.Keyed(e.Seed, "quantize")}
	for position := range c.tokens {
		costs := distances[position*v : (position+1)*v]
		best := slices.Min(costs)
		c.tokens[position] = int32(slices.Index(costs, best))
		near := 0
		for _, d := range costs {
			if float64(d-best) < maxGain*e.Rate {
				near++
			}
		}
		if near > 1 {
			c.open = append(c.open, int32(position))
		}
	}
	c.rng.Shuffle(len(c.open), func(i, j int) { c.open[i], c.open[j] = c.open[j], c.open[i] })
	return c
}

// mask takes up to n open positions, and returns the tokens [N] with noise there.
func (c *choice) mask(n int) []int32 {
	n = min(n, len(c.open))
	c.masked, c.open = c.open[:n], c.open[n:]
	around := slices.Clone(c.tokens)
	vocabulary := int32(len(c.distances) / len(c.tokens))
	for _, position := range c.masked {
		around[position] = c.rng.Int32N(vocabulary)
	}
	return around
}

// fill chooses the masked tokens by the prior's log-probabilities [P, V].
func (e EntropyConstrained) fill(c *choice, logProbabilities []float32) {
	v := e.Vocabulary
	for i, position := range c.masked {
		best := math.Inf(1)
		for k := range v {
			surprise := -max(float64(logProbabilities[i*v+k]), -maxSurprise)
			if cost := float64(c.distances[int(position)*v+k]) + e.Rate*surprise; cost < best {
				best, c.tokens[position] = cost, int32(k)
			}
		}
	}
}

// each calls f for all pictures in parallel.
func each(pictures []choice, f func(i int, c *choice)) {
	var group sync.WaitGroup
	for i := range pictures {
		group.Go(func() { f(i, &pictures[i]) })
	}
	group.Wait()
}
