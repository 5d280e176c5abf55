package session

import (
	"slices"

	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Scheduled is a setting that changes over the steps of a run.
type Scheduled struct {
	Name  string
	Short string  // the name in labels and in the status line
	Max   float64 // the largest value that the panel offers
	Quiet bool    // 0 is off, and not worth a place in the status line
	Of    func(*schedule.Settings) *schedule.Schedule
	Taken func(sampler.Stats) float64 // the value that a step had
}

// Schedules are the settings that change over the steps, in the order of the panel.
var Schedules = []Scheduled{
	{
		"temperature", "temp", 3, false,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Temperature },
		func(s sampler.Stats) float64 { return s.Temperature },
	},
	{
		"proportion", "prop", 1, false,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Proportion },
		func(s sampler.Stats) float64 { return s.Proportion },
	},
	{
		"renoise", "renoise", 1, true,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Renoise },
		func(s sampler.Stats) float64 { return s.Renoise },
	},
}

// CurveOf returns the curve of a schedule; that of the zero value is constant.
func CurveOf(s schedule.Schedule) schedule.Curve {
	if s.Curve == "" {
		return schedule.Constant
	}
	return s.Curve
}

// withStart gives a schedule another start; a constant stays constant.
func withStart(s schedule.Schedule, start float64) schedule.Schedule {
	if CurveOf(s) == schedule.Constant {
		return withEnds(s, start, start)
	}
	return withEnds(s, start, s.End)
}

// withEnds gives a schedule another start and end. A constant with two different ends becomes linear, and so does an
// exponential that would have to reach 0.
func withEnds(s schedule.Schedule, start, end float64) schedule.Schedule {
	s.Start, s.End = start, end
	switch curve := CurveOf(s); {
	case curve == schedule.Keyframes:
		s.Keys = slices.Clone(s.Keys)
		s.Keys[0].Value, s.Keys[len(s.Keys)-1].Value = start, end
	case curve == schedule.Constant && start != end, curve == schedule.Exponential && (start == 0 || end == 0):
		s.Curve = schedule.Linear
	}
	return s
}
