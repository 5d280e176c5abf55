package sampler

import (
	"fmt"

	"sundae/internal/bundle"
)

// MaxSteps is the longest run: more can only be a slip.
const MaxSteps = 10000

// Settings shape a run. They may change between its steps.
type Settings struct {
	Steps       int      // T, 1 to MaxSteps
	Temperature Schedule // tau_t; 0 is the arg-max
	Proportion  Schedule // p_t, the share of tokens updated at a step
	Corruption  Schedule // c_t, the share of tokens made noise before a step, which are all updated
	MinSteps    int      // no sample is frozen before this step
	Freeze      bool     // samples that no longer change leave the batch
	Seed        uint64
	Class       int // 0 to classes; classes itself is any: one of them for each sample, none where a picture is given
}

// What is recommended where a model's maker recommends nothing. With few steps
// every token must be drawn at each, or some are never visited.
const (
	defaultSteps       = 24
	defaultTemperature = "1.0:0.6:cosine"
	defaultMinSteps    = 10
	fewSteps           = 20
)

// DefaultProportion is the proportion for a number of steps: 1 below 20, else 0.5.
func DefaultProportion(steps int) Schedule {
	if steps < fewSteps {
		return Schedule{Start: 1, End: 1, Curve: Constant}
	}
	return Schedule{Start: 0.5, End: 0.5, Curve: Constant}
}

// Recommended is what the model's maker recommends, for any class.
func Recommended(m bundle.Manifest) (Settings, error) {
	if m.Sampling == (bundle.Sampling{}) {
		m.Sampling = bundle.Sampling{MinSteps: defaultMinSteps, Freeze: true}
	}
	s := Settings{Steps: m.Sampling.Steps, MinSteps: m.Sampling.MinSteps, Freeze: m.Sampling.Freeze, Class: len(m.Classes)}
	if s.Steps == 0 {
		s.Steps = defaultSteps
	}
	temperature := m.Sampling.Temperature
	if temperature == "" {
		temperature = defaultTemperature
	}
	var err error
	if s.Temperature, err = ParseSchedule(temperature); err != nil {
		return Settings{}, fmt.Errorf("model %s: sampling.temperature: %w", m.Name, err)
	}
	s.Proportion = DefaultProportion(s.Steps)
	if m.Sampling.Proportion != "" {
		if s.Proportion, err = ParseSchedule(m.Sampling.Proportion); err != nil {
			return Settings{}, fmt.Errorf("model %s: sampling.proportion: %w", m.Name, err)
		}
	}
	if m.Sampling.Corruption != "" {
		if s.Corruption, err = ParseSchedule(m.Sampling.Corruption); err != nil {
			return Settings{}, fmt.Errorf("model %s: sampling.corruption: %w", m.Name, err)
		}
	}
	if err := s.Validate(len(m.Classes)); err != nil {
		return Settings{}, fmt.Errorf("model %s: sampling: %w", m.Name, err)
	}
	return s, nil
}

// Validate says in one sentence what cannot work for a model of so many classes.
func (s Settings) Validate(classes int) error {
	switch {
	case s.Steps < 1 || s.Steps > MaxSteps:
		return fmt.Errorf("steps must be 1 to %d, not %d", MaxSteps, s.Steps)
	case s.MinSteps < 0:
		return fmt.Errorf("min_steps must not be negative, and is %d", s.MinSteps)
	case s.Class < 0 || s.Class > classes:
		return fmt.Errorf("class %d: the model has %d classes, from 0, and %d stands for any", s.Class, classes, classes)
	}
	if err := s.Temperature.check(largest); err != nil {
		return fmt.Errorf("temperature: %w", err)
	}
	if err := s.Proportion.check(1); err != nil {
		return fmt.Errorf("proportion: %w", err)
	}
	if err := s.Corruption.check(1); err != nil {
		return fmt.Errorf("corruption: %w", err)
	}
	return nil
}

// Equal reports whether a run goes the same way under both settings.
func (s Settings) Equal(o Settings) bool {
	return s.drawsLike(o) && s.MinSteps == o.MinSteps && s.Freeze == o.Freeze
}

// drawsLike reports whether a step draws the same under both settings.
func (s Settings) drawsLike(o Settings) bool {
	return s.Seed == o.Seed && s.Class == o.Class && s.Temperature.equal(o.Temperature) && s.Proportion.equal(o.Proportion) &&
		s.Corruption.equal(o.Corruption) && s.Steps == o.Steps
}
