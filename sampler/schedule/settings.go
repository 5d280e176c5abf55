package schedule

import "fmt"

// MaxSteps is the longest run, far above any useful number of steps.
const MaxSteps = 10000

// Settings shape a run. They may change between its steps.
type Settings struct {
	Steps       int      // T, 1 to MaxSteps
	Temperature Schedule // tau_t; 0 is the arg-max
	Proportion  Schedule // p_t, the share of tokens updated at a step, 0 to 1
	Renoise     Schedule // c_t, the share of tokens replaced by noise before a step and then drawn, 0 to 1
	MinSteps    int      // no sample is frozen before this step
	Freeze      Freeze   // when samples that no longer change leave the batch; "" is FreezeOff
	Seed        uint64
	Class       int // 0 to classes-1; classes itself is any: one class per sample, or none where an image is given and the model can do without
}

// Validate returns what cannot work for a model of so many classes.
func (s Settings) Validate(classes int) error {
	switch {
	case s.Steps < 1 || s.Steps > MaxSteps:
		return fmt.Errorf("steps must be 1 to %d, not %d", MaxSteps, s.Steps)
	case s.MinSteps < 0 || s.MinSteps > MaxSteps:
		return fmt.Errorf("min_steps must be 0 to %d, not %d", MaxSteps, s.MinSteps)
	case s.Class < 0 || s.Class > classes:
		return fmt.Errorf("class %d: the model has %d classes, numbered from 0; %d means any", s.Class, classes, classes)
	}
	switch s.Freeze {
	case "", FreezeOff, FreezeOn, FreezeUnchanged:
	default:
		return fmt.Errorf("freeze must be on, unchanged or off, not %q", string(s.Freeze))
	}
	for _, schedule := range []struct {
		name  string
		value Schedule
		limit float64
	}{
		{"temperature", s.Temperature, largest}, {"proportion", s.Proportion, 1}, {"renoise", s.Renoise, 1},
	} {
		if err := schedule.value.check(schedule.limit); err != nil {
			return fmt.Errorf("%s: %w", schedule.name, err)
		}
	}
	return nil
}

// Equal reports whether a run goes the same way under both settings.
func (s Settings) Equal(o Settings) bool {
	return s.SameStep(o) && s.MinSteps == o.MinSteps && s.Freeze == o.Freeze
}

// SameStep reports whether every step draws the same tokens under both settings.
// They may still freeze samples at different steps.
func (s Settings) SameStep(o Settings) bool {
	return s.Seed == o.Seed && s.Class == o.Class && s.Steps == o.Steps &&
		s.Temperature.Equal(o.Temperature) && s.Proportion.Equal(o.Proportion) && s.Renoise.Equal(o.Renoise)
}

// The default steps, and the number of steps from which not every token needs to
// be updated at each: with fewer, some tokens would never be drawn.
const (
	defaultSteps = 24
	manySteps    = 20
)

// Default returns the settings for a model whose maker recommends none, with any
// of its classes.
func Default(classes int) Settings {
	return Settings{
		Steps: defaultSteps, Temperature: Schedule{Start: 1, End: 0.6, Curve: Cosine}, Proportion: DefaultProportion(defaultSteps), Renoise: Schedule{Curve: Constant},
		MinSteps: 10, Freeze: FreezeOn, Class: classes,
	}
}

// DefaultProportion returns the proportion for a number of steps: 1 below 20, else 0.5.
func DefaultProportion(steps int) Schedule {
	if steps < manySteps {
		return Schedule{Start: 1, End: 1, Curve: Constant}
	}
	return Schedule{Start: 0.5, End: 0.5, Curve: Constant}
}
