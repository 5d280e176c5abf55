package augment

import (
	"math"
	"testing"

	"sundae/sampler/schedule"
)

// A third of the noise is left before the last eight of 24 harmonic steps, none once every
// token has been drawn.
func TestRemainingNoise(t *testing.T) {
	for _, run := range []struct {
		proportion, renoise string
		want                float64
	}{
		{"0:1:harmonic", "0", 1. / 3},
		{"0:1:harmonic", "0.5", 1. / 3 / 65536},
		{"0.5", "0", 1. / 65536},
		{"0", "0", 1},
		{"1", "0", 0},
		{"0", "1", 0},
	} {
		s := schedule.Settings{Steps: 24}
		for curve, text := range map[*schedule.Schedule]string{&s.Proportion: run.proportion, &s.Renoise: run.renoise} {
			if err := curve.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got := remainingNoise(s, 8); math.Abs(got-run.want) > 1e-12 {
			t.Errorf("proportion %s, re-noising %s leave %g, want %g", run.proportion, run.renoise, got, run.want)
		}
	}
}
