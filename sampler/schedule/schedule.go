package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Curve is the shape of a schedule between its start and its end.
type Curve string

// The curves. Keyframes interpolates linearly between points of its own.
//
// Harmonic is, with n steps left including the current one, 1/n of the way from
// start to end. As a proportion, 0:1:harmonic updates 1/T of the tokens at the
// first step, 1/(T-1) at the second and all of them at the last, so that the share
// of tokens not updated yet falls linearly from 1 to 0 for any number of steps.
// That is the reverse process of a diffusion with uniform noise (2107.03006).
const (
	Constant    Curve = "constant"
	Linear      Curve = "linear"
	Cosine      Curve = "cosine"
	Exponential Curve = "exponential"
	Harmonic    Curve = "harmonic"
	Keyframes   Curve = "keyframes"
)

// Recommended is the schedule that a [Patch] holds where it leaves the choice to
// the model. It has no values of its own.
var Recommended = Schedule{Curve: "model"}

// Keyframe is a point of a schedule with the curve Keyframes.
type Keyframe struct {
	At    float64 // position in the run: 0 is the first step, 1 the last
	Value float64
}

// Schedule is a setting that changes over the steps of a run: the temperature
// tau_t, the proportion p_t or the share that is re-noised c_t. The zero value is
// the constant 0.
type Schedule struct {
	Start, End float64
	Curve      Curve
	Keys       []Keyframe // with Keyframes: by rising At, from 0 to 1
}

// At returns the value at step t of steps, with t from 1 to steps. The first step
// has exactly the start and the last exactly the end; a run of one step has the
// start. A harmonic curve is 1/steps of the way from its start at the first step.
func (s Schedule) At(t, steps int) float64 {
	if s.Curve == Harmonic {
		if left := steps - max(1, t) + 1; left > 1 {
			return s.Start + (s.End-s.Start)/float64(left)
		}
		return s.End
	}
	if steps <= 1 || t <= 1 {
		if s.Curve == Keyframes {
			return s.Keys[0].Value
		}
		return s.Start
	}
	if t >= steps {
		switch s.Curve {
		case Keyframes:
			return s.Keys[len(s.Keys)-1].Value
		case Constant, "":
			return s.Start
		}
		return s.End
	}
	x := float64(t-1) / float64(steps-1)
	switch s.Curve {
	case Linear:
		return s.Start + (s.End-s.Start)*x
	case Cosine:
		return s.End + (s.Start-s.End)*0.5*(1+math.Cos(math.Pi*x))
	case Exponential:
		return s.Start * math.Pow(s.End/s.Start, x)
	case Keyframes:
		for i := 1; i < len(s.Keys); i++ {
			if a, b := s.Keys[i-1], s.Keys[i]; x == b.At {
				return b.Value // exactly; the interpolation below may round
			} else if x < b.At {
				return a.Value + (b.Value-a.Value)*(x-a.At)/(b.At-a.At)
			}
		}
	}
	return s.Start
}

// Parse reads "0.8" (constant), "1.0:0.6" (linear), "1.0:0.6:cosine", or keyframes
// such as "0:1.0,0.5:0.9,1:0.6". Values are 0 to 1000.
func Parse(text string) (Schedule, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, ",") {
		return parseKeyframes(text)
	}
	fields := strings.Split(text, ":")
	if len(fields) > 3 {
		return Schedule{}, fmt.Errorf("schedule %q: expected start, start:end or start:end:curve", text)
	}
	start, err := parseValue(fields[0])
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	if len(fields) == 1 {
		return Schedule{Start: start, End: start, Curve: Constant}, nil
	}
	end, err := parseValue(fields[1])
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	curve := Linear
	if len(fields) == 3 {
		curve = Curve(fields[2])
	}
	s := Schedule{Start: start, End: end, Curve: curve}
	if curve == Keyframes || curve == "" || curve == Recommended.Curve {
		return Schedule{}, fmt.Errorf("schedule %q: the curves are constant, linear, cosine, exponential and harmonic", text)
	}
	if err := s.check(largest); err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	return s, nil
}

func parseKeyframes(text string) (Schedule, error) {
	s := Schedule{Curve: Keyframes}
	for field := range strings.SplitSeq(text, ",") {
		at, value, ok := strings.Cut(strings.TrimSpace(field), ":")
		if !ok {
			return Schedule{}, fmt.Errorf("schedule %q: keyframe %q is not position:value", text, field)
		}
		x, err := parseValue(at)
		if err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
		}
		v, err := parseValue(value)
		if err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
		}
		s.Keys = append(s.Keys, Keyframe{x, v})
	}
	s.Start, s.End = s.Keys[0].Value, s.Keys[len(s.Keys)-1].Value
	if err := s.check(largest); err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", text, err)
	}
	return s, nil
}

// check returns what is wrong with a schedule whose values may be 0 to limit.
// Checking its points is enough: between two of them every curve stays between
// their values.
func (s Schedule) check(limit float64) error {
	value := func(v float64) error {
		if !(v >= 0 && v <= limit) {
			return fmt.Errorf("%g must be 0 to %g", v, limit)
		}
		return nil
	}
	switch s.Curve {
	case Constant, "":
		return value(s.Start)
	case Exponential:
		if s.Start == 0 || s.End == 0 {
			return errors.New("an exponential curve cannot start or end at 0")
		}
		fallthrough
	case Linear, Cosine, Harmonic:
		return cmp.Or(value(s.Start), value(s.End))
	case Keyframes:
		if n := len(s.Keys); n < 2 || s.Keys[0].At != 0 || s.Keys[n-1].At != 1 {
			return errors.New("the first keyframe must be at 0 and the last at 1")
		}
		for i, k := range s.Keys {
			if i > 0 && !(k.At > s.Keys[i-1].At) {
				return fmt.Errorf("keyframe positions must increase, but %g follows %g", k.At, s.Keys[i-1].At)
			}
			if err := value(k.Value); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("unknown curve %q: the curves are constant, linear, cosine, exponential and harmonic", s.Curve)
}

// Equal reports whether two schedules have the same values at every step.
func (s Schedule) Equal(o Schedule) bool { return s.String() == o.String() }

// largest bounds the values of schedules, far above any useful temperature.
const largest = 1000

func parseValue(text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	if !(v >= 0 && v <= largest) {
		return 0, fmt.Errorf("%s must be 0 to %d", text, largest)
	}
	return v, nil
}

// String returns the form that [Parse] reads.
func (s Schedule) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	switch s.Curve {
	case Constant, "":
		return number(s.Start)
	case Recommended.Curve:
		return string(s.Curve)
	case Keyframes:
		fields := make([]string, len(s.Keys))
		for i, k := range s.Keys {
			fields[i] = number(k.At) + ":" + number(k.Value)
		}
		return strings.Join(fields, ",")
	}
	return number(s.Start) + ":" + number(s.End) + ":" + string(s.Curve)
}

// MarshalText writes the form that [Schedule.UnmarshalText] reads, for YAML and JSON.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [Parse] reads, and "model" as [Recommended].
func (s *Schedule) UnmarshalText(text []byte) error {
	if string(text) == Recommended.String() {
		*s = Recommended
		return nil
	}
	read, err := Parse(string(text))
	if err == nil {
		*s = read
	}
	return err
}
