package session

import (
	"fmt"
	"strings"

	"sundae/internal/bundle"
	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Texts returns what a saved image says about itself: the record that samples it again. The schedules are those that the
// steps really had, so that a run whose settings were changed by hand can be repeated as well.
func (s Shot) Texts(m bundle.Manifest) []picture.Text {
	settings := s.Lane.Settings
	for _, one := range Schedules {
		var taken []float64
		for _, stat := range s.Lane.Stats[:min(s.Step, len(s.Lane.Stats))] {
			taken = append(taken, one.Taken(stat))
		}
		of := one.Of(&settings)
		*of = asTaken(*of, settings.Steps, taken)
	}
	record := sampler.NewRecord(m, settings, s.Sample)
	if s.Step < settings.Steps {
		record.Step = s.Step
	}
	if s.Base != nil {
		record.Rule = s.Base.Rule
	}
	texts := []picture.Text{{Key: sampler.RecordKey, Value: record.String()}}
	if len(s.Lane.Marks) > 0 {
		steps := strings.Trim(fmt.Sprint(s.Lane.Marks), "[]")
		texts = append(texts, picture.Text{Key: "Comment", Value: "Settings were changed during the run, from these steps on: " + steps})
	}
	return texts
}

// asTaken returns a schedule that has the given values at the first steps and s at the others: s itself if its values are
// the same, else keyframes.
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
