package session

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"sundae/sampler/schedule"
)

// dial is a setting that a sweep can vary.
type dial struct {
	name  string
	whole bool // takes whole numbers
	set   func(*schedule.Settings, float64)
}

// dials lists the settings that a sweep can vary.
func dials() []dial {
	var all []dial
	for _, one := range Schedules {
		all = append(all,
			dial{one.Name + " start", false, func(s *schedule.Settings, v float64) { *one.Of(s) = withStart(*one.Of(s), v) }},
			dial{one.Name + " end", false, func(s *schedule.Settings, v float64) { *one.Of(s) = withEnds(*one.Of(s), one.Of(s).Start, v) }},
		)
	}
	return append(all,
		dial{"steps", true, func(s *schedule.Settings, v float64) { s.Steps = int(v) }},
		dial{"min steps", true, func(s *schedule.Settings, v float64) { s.MinSteps = int(v) }},
		dial{"seed", true, func(s *schedule.Settings, v float64) { s.Seed = uint64(v) }},
		dial{"class", true, func(s *schedule.Settings, v float64) { s.Class = int(v) }},
	)
}

// parseSweep reads a sweep, such as "temperature end 0.4 to 1.0 in 4" or "temperature curve", and returns the settings of
// its lanes: at least two, at most maxLanes. They are not validated.
func parseSweep(from schedule.Settings, text string) ([]schedule.Settings, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	var names []string
	for _, d := range dials() {
		names = append(names, d.name)
		if values, ok := strings.CutPrefix(text, d.name+" "); ok {
			lanes, err := d.sweep(from, values)
			if err != nil {
				return nil, fmt.Errorf("sweep %q: %w", text, err)
			}
			return lanes, nil
		}
	}
	for _, one := range Schedules {
		names = append(names, one.Name+" curve")
		if text == one.Name+" curve" {
			return sweepCurves(from, one)
		}
	}
	return nil, fmt.Errorf("sweep %q: start with one of %s", text, strings.Join(names, ", "))
}

// sweep varies the dial over evenly spaced values.
func (d dial) sweep(from schedule.Settings, values string) ([]schedule.Settings, error) {
	low, high, n, err := parseRange(values)
	if err != nil {
		return nil, err
	}
	lanes := make([]schedule.Settings, n)
	for i := range lanes {
		value := low + (high-low)*float64(i)/float64(n-1)
		if d.whole {
			value = math.Round(value)
		}
		lanes[i] = from
		d.set(&lanes[i], math.Round(1000*value)/1000) // keeps labels short
	}
	return lanes, nil
}

// parseRange reads "0.4 to 1.0 in 4". Without a count there are maxLanes values.
func parseRange(text string) (low, high float64, n int, err error) {
	n = maxLanes
	if ends, count, ok := strings.Cut(text, " in "); ok {
		if n, err = strconv.Atoi(count); err != nil || n < 2 || n > maxLanes {
			return 0, 0, 0, fmt.Errorf("the number after in must be 2 to %d", maxLanes)
		}
		text = ends
	}
	from, to, ok := strings.Cut(text, " to ")
	if !ok {
		return 0, 0, 0, errors.New("give a range, such as 0.4 to 1.0 in 4")
	}
	for _, end := range []struct {
		text string
		to   *float64
	}{{from, &low}, {to, &high}} {
		if *end.to, err = strconv.ParseFloat(end.text, 64); err != nil || !(*end.to >= 0 && *end.to <= 1e9) {
			return 0, 0, 0, fmt.Errorf("%q must be a number from 0", end.text)
		}
	}
	return low, high, n, nil
}

// sweepCurves gives every lane another curve between the ends of a schedule.
func sweepCurves(from schedule.Settings, one Scheduled) ([]schedule.Settings, error) {
	ends := *one.Of(&from)
	if ends.Start == ends.End {
		return nil, fmt.Errorf("the %s starts and ends at %g, so that all curves are the same; change one end first", one.Name, ends.Start)
	}
	var lanes []schedule.Settings
	for _, curve := range []schedule.Curve{schedule.Linear, schedule.Cosine, schedule.Exponential, schedule.Harmonic} {
		if curve == schedule.Exponential && (ends.Start == 0 || ends.End == 0) {
			continue
		}
		s := from
		*one.Of(&s) = schedule.Schedule{Start: ends.Start, End: ends.End, Curve: curve}
		lanes = append(lanes, s)
	}
	return lanes, nil
}
