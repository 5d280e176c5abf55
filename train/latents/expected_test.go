package latents

import (
	"errors"
	"math"
	"slices"
	"testing"
)

// A picture of 16 places and 4 codes. Code 0 is the closest everywhere, code 1 nearly as
// close in even places, and a prior expects code 1 and knows nothing of the others.
func expectedOnes(rate float64) Expected {
	const places, v = 16, 4
	return Expected{
		Rate: rate, Vocabulary: v,
		Distances: func(_ []uint8, n int) ([]float32, error) {
			var all []float32
			for place := range n * places {
				second := float32(0.3)
				if place%2 == 1 {
					second = 3
				}
				all = append(all, 0.2, second, 5, 5)
			}
			return all, nil
		},
		LogProbabilities: func(_, _, places []int32) ([]float32, error) {
			var all []float32
			for range places {
				all = append(all, -3, -0.05, -100, -100)
			}
			return all, nil
		},
	}
}

func TestExpectedCodes(t *testing.T) {
	close, mixed := make([]int32, 32), make([]int32, 32)
	for i := range mixed {
		mixed[i] = int32(1 - i%2)
	}
	// A nat that is worth 0.01 gains code 1 no more than 0.03 of the 0.1 that it lacks;
	// one of 0.1 gains 0.3, where 2.8 lack in odd places.
	for rate, want := range map[float64][]int32{0.01: close, 0.1: mixed} {
		tokens, err := expectedOnes(rate).Encode(nil, []int32{0, 1})
		if err != nil || !slices.Equal(tokens, want) {
			t.Errorf("rate %g: %v, %v, want %v", rate, tokens, err, want)
		}
	}
}

// The prior is asked for two of sixteen places at a time, sees what was chosen before in
// the others, and is never asked where the closest code is beyond dispute.
func TestExpectedAsksBehindNoise(t *testing.T) {
	e := expectedOnes(0.1)
	likely, asked, last := e.LogProbabilities, 0, make([]int32, 16)
	e.LogProbabilities = func(tokens, classes, places []int32) ([]float32, error) {
		asked++
		if !slices.Equal(classes, []int32{7}) {
			t.Errorf("classes %v", classes)
		}
		differ := 0
		for i, id := range tokens {
			if i%2 == 1 && id != 0 {
				t.Errorf("noise in place %d, which isn't open", i)
			}
			if i%2 == 0 && id > 1 {
				differ++
			}
		}
		if differ > 2 {
			t.Errorf("%d places of noise", differ)
		}
		copy(last, tokens)
		return likely(tokens, classes, places)
	}
	if _, err := e.Encode(nil, []int32{7}); err != nil {
		t.Fatal(err)
	}
	if asked != 4 {
		t.Errorf("asked %d times for 8 places", asked)
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

// A picture's tokens are the same alone and beside others, one with no place open among them.
func TestExpectedPicturesApart(t *testing.T) {
	e := expectedOnes(0.1)
	e.Distances = func(_ []uint8, n int) ([]float32, error) {
		all, err := expectedOnes(0.1).Distances(nil, 2)
		for place := range 16 {
			all[4*place+1] = 4
		}
		return all[(2-n)*64:], err
	}
	// Code 1 is expected where the token before is 0, and code 0 elsewhere.
	e.LogProbabilities = func(tokens, classes, places []int32) ([]float32, error) {
		var all []float32
		for i, place := range places {
			picture := i / (len(places) / len(classes))
			if place > 0 && tokens[picture*16+int(place)-1] == 0 {
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

// Surprise counts up to a bound: a code of probability 0 may still be the one.
func TestExpectedSurpriseIsBounded(t *testing.T) {
	e := expectedOnes(0.1)
	e.LogProbabilities = func(_, _, places []int32) ([]float32, error) {
		impossible := float32(math.Inf(-1))
		return slices.Repeat([]float32{impossible, impossible, impossible, 0}, len(places)), nil
	}
	tokens, err := e.Encode(nil, []int32{0})
	if err != nil || slices.Max(tokens) != 0 {
		t.Errorf("%v, %v", tokens, err)
	}
}

func TestExpectedError(t *testing.T) {
	e, broken := expectedOnes(0.1), errors.New("broken")
	e.LogProbabilities = func(_, _, _ []int32) ([]float32, error) { return nil, broken }
	if _, err := e.Encode(nil, []int32{0}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
