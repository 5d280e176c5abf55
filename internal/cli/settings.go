package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// samplingFlags are the settings of a run. Settings without a flag come from the image
// named with --like, or else from the settings file, and what that leaves to the model
// from the manifest.
type samplingFlags struct {
	patch schedule.Patch
	like  string
}

func (f *samplingFlags) add(cmd *cobra.Command) {
	for _, flag := range []struct{ name, key, kind, usage string }{
		{"steps", "steps", "int", "denoising steps; 0: as the model recommends (default from the settings)"},
		{"temperature", "temperature", "schedule", "`schedule` start:end:curve with the curve constant, linear, cosine, exponential or harmonic; or keyframes such as 0:1.0,0.5:0.9,1:0.6 (default from the settings)"},
		{"proportion", "proportion", "schedule", "`schedule` of the share of tokens updated in each step (default from the settings)"},
		{"renoise", "renoise", "schedule", "`schedule` of the share of tokens replaced by noise before each step and then sampled again (default from the settings)"},
		{"min-steps", "min_steps", "int", "no sample is frozen before this step; 0: as the model recommends (default from the settings)"},
		{"freeze", "freeze", "word", "freeze samples that no longer change: on, unchanged (after one step without a change), off or model (default from the settings)"},
		{"class", "class", "name", "`name` of a class, or any (default from the settings)"},
		{"seed", "seed", "number", "seed of all random numbers (default from the settings)"},
	} {
		cmd.Flags().Var(settingFlag{&f.patch, flag.key, flag.kind}, flag.name, flag.usage)
	}
	cmd.Flags().StringVar(&f.like, "like", "", "use the settings stored in this PNG `file`; other flags override them")
}

// A settingFlag sets one setting of a patch.
type settingFlag struct {
	patch     *schedule.Patch
	key, kind string
}

func (f settingFlag) Set(text string) error { return f.patch.Set(f.key, text) }
func (f settingFlag) Type() string          { return f.kind }
func (f settingFlag) String() string        { return "" } // no default of its own

// settings applies the flags to the settings in an image or in the settings file, and
// those to the model's recommendation.
func (f *samplingFlags) settings(a *app, m bundle.Manifest) (schedule.Settings, error) {
	recommended, err := sampler.Recommended(m)
	if err != nil {
		return schedule.Settings{}, err
	}
	record, err := f.record()
	if err != nil {
		return schedule.Settings{}, err
	}
	var s schedule.Settings
	if record != nil {
		if s, err = record.Settings(m.Classes); err != nil {
			return s, fmt.Errorf("settings in %s: %w", f.like, err)
		}
	} else if s, err = a.config.Sampling.Apply(recommended, recommended, m.Classes); err != nil {
		return s, fmt.Errorf("settings file: %w", err)
	}
	if s, err = f.patch.Apply(s, recommended, m.Classes); err != nil {
		return s, err
	}
	return s, s.Validate(len(m.Classes))
}

// onOff reads a flag that is on or off.
func onOff(flag, word string) (bool, error) {
	switch word {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("--%s must be on or off, not %q", flag, word)
}
