package latents

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"sundae/train/engine"
)

// Expected chooses, among the codes close to what the encoder says, those that a prior
// expects in their places: for each token the code k with the smallest
//
//	distance(k) - Rate · log p(k | the tokens around),
//
// as entropy-constrained vector quantization does (Chou, Lookabaugh & Gray, 1989). Where
// several codes draw much the same, which of them is the closest says little about the
// picture, and a prior that has to learn it learns noise.
type Expected struct {
	Rate       float64 // the squared distance that a nat of surprise is worth
	Vocabulary int
	Seed       uint64
	// Distances takes n pictures' bytes [n, S, S, 3] to the squared distance of each
	// token's vector to each code, [n, N, V].
	Distances func(bytes []uint8, n int) ([]float32, error)
	// LogProbabilities takes n pictures' tokens [n, N], their classes [n] and P places of
	// each, [n, P], to log p of each code in those places, [n, P, V].
	LogProbabilities func(tokens, classes, places []int32) ([]float32, error)
}

const (
	// A place is open where another code costs less than mostGain nats more than the
	// closest; what a prior is sure of beyond mostSurprise nats it is merely sure of.
	mostGain     = 6
	mostSurprise = 12
	// hidden is the share of a picture's tokens that are chosen at a time. The prior
	// sees noise in their places, and can't just repeat what stands there.
	hidden = 1.0 / 8
)

// Encode takes pictures' bytes [n, S, S, 3] of n classes to tokens [n, h, w]. A picture's
// tokens depend on nothing else, so that a run that was stopped goes on as it began.
func (e Expected) Encode(bytes []uint8, classes []int32) ([]int32, error) {
	distances, err := e.Distances(bytes, len(classes))
	if err != nil {
		return nil, err
	}
	pictures := make([]choice, len(classes))
	grid := len(distances) / len(pictures) // N·V
	each(pictures, func(i int, c *choice) { *c = e.closest(distances[i*grid : (i+1)*grid]) })

	some := max(1, int(hidden*float64(grid/e.Vocabulary)))
	for slices.ContainsFunc(pictures, func(c choice) bool { return len(c.open) > 0 }) {
		var around []int32
		places := make([]int32, len(pictures)*some) // some too many, whose answers nobody looks at
		for i := range pictures {
			c := &pictures[i]
			around = append(around, c.hide(some)...)
			copy(places[i*some:], c.hidden)
		}
		likely, err := e.LogProbabilities(around, classes, places)
		if err != nil {
			return nil, fmt.Errorf("choose tokens: %w", err)
		}
		answer := some * e.Vocabulary
		each(pictures, func(i int, c *choice) { e.fill(c, likely[i*answer:(i+1)*answer]) })
	}
	var all []int32
	for _, c := range pictures {
		all = append(all, c.tokens...)
	}
	return all, nil
}

// choice is how far one picture's tokens are chosen.
type choice struct {
	distances []float32 // [N, V]
	tokens    []int32   // [N]
	open      []int32   // places that are still to be chosen
	hidden    []int32   // those that are being chosen
	rng       *rand.Rand
}

// closest begins with the closest codes, and finds the places that are open.
func (e Expected) closest(distances []float32) choice {
	v := e.Vocabulary
	c := choice{distances: distances, tokens: make([]int32, len(distances)/v), rng: engine.Keyed(e.Seed, "expected")}
	for place := range c.tokens {
		costs := distances[place*v : (place+1)*v]
		best := slices.Min(costs)
		c.tokens[place] = int32(slices.Index(costs, best))
		near := 0
		for _, d := range costs {
			if float64(d-best) < mostGain*e.Rate {
				near++
			}
		}
		if near > 1 {
			c.open = append(c.open, int32(place))
		}
	}
	c.rng.Shuffle(len(c.open), func(i, j int) { c.open[i], c.open[j] = c.open[j], c.open[i] })
	return c
}

// hide takes up to n open places, and returns the tokens [N] with noise there.
func (c *choice) hide(n int) []int32 {
	n = min(n, len(c.open))
	c.hidden, c.open = c.open[:n], c.open[n:]
	around := slices.Clone(c.tokens)
	vocabulary := int32(len(c.distances) / len(c.tokens))
	for _, place := range c.hidden {
		around[place] = c.rng.Int32N(vocabulary)
	}
	return around
}

// fill chooses the hidden places' tokens, of which the prior says likely [P, V].
func (e Expected) fill(c *choice, likely []float32) {
	v := e.Vocabulary
	for i, place := range c.hidden {
		best := math.Inf(1)
		for k := range v {
			surprise := -max(float64(likely[i*v+k]), -mostSurprise)
			if cost := float64(c.distances[int(place)*v+k]) + e.Rate*surprise; cost < best {
				best, c.tokens[place] = cost, int32(k)
			}
		}
	}
}

// each calls f for all pictures side by side.
func each(pictures []choice, f func(i int, c *choice)) {
	var group sync.WaitGroup
	for i := range pictures {
		group.Go(func() { f(i, &pictures[i]) })
	}
	group.Wait()
}
