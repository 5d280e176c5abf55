package augment_test

import (
	"slices"
	"testing"

	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort/orttest"
	"sundae/train/augment"
)

// Resampling repeats with its seed, and no steps leave the tokens as they are.
func TestResample(t *testing.T) {
	b := bundletest.Bundle(t)
	r, err := augment.Open(b, orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	resampled := func(steps int, seed uint64) []int32 {
		tokens := make([]int32, b.Manifest.Latent.Tokens())
		if err := r.Resample(t.Context(), tokens, steps, seed); err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	first := resampled(3, 1)
	if !slices.Equal(resampled(3, 1), first) || slices.Equal(resampled(3, 2), first) || slices.Equal(first, resampled(0, 1)) {
		t.Errorf("three steps make %v", first)
	}
	if slices.Max(resampled(0, 1)) != 0 {
		t.Error("no steps changed the tokens")
	}
	// The first of several pictures is what it is alone; the others have random numbers of their own.
	several := make([]int32, 3*len(first))
	if err := r.Resample(t.Context(), several, 3, 1); err != nil {
		t.Fatal(err)
	}
	pictures := slices.Collect(slices.Chunk(several, len(first)))
	if !slices.Equal(pictures[0], first) || slices.Equal(pictures[1], first) || slices.Equal(pictures[2], pictures[1]) {
		t.Errorf("three pictures become %v", several)
	}
}
