package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/sampler"
)

// samplingFlags are the settings of a run. What is not given comes from the
// picture named with --like, or else from the settings file, and what that
// leaves open from the model.
type samplingFlags struct {
	steps, minSteps                     int
	temperature, proportion, corruption string
	class, freeze                       string
	seed                                uint64

	like string
}

func (f *samplingFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.steps, "steps", 0, "denoising steps (default from the settings, or as the model recommends)")
	cmd.Flags().StringVar(&f.temperature, "temperature", "", "`schedule` start:end:curve, curve constant, linear, cosine, exponential or harmonic; or keyframes 0:1.0,0.5:0.9,1:0.6")
	cmd.Flags().StringVar(&f.proportion, "proportion", "", "`schedule` of the share of tokens updated at a step")
	cmd.Flags().StringVar(&f.corruption, "corruption", "", "`schedule` of the share of tokens made noise again before a step")
	cmd.Flags().IntVar(&f.minSteps, "min-steps", 0, "no sample is frozen before this step (default likewise)")
	cmd.Flags().StringVar(&f.freeze, "freeze", "", "freeze samples that no longer change: on or off")
	cmd.Flags().StringVar(&f.class, "class", "", "class by `name`, or any")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "seed of every draw (default from the settings)")
	cmd.Flags().StringVar(&f.like, "like", "", "repeat the settings kept in this PNG `file`; other flags go before them")
}

// settings lays flags over a picture's record or the settings file, and those
// over the model's recommendation.
func (f *samplingFlags) settings(a *app, cmd *cobra.Command, m bundle.Manifest) (sampler.Settings, error) {
	record, err := f.record()
	if err != nil {
		return sampler.Settings{}, err
	}
	var s sampler.Settings
	if record != nil {
		if s, err = record.Settings(m.Classes); err != nil {
			return s, fmt.Errorf("the settings in %s: %w", f.like, err)
		}
	} else if s, err = configured(a, m); err != nil {
		return s, err
	}
	if s, err = f.over(s, cmd, m); err != nil {
		return s, err
	}
	return s, s.Validate(len(m.Classes))
}

// configured lays the settings file over the model's recommendation.
func configured(a *app, m bundle.Manifest) (sampler.Settings, error) {
	s, err := sampler.Recommended(m)
	if err != nil {
		return s, err
	}
	c := a.config.Sampling
	s.Seed = c.Seed
	if c.Steps > 0 {
		s.Steps = c.Steps
	}
	if c.MinSteps > 0 {
		s.MinSteps = c.MinSteps
	}
	if c.Freeze != config.Model {
		s.Freeze = c.Freeze == "on"
	}
	if err := schedule(&s.Temperature, "temperature", c.Temperature); err != nil {
		return s, err
	}
	if err := schedule(&s.Proportion, "proportion", c.Proportion); err != nil {
		return s, err
	}
	if err := schedule(&s.Corruption, "corruption", c.Corruption); err != nil {
		return s, err
	}
	if c.Class != "" {
		s.Class, err = classByName(c.Class, m.Classes)
	}
	return s, err
}

// over lays the flags that were given over s.
func (f *samplingFlags) over(s sampler.Settings, cmd *cobra.Command, m bundle.Manifest) (sampler.Settings, error) {
	given := cmd.Flags().Changed
	if given("seed") {
		s.Seed = f.seed
	}
	if given("steps") {
		s.Steps = f.steps
	}
	if given("min-steps") {
		s.MinSteps = f.minSteps
	}
	if given("freeze") {
		on, err := onOff("freeze", f.freeze)
		if err != nil {
			return s, err
		}
		s.Freeze = on
	}
	if err := schedule(&s.Temperature, "temperature", f.temperature); err != nil {
		return s, err
	}
	if err := schedule(&s.Proportion, "proportion", f.proportion); err != nil {
		return s, err
	}
	if err := schedule(&s.Corruption, "corruption", f.corruption); err != nil {
		return s, err
	}
	if given("class") {
		class, err := classByName(f.class, m.Classes)
		if err != nil {
			return s, err
		}
		s.Class = class
	}
	return s, nil
}

// schedule reads a schedule; an empty text, or one that leaves it to the model,
// changes nothing.
func schedule(to *sampler.Schedule, name, text string) error {
	if text == "" || text == config.Model {
		return nil
	}
	s, err := sampler.ParseSchedule(text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	*to = s
	return nil
}

// onOff reads a flag that is on or off.
func onOff(flag, word string) (bool, error) {
	switch word {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("--%s is on or off, not %q", flag, word)
}

// anyClass names no class in particular.
const anyClass = "any"

func classByName(name string, classes []string) (int, error) {
	if i := slices.Index(classes, name); i >= 0 {
		return i, nil
	}
	switch {
	case name == anyClass:
		return len(classes), nil
	case len(classes) == 0:
		return 0, fmt.Errorf("no class %q: the model has none", name)
	}
	return 0, fmt.Errorf("no class %q: there are %s", name, strings.Join(classes, ", "))
}
