package augment

import (
	"math"
	"testing"

	"sundae/sampler"
)

// A third of the noise is left before the last eight of 24 harmonic steps, none once every
// token has been drawn.
func TestRemainingNoise(t *testing.T) {
	for _, run := range []struct {
		proportion, corruption string
		want                   float64
	}{
		{"0:1:harmonic", "0", 1. / 3},
		{"0:1:harmonic", "0.5", 1. / 3 / 65536},
		{"0.5", "0", 1. / 65536},
		{"0", "0", 1},
		{"1", "0", 0},
		{"0", "1", 0},
	} {
		s := sampler.Settings{Steps: 24}
		for schedule, text := range map[*sampler.Schedule]string{&s.Proportion: run.proportion, &s.Corruption: run.corruption} {
			if err := schedule.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got := remainingNoise(s, 8); math.Abs(got-run.want) > 1e-12 {
			t.Errorf("proportion %s, corruption %s leave %g, want %g", run.proportion, run.corruption, got, run.want)
		}
	}
}
