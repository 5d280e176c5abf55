package sampler

import (
	"fmt"

	"sundae/internal/bundle"
)

// Settings shape a run. They may change between its steps.
type Settings struct {
	Steps       int      // T, 1 or more
	Temperature Schedule // tau_t; 0 is the arg-max
	Proportion  Schedule // p_t, the share of tokens updated at a step
	MinSteps    int      // no sample is frozen before this step
	Freeze      bool     // samples that no longer change leave the batch
	Seed        uint64
	Class       int // 0 to classes; classes itself is any
}

// Recommended is what the model's maker recommends, for any class.
func Recommended(m bundle.Manifest) (Settings, error) {
	temperature, err := ParseSchedule(m.Sampling.Temperature)
	if err != nil {
		return Settings{}, fmt.Errorf("model %s: sampling.temperature: %w", m.Name, err)
	}
	proportion, err := ParseSchedule(m.Sampling.Proportion)
	if err != nil {
		return Settings{}, fmt.Errorf("model %s: sampling.proportion: %w", m.Name, err)
	}
	return Settings{
		Steps: m.Sampling.Steps, Temperature: temperature, Proportion: proportion,
		MinSteps: m.Sampling.MinSteps, Freeze: m.Sampling.Freeze, Class: len(m.Classes),
	}, nil
}

// Validate says in one sentence what cannot work for a model of so many classes.
func (s Settings) Validate(classes int) error {
	switch {
	case s.Steps < 1:
		return fmt.Errorf("steps must be at least 1, not %d", s.Steps)
	case s.MinSteps < 0:
		return fmt.Errorf("min_steps must not be negative, and is %d", s.MinSteps)
	case s.Class < 0 || s.Class > classes:
		return fmt.Errorf("class %d: the model has classes 0 to %d, and %d for any", s.Class, classes-1, classes)
	}
	for t := 1; t <= s.Steps; t++ {
		if p := s.Proportion.At(t, s.Steps); p < 0 || p > 1 {
			return fmt.Errorf("proportion %s is %g at step %d: a share is 0 to 1", s.Proportion, p, t)
		}
	}
	return nil
}
