package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Patch changes some settings: a field that is nil leaves the setting as it is.
// The settings file, a preset, the command line, a model's manifest and the record
// in a PNG are all patches. A setting may be left to the model: steps and
// min_steps 0, a schedule [Recommended], freeze FreezeRecommended.
type Patch struct {
	Steps       *int      `yaml:"steps,omitempty" json:"steps,omitempty"`
	Temperature *Schedule `yaml:"temperature,omitempty" json:"temperature,omitempty"`
	Proportion  *Schedule `yaml:"proportion,omitempty" json:"proportion,omitempty"`
	Renoise     *Schedule `yaml:"renoise,omitempty" json:"renoise,omitempty"`
	MinSteps    *int      `yaml:"min_steps,omitempty" json:"min_steps,omitempty"`
	Freeze      *Freeze   `yaml:"freeze,omitempty" json:"freeze,omitempty"`
	Class       *string   `yaml:"class,omitempty" json:"class,omitempty"` // by name; "" and "any" are any class
	Seed        *uint64   `yaml:"seed,omitempty" json:"seed,omitempty"`
}

// anyClass is the name of no class in particular.
const anyClass = "any"

// PatchOf returns the patch that makes any settings equal to s, for a model of
// these classes.
func PatchOf(s Settings, classes []string) Patch {
	freeze, class := cmp.Or(s.Freeze, FreezeOff), ""
	if s.Class < len(classes) {
		class = classes[s.Class]
	}
	return Patch{&s.Steps, &s.Temperature, &s.Proportion, &s.Renoise, &s.MinSteps, &freeze, &class, &s.Seed}
}

// Apply returns s with the settings that the patch holds, for a model of these
// classes. Where the patch leaves a setting to the model, it is that of recommended.
// The result is not validated.
func (p Patch) Apply(s, recommended Settings, classes []string) (Settings, error) {
	applySchedule(&s.Temperature, p.Temperature, recommended.Temperature)
	applySchedule(&s.Proportion, p.Proportion, recommended.Proportion)
	applySchedule(&s.Renoise, p.Renoise, recommended.Renoise)
	applyCount(&s.Steps, p.Steps, recommended.Steps)
	applyCount(&s.MinSteps, p.MinSteps, recommended.MinSteps)
	if p.Freeze != nil {
		if s.Freeze = *p.Freeze; s.Freeze == FreezeRecommended {
			s.Freeze = recommended.Freeze
		}
	}
	if p.Seed != nil {
		s.Seed = *p.Seed
	}
	if p.Class != nil {
		class, err := classIndex(*p.Class, classes)
		if err != nil {
			return s, err
		}
		s.Class = class
	}
	return s, nil
}

// Settings returns the settings of a patch that holds every one of them, for a model
// of these classes. The result is not validated.
func (p Patch) Settings(classes []string) (Settings, error) {
	for _, setting := range []struct {
		key     string
		missing bool
	}{
		{"steps", p.Steps == nil}, {"temperature", p.Temperature == nil}, {"proportion", p.Proportion == nil}, {"renoise", p.Renoise == nil},
		{"min_steps", p.MinSteps == nil}, {"freeze", p.Freeze == nil}, {"class", p.Class == nil}, {"seed", p.Seed == nil},
	} {
		if setting.missing {
			return Settings{}, fmt.Errorf("%s is missing", setting.key)
		}
	}
	// Nothing is left to the model: schedules without values do not pass Validate.
	return p.Apply(Settings{}, Settings{Temperature: Recommended, Proportion: Recommended, Renoise: Recommended}, classes)
}

func applySchedule(to *Schedule, value *Schedule, recommended Schedule) {
	switch {
	case value == nil:
	case value.Curve == Recommended.Curve:
		*to = recommended
	default:
		*to = *value
	}
}

func applyCount(to *int, value *int, recommended int) {
	switch {
	case value == nil:
	case *value == 0:
		*to = recommended
	default:
		*to = *value
	}
}

// classIndex returns the number of a class by its name, and the number of classes
// for "" and "any".
func classIndex(name string, classes []string) (int, error) {
	if i := slices.Index(classes, name); i >= 0 {
		return i, nil
	}
	switch {
	case name == "" || name == anyClass:
		return len(classes), nil
	case len(classes) == 0:
		return 0, fmt.Errorf("unknown class %q: the model has no classes", name)
	}
	return 0, fmt.Errorf("unknown class %q: the model has %s", name, strings.Join(classes, ", "))
}

// Set reads one setting from text. The keys are those of the settings file, such as
// "temperature" and "min_steps".
func (p *Patch) Set(key, text string) error {
	field, ok := p.fields()[key]
	if !ok {
		return fmt.Errorf("unknown setting %q", key)
	}
	return field(text)
}

// fields returns the reader of each setting by its key.
func (p *Patch) fields() map[string]func(string) error {
	return map[string]func(string) error{
		"steps":       count(&p.Steps),
		"temperature": value(&p.Temperature, 0),
		"proportion":  value(&p.Proportion, 1),
		"renoise":     value(&p.Renoise, 1),
		"min_steps":   count(&p.MinSteps),
		"freeze": func(text string) error {
			var f Freeze
			if err := f.UnmarshalText([]byte(text)); err != nil {
				return err
			}
			p.Freeze = &f
			return nil
		},
		"class": func(text string) error {
			p.Class = &text
			return nil
		},
		"seed": func(text string) error {
			seed, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return fmt.Errorf("%q must be a whole number from 0", text)
			}
			p.Seed = &seed
			return nil
		},
	}
}

// count reads a number of steps.
func count(to **int) func(string) error {
	return func(text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > MaxSteps {
			return fmt.Errorf("%q must be a whole number from 0 to %d", text, MaxSteps)
		}
		*to = &n
		return nil
	}
}

// value reads a schedule whose values are 0 to limit, or any that Parse reads where
// limit is 0.
func value(to **Schedule, limit float64) func(string) error {
	return func(text string) error {
		var s Schedule
		if err := s.UnmarshalText([]byte(text)); err != nil {
			return err
		}
		if limit > 0 && s.Curve != Recommended.Curve {
			if err := s.check(limit); err != nil {
				return err
			}
		}
		*to = &s
		return nil
	}
}
