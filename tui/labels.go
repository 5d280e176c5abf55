package tui

import (
	"fmt"
	"strings"

	"sundae/sampler/schedule"
)

// relabel writes on each lane what sets it apart from its neighbours.
func (a *app) relabel() {
	lanes := a.stage.lanes
	all := make([]schedule.Settings, len(lanes))
	for i, l := range lanes {
		all[i] = l.settings
	}
	for i, label := range differences(all, a.Model.Classes) {
		lanes[i].label = label
	}
}

// differences says of each of several settings, in a few words, what the others
// do not share; "the same" where nothing differs. The words are short, as in the
// status line, with the value last: they stand under small pictures, which may
// have room for it alone.
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
	addSchedule := func(name string, of func(schedule.Settings) schedule.Schedule) {
		switch {
		case curveName(of(all[0])) == string(schedule.Constant), differ(func(s schedule.Settings) string { return shape(of(s)) }):
			add(func(s schedule.Settings) string { return name + " " + of(s).String() })
		default:
			add(func(s schedule.Settings) string { return fmt.Sprintf("%s start %g", name, of(s).Start) })
			add(func(s schedule.Settings) string { return fmt.Sprintf("%s end %g", name, of(s).End) })
		}
	}
	for _, on := range inOrder {
		one := schedules[on]
		addSchedule(one.short, func(s schedule.Settings) schedule.Schedule { return *one.of(&s) })
	}
	add(func(s schedule.Settings) string { return fmt.Sprintf("steps %d", s.Steps) })
	add(func(s schedule.Settings) string { return fmt.Sprintf("min steps %d", s.MinSteps) })
	add(func(s schedule.Settings) string {
		if s.Freeze {
			return "freezing"
		}
		return "no freezing"
	})
	add(func(s schedule.Settings) string { return className(classes, s.Class) })
	add(func(s schedule.Settings) string { return fmt.Sprintf("seed %d", s.Seed) })
	for i := range labels {
		if labels[i] == "" {
			labels[i] = "the same"
		}
	}
	return labels
}

// shape is a schedule without its ends: two of one shape are told apart by them.
func shape(s schedule.Schedule) string {
	if s.Curve != schedule.Keyframes || len(s.Keys) < 2 {
		return curveName(s)
	}
	var between strings.Builder
	for _, k := range s.Keys[1 : len(s.Keys)-1] {
		fmt.Fprintf(&between, "%g:%g,", k.At, k.Value)
	}
	return between.String()
}

// className is a class in words.
func className(classes []string, class int) string {
	if class < 0 || class >= len(classes) {
		return "any class"
	}
	return classes[class]
}
