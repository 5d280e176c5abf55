package plot

import (
	"math"
	"slices"

	"sundae/sampler/schedule"
)

// gap is the smallest distance between keyframes, as a share of the run.
const gap = 0.01

// Keyed returns a schedule over the steps of a run as keyframes: its ends and, where it is curved, enough points to
// follow the curve.
func Keyed(s schedule.Schedule, steps int) schedule.Schedule {
	switch s.Curve {
	case schedule.Keyframes:
		s.Keys = slices.Clone(s.Keys)
		return s
	case schedule.Harmonic:
		return halving(s, steps)
	}
	points := 2
	if s.Curve == schedule.Cosine || s.Curve == schedule.Exponential {
		points = 5
	}
	out := schedule.Schedule{Curve: schedule.Keyframes}
	const fine = 1001 // steps that stand for the continuous curve
	for i := range points {
		at := float64(i) / float64(points-1)
		value := s.At(1+int(math.Round(at*(fine-1))), fine)
		out.Keys = append(out.Keys, schedule.Keyframe{At: at, Value: round(value)})
	}
	return ends(out)
}

// halving returns a harmonic schedule as keyframes, one at each halving of the steps that are left. Its first values
// are small but matter, so they keep a third decimal.
func halving(s schedule.Schedule, steps int) schedule.Schedule {
	value := func(left int) float64 { return math.Round(1000*s.At(steps-left+1, steps)) / 1000 }
	out := schedule.Schedule{Curve: schedule.Keyframes, Keys: []schedule.Keyframe{{At: 0, Value: value(steps)}}}
	for left := (steps + 1) / 2; left > 1; left = (left + 1) / 2 {
		at := float64(steps-left) / float64(steps-1)
		if at-out.Keys[len(out.Keys)-1].At >= gap && 1-at >= gap {
			out.Keys = append(out.Keys, schedule.Keyframe{At: at, Value: value(left)})
		}
	}
	out.Keys = append(out.Keys, schedule.Keyframe{At: 1, Value: value(1)})
	return ends(out)
}

// Move moves keyframe i, between its neighbours; the first and the last stay at 0 and 1. Values are limited to 0 to
// top.
func Move(s schedule.Schedule, i int, to schedule.Keyframe, top float64) schedule.Schedule {
	s.Keys = slices.Clone(s.Keys)
	last := len(s.Keys) - 1
	switch i {
	case 0:
		to.At = 0
	case last:
		to.At = 1
	default:
		to.At = max(s.Keys[i-1].At+gap, min(s.Keys[i+1].At-gap, round(to.At)))
	}
	to.Value = round(max(0, min(top, to.Value)))
	s.Keys[i] = to
	return ends(s)
}

// Add adds a keyframe halfway between keyframe i and the next, or before the last, and returns its number. Where
// there is no room it changes nothing.
func Add(s schedule.Schedule, i int) (schedule.Schedule, int) {
	i = min(i, len(s.Keys)-2)
	a, b := s.Keys[i], s.Keys[i+1]
	if b.At-a.At < 2*gap {
		return s, i
	}
	s.Keys = slices.Insert(slices.Clone(s.Keys), i+1, schedule.Keyframe{At: (a.At + b.At) / 2, Value: round((a.Value + b.Value) / 2)})
	return ends(s), i + 1
}

// Delete removes keyframe i; the first and the last stay.
func Delete(s schedule.Schedule, i int) schedule.Schedule {
	if i <= 0 || i >= len(s.Keys)-1 {
		return s
	}
	s.Keys = slices.Delete(slices.Clone(s.Keys), i, i+1)
	return ends(s)
}

// ends sets Start and End to the values of the first and last keyframe.
func ends(s schedule.Schedule) schedule.Schedule {
	s.Start, s.End = s.Keys[0].Value, s.Keys[len(s.Keys)-1].Value
	return s
}

// round keeps schedules readable: two decimals are finer than any visible difference.
func round(v float64) float64 { return math.Round(v*100) / 100 }
