package latents

import (
	"fmt"
	"math"
	"slices"

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
	// LogProbabilities takes one picture's tokens [N] to log p of each code in each place, [N, V].
	LogProbabilities func(tokens []int32, class int32) ([]float32, error)
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
	grid := len(distances) / len(classes)
	var all []int32
	for i, class := range classes {
		tokens, err := e.choose(distances[i*grid:(i+1)*grid], class)
		if err != nil {
			return nil, fmt.Errorf("choose tokens: %w", err)
		}
		all = append(all, tokens...)
	}
	return all, nil
}

// choose takes one picture's distances [N, V] to tokens [N]: first the closest, then,
// an eighth of the picture at a time, what is expected among the open places.
func (e Expected) choose(distances []float32, class int32) ([]int32, error) {
	v := e.Vocabulary
	tokens := make([]int32, len(distances)/v)
	var open []int
	for place := range tokens {
		costs := distances[place*v : (place+1)*v]
		best := slices.Min(costs)
		tokens[place] = int32(slices.Index(costs, best))
		near := 0
		for _, d := range costs {
			if float64(d-best) < mostGain*e.Rate {
				near++
			}
		}
		if near > 1 {
			open = append(open, place)
		}
	}
	rng := engine.Keyed(e.Seed, "expected")
	rng.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	for some := range slices.Chunk(open, max(1, int(hidden*float64(len(tokens))))) {
		around := slices.Clone(tokens)
		for _, place := range some {
			around[place] = rng.Int32N(int32(v))
		}
		likely, err := e.LogProbabilities(around, class)
		if err != nil {
			return nil, err
		}
		for _, place := range some {
			best := math.Inf(1)
			for k := range v {
				surprise := -max(float64(likely[place*v+k]), -mostSurprise)
				if cost := float64(distances[place*v+k]) + e.Rate*surprise; cost < best {
					best, tokens[place] = cost, int32(k)
				}
			}
		}
	}
	return tokens, nil
}
