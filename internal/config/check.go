package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"sundae/sampler/schedule"
)

// Limits of settings. Larger values can only be mistakes.
const (
	MaxSamples = 1024
	MaxThreads = 1024
	MaxFeather = 1024 // pixels
)

// The values of settings that are one of a few words.
var (
	Precisions = []string{"auto", "float32", "float16"}
	Rules      = []string{"any", "all"}
	Fittings   = []string{"crop", "letterbox"}
	Animations = []string{"gif", "apng"}
	Protocols  = []string{"auto", "kitty", "kitty-direct", "iterm2", "sixel", "blocks"}
)

// check returns what is wrong with a value of the right type. Presets are checked like
// the section sampling.
func (r reader) check(key string, value any) error {
	if strings.HasPrefix(key, "presets.") {
		key = "sampling" + key[strings.LastIndexByte(key, '.'):]
	}
	switch key {
	case "device":
		// A card may follow, as in cuda:1.
		name, card, numbered := strings.Cut(value.(string), ":")
		if _, err := strconv.ParseUint(card, 10, 8); numbered && err != nil {
			return fmt.Errorf("a card is chosen by a number from 0, as in cuda:1, not %q", value)
		}
		if r.devices != nil {
			return oneOf(name, r.devices)
		}
	case "precision":
		return oneOf(value.(string), Precisions)
	case "threads":
		return within(float64(value.(int)), 0, MaxThreads)
	case "model":
		if value == "" {
			return errors.New("should be the folder or the name of a model")
		}
	case "models":
		if value == "" {
			return errors.New("should not be an empty path")
		}
	case "sampling.steps", "sampling.min_steps":
		return within(float64(value.(int)), 0, schedule.MaxSteps)
	case "sampling.n":
		return within(float64(value.(int)), 1, MaxSamples)
	case "mask.rule":
		return oneOf(value.(string), Rules)
	case "mask.feather":
		return within(value.(float64), 0, MaxFeather)
	case "pictures.fit":
		return oneOf(value.(string), Fittings)
	case "pictures.animation":
		return oneOf(value.(string), Animations)
	case "graphics.protocol":
		return oneOf(value.(string), Protocols)
	case "graphics.scale":
		if f := value.(float64); f <= 0 || f > 1 {
			return fmt.Errorf("should be greater than 0 and at most 1, not %g", f)
		}
	case "train.backend":
		if value == "" {
			return errors.New("should be the name of a backend, or auto")
		}
	}
	return nil
}

func oneOf(value string, words []string) error {
	if slices.Contains(words, value) {
		return nil
	}
	last := len(words) - 1
	return fmt.Errorf("should be %s or %s, not %q", strings.Join(words[:last], ", "), words[last], value)
}

func within(value, low, high float64) error {
	if value >= low && value <= high {
		return nil
	}
	return fmt.Errorf("should be from %g to %g, not %g", low, high, value)
}

// ParseRate reads a rate such as "500k", "1.5M" or "800000".
func ParseRate(text string) (Rate, error) {
	number, times := text, 1.0
	switch {
	case strings.HasSuffix(text, "k"):
		number, times = strings.TrimSuffix(text, "k"), 1e3
	case strings.HasSuffix(text, "M"):
		number, times = strings.TrimSuffix(text, "M"), 1e6
	}
	f, err := strconv.ParseFloat(number, 64)
	// 1e15 is above any bandwidth, and below the largest exact integer of a float64.
	if err != nil || math.IsNaN(f) || f < 0 || f*times > 1e15 {
		return 0, fmt.Errorf("should be bytes per second such as 500k or 2M, not %q", text)
	}
	return Rate(math.Round(f * times)), nil
}

// String formats the rate for [ParseRate].
func (r Rate) String() string {
	switch {
	case r >= 1e6 && r%1e5 == 0:
		return strconv.FormatFloat(float64(r)/1e6, 'g', -1, 64) + "M"
	case r >= 1e3 && r%1e2 == 0:
		return strconv.FormatFloat(float64(r)/1e3, 'g', -1, 64) + "k"
	}
	return strconv.FormatInt(int64(r), 10)
}

// UnmarshalText calls [ParseRate].
func (r *Rate) UnmarshalText(text []byte) error { return r.Set(string(text)) }

// Set calls [ParseRate]. It makes a Rate a command-line flag.
func (r *Rate) Set(text string) error {
	rate, err := ParseRate(text)
	if err == nil {
		*r = rate
	}
	return err
}

// Type is the name of the flag's value in --help.
func (r *Rate) Type() string { return "rate" }

// maxName is the longest name of a preset, in bytes. It must fit in a menu.
const maxName = 40

// checkName returns what is wrong with the name of a preset.
func checkName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("a preset needs a name")
	case len(name) > maxName:
		return fmt.Errorf("the name of a preset should have at most %d characters, not %d", maxName, len(name))
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '.' || r == unicode.ReplacementChar }):
		return fmt.Errorf("the name of the preset %q should have no dots or control characters", name)
	}
	return nil
}
