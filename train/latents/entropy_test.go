package latents

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// preferOnes quantizes pictures of 16 tokens and 4 codes. Code 0 is the closest everywhere,
// code 1 almost as close at even positions, and the prior prefers code 1.
func preferOnes(rate float64) EntropyConstrained {
	const positions, v = 16, 4
	return EntropyConstrained{
		Rate: rate, Vocabulary: v,
		Distances: func(_ []uint8, n int) ([]float32, error) {
			var all []float32
			for position := range n * positions {
				second := float32(0.3)
				if position%2 == 1 {
					second = 3
				}
				all = append(all, 0.2, second, 5, 5)
			}
			return all, nil
		},
		LogProbabilities: func(_, _, positions []int32) ([]float32, error) {
			var all []float32
			for range positions {
				all = append(all, -3, -0.05, -100, -100)
			}
			return all, nil
		},
	}
}

func TestEntropyConstrainedCodes(t *testing.T) {
	close, mixed := make([]int32, 32), make([]int32, 32)
	for i := range mixed {
		mixed[i] = int32(1 - i%2)
	}
	// At rate 0.01 the prior's three nats are worth 0.03, and code 1 is 0.1 farther away. At
	// rate 0.1 they are worth 0.3, and at odd positions code 1 is 2.8 farther away.
	for rate, want := range map[float64][]int32{0.01: close, 0.1: mixed} {
		tokens, err := preferOnes(rate).Encode(nil, []int32{0, 1})
		if err != nil || !slices.Equal(tokens, want) {
			t.Errorf("rate %g: %v, %v, want %v", rate, tokens, err, want)
		}
	}
}

// The prior predicts two of sixteen tokens at a time, sees the tokens chosen before, and is
// not asked where only the closest code comes into question.
func TestMaskedTokensAreNoise(t *testing.T) {
	e := preferOnes(0.1)
	logProbabilities, asked, last := e.LogProbabilities, 0, make([]int32, 16)
	e.LogProbabilities = func(tokens, classes, positions []int32) ([]float32, error) {
		asked++
		if !slices.Equal(classes, []int32{7}) {
			t.Errorf("classes %v", classes)
		}
		differ := 0
		for i, id := range tokens {
			if i%2 == 1 && id != 0 {
				t.Errorf("noise at position %d, which is not open", i)
			}
			if i%2 == 0 && id > 1 {
				differ++
			}
		}
		if differ > 2 {
			t.Errorf("%d positions of noise", differ)
		}
		copy(last, tokens)
		return logProbabilities(tokens, classes, positions)
	}
	if _, err := e.Encode(nil, []int32{7}); err != nil {
		t.Fatal(err)
	}
	if asked != 4 {
		t.Errorf("asked %d times for 8 positions", asked)
	}
	ones := 0
	for _, id := range last {
		if id == 1 {
			ones++
		}
	}
	if ones < 6 {
		t.Errorf("the last time the prior saw %v", last)
	}
}

// A picture's tokens do not depend on the other pictures of the batch, also if one of them
// has no open position.
func TestPicturesAreIndependent(t *testing.T) {
	e := preferOnes(0.1)
	e.Distances = func(_ []uint8, n int) ([]float32, error) {
		all, err := preferOnes(0.1).Distances(nil, 2)
		for position := range 16 {
			all[4*position+1] = 4
		}
		return all[(2-n)*64:], err
	}
	// The prior prefers code 1 where the token before is 0, and code 0 elsewhere.
	e.LogProbabilities = func(tokens, classes, positions []int32) ([]float32, error) {
		var all []float32
		for i, position := range positions {
			picture := i / (len(positions) / len(classes))
			if position > 0 && tokens[picture*16+int(position)-1] == 0 {
				all = append(all, -3, -0.05, -100, -100)
			} else {
				all = append(all, -0.05, -3, -100, -100)
			}
		}
		return all, nil
	}
	both, err := e.Encode(nil, []int32{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := e.Encode(nil, []int32{1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(both[16:], alone) || slices.Max(both[:16]) != 0 || slices.Max(alone) != 1 {
		t.Errorf("%v beside %v, and %v alone", both[16:], both[:16], alone)
	}
}

// Log-probabilities are cut off: a code of probability 0 may still be chosen.
func TestSurpriseIsBounded(t *testing.T) {
	e := preferOnes(0.1)
	e.LogProbabilities = func(_, _, positions []int32) ([]float32, error) {
		impossible := float32(math.Inf(-1))
		return slices.Repeat([]float32{impossible, impossible, impossible, 0}, len(positions)), nil
	}
	tokens, err := e.Encode(nil, []int32{0})
	if err != nil || slices.Max(tokens) != 0 {
		t.Errorf("%v, %v", tokens, err)
	}
}

func TestPriorError(t *testing.T) {
	e, broken := preferOnes(0.1), errors.New("broken")
	e.LogProbabilities = func(_, _, _ []int32) ([]float32, error) { return nil, broken }
	if _, err := e.Encode(nil, []int32{0}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
