package session

import (
	"fmt"
	"strings"

	"sundae/sampler/schedule"
)

// same is the label of lanes that do not differ.
const same = "same settings"

// differences returns for each of several settings, in a few words, what the others do not share. The words are short and
// end with the value: they stand under small images, which may have room for the value alone.
func differences(all []schedule.Settings, classes []string) []string {
	labels := make([]string, len(all))
	differ := func(text func(schedule.Settings) string) bool {
		for _, s := range all {
			if text(s) != text(all[0]) {
				return true
			}
		}
		return false
	}
	add := func(text func(schedule.Settings) string) {
		if !differ(text) {
			return
		}
		for i, s := range all {
			if labels[i] != "" {
				labels[i] += ", "
			}
			labels[i] += text(s)
		}
	}
	for _, one := range Schedules {
		name := one.Short
		of := func(s schedule.Settings) schedule.Schedule { return *one.Of(&s) }
		if CurveOf(of(all[0])) == schedule.Constant || differ(func(s schedule.Settings) string { return shape(of(s)) }) {
			add(func(s schedule.Settings) string { return name + " " + of(s).String() })
		} else {
			add(func(s schedule.Settings) string { return fmt.Sprintf("%s start %g", name, of(s).Start) })
			add(func(s schedule.Settings) string { return fmt.Sprintf("%s end %g", name, of(s).End) })
		}
	}
	add(func(s schedule.Settings) string { return fmt.Sprintf("steps %d", s.Steps) })
	add(func(s schedule.Settings) string { return fmt.Sprintf("min steps %d", s.MinSteps) })
	add(func(s schedule.Settings) string { return "freeze " + string(s.Freeze) })
	add(func(s schedule.Settings) string { return ClassName(classes, s.Class) })
	add(func(s schedule.Settings) string { return fmt.Sprintf("seed %d", s.Seed) })
	for i := range labels {
		if labels[i] == "" {
			labels[i] = same
		}
	}
	return labels
}

// shape describes a schedule without its ends: two of one shape differ in their ends alone.
func shape(s schedule.Schedule) string {
	if s.Curve != schedule.Keyframes || len(s.Keys) < 2 {
		return string(CurveOf(s))
	}
	var between strings.Builder
	for _, k := range s.Keys[1 : len(s.Keys)-1] {
		fmt.Fprintf(&between, "%g:%g,", k.At, k.Value)
	}
	return between.String()
}

// ClassName returns the name of a class, or "any class".
func ClassName(classes []string, class int) string {
	if class < 0 || class >= len(classes) {
		return "any class"
	}
	return classes[class]
}
