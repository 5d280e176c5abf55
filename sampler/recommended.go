package sampler

import (
	"fmt"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
)

// Recommended returns the settings that a model's maker recommends, with any of its
// classes.
func Recommended(m bundle.Manifest) (schedule.Settings, error) {
	defaults := schedule.Default(len(m.Classes))
	if steps := m.Sampling.Steps; steps != nil && *steps > 0 {
		defaults.Proportion = schedule.DefaultProportion(*steps)
	}
	// In a manifest, min_steps 0 is 0 and not a recommendation of somebody else.
	none := defaults
	none.MinSteps = 0
	s, err := m.Sampling.Apply(defaults, none, m.Classes)
	if err == nil {
		err = s.Validate(len(m.Classes))
	}
	if err != nil {
		return schedule.Settings{}, fmt.Errorf("model %s: sampling: %w", m.Name, err)
	}
	return s, nil
}
