package tui

import (
	"fmt"
	"strings"

	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// texts is what a saved picture says of itself: the settings that make it again.
// The schedules are those that its steps really had, so that a run steered by
// hand can be repeated, too.
func (a *app) texts(s shot) []picture.Text {
	settings := s.lane.settings
	for _, one := range schedules {
		var taken []float64
		for _, stat := range s.lane.stats[:min(s.step, len(s.lane.stats))] {
			taken = append(taken, one.taken(stat))
		}
		value := one.of(&settings)
		*value = asTaken(*value, settings.Steps, taken)
	}
	record := sampler.NewRecord(a.Model, settings, s.sample)
	if s.step < settings.Steps {
		record.Step = s.step
	}
	if s.base != nil {
		record.Rule = s.base.rule
	}
	texts := []picture.Text{{Key: sampler.RecordKey, Value: record.String()}}
	if len(s.lane.marks) > 0 {
		steps := strings.Trim(fmt.Sprint(s.lane.marks), "[]")
		texts = append(texts, picture.Text{Key: "Comment", Value: "Settings were changed while it formed, from these steps on: " + steps})
	}
	return texts
}

// asTaken is a schedule with the values that the steps so far had, by step: the
// schedule itself where it says the same.
func asTaken(s schedule.Schedule, steps int, values []float64) schedule.Schedule {
	same := true
	for i, v := range values {
		same = same && s.At(i+1, steps) == v
	}
	switch {
	case same || steps < len(values):
		return s
	case steps == 1:
		return schedule.Schedule{Start: values[0], End: values[0], Curve: schedule.Constant}
	}
	out := schedule.Schedule{Curve: schedule.Keyframes}
	for t := 1; t <= steps; t++ {
		value := s.At(t, steps)
		if t <= len(values) {
			value = values[t-1]
		}
		out.Keys = append(out.Keys, schedule.Keyframe{At: float64(t-1) / float64(steps-1), Value: value})
	}
	out.Start, out.End = out.Keys[0].Value, out.Keys[steps-1].Value
	return out
}
