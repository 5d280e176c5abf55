package session

import (
	"sundae/internal/config"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Preset returns the settings of the selected lane as a preset.
func (s *Stage) Preset() config.Sampling {
	return config.Sampling{Patch: schedule.PatchOf(s.Selected().Settings, s.Model.Classes), N: s.Samples}
}

// UsePreset applies a preset to the selected lane, from the next start on; what it leaves out stays. Where it leaves the
// choice to the model, the model's recommendation counts.
func (s *Stage) UsePreset(p config.Sampling) error {
	recommended, err := sampler.Recommended(s.Model)
	if err != nil {
		return err
	}
	next, err := p.Apply(s.Selected().Settings, recommended, s.Model.Classes)
	if err != nil {
		return err
	}
	if err := s.Set(next); err != nil {
		return err
	}
	if p.N > 0 {
		s.Samples = min(MaxSamples, p.N)
	}
	return nil
}
