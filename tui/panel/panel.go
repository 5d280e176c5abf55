// Package panel is the settings beside the image: the list of fields, the plots of the schedules, and what keys and mouse
// do with them.
//
// A [Panel] holds only what is selected. It shows the selected lane of a stage and never changes it: a key or a drag
// returns the [Values] it asks for, and the app applies them or says why not. So the panel needs no Bubble Tea.
package panel

import (
	"slices"
	"strconv"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/panel/plot"
	"sundae/tui/session"
)

// Panel is what is selected in the panel. The zero value selects the first field.
type Panel struct {
	Focus Focus
	Field int // the selected one
	Key   int // the selected keyframe of the plot in focus

	dragging bool
}

// Focus is what the arrow keys move: the fields, or the plot of a schedule.
type Focus int

// Fields is the focus on the list of fields. Focus i+1 is on the plot of session.Schedules[i].
const Fields Focus = 0

// Values are what the fields show and change.
type Values struct {
	Settings schedule.Settings
	Samples  int
	classes  []string // of the model, not changed
}

// valuesOf returns the values of the selected lane.
func valuesOf(s *session.Stage) Values {
	return Values{Settings: s.Selected().Settings, Samples: s.Samples, classes: s.Model.Classes}
}

// schedule returns the schedule whose plot has a focus.
func (v *Values) schedule(on Focus) *schedule.Schedule { return one(on).Of(&v.Settings) }

// one returns the setting whose plot has a focus.
func one(on Focus) session.Scheduled { return session.Schedules[on-1] }

// maxSteps is the largest number of steps that the panel offers.
const maxSteps = 1000

// field is one setting in the panel.
type field struct {
	name  string
	part  Focus // the schedule it belongs to; Fields: the run
	value func(Values) string
	move  func(v *Values, by int) // by ±1, or ±10 with shift
}

// fields lists the fields from the top of the panel to its bottom.
func fields() []field {
	all := []field{
		{"class", Fields, func(v Values) string { return session.ClassName(v.classes, v.Settings.Class) }, func(v *Values, by int) {
			n := len(v.classes) + 1
			v.Settings.Class = ((v.Settings.Class+by)%n + n) % n
		}},
		{"seed", Fields, func(v Values) string { return strconv.FormatUint(v.Settings.Seed, 10) }, func(v *Values, by int) {
			v.Settings.Seed = uint64(max(0, int64(v.Settings.Seed)+int64(by)))
		}},
		{"samples", Fields, func(v Values) string { return strconv.Itoa(v.Samples) }, func(v *Values, by int) {
			v.Samples = max(1, min(session.MaxSamples, v.Samples+by))
		}},
		{"steps", Fields, func(v Values) string { return strconv.Itoa(v.Settings.Steps) }, func(v *Values, by int) {
			v.Settings.Steps = max(1, min(maxSteps, v.Settings.Steps+by))
		}},
		{"min steps", Fields, func(v Values) string { return strconv.Itoa(v.Settings.MinSteps) }, func(v *Values, by int) {
			v.Settings.MinSteps = max(0, v.Settings.MinSteps+by)
		}},
		{"freeze", Fields, func(v Values) string { return string(v.Settings.Freeze) }, func(v *Values, by int) {
			n := len(rules)
			v.Settings.Freeze = rules[((slices.Index(rules, v.Settings.Freeze)+by)%n+n)%n]
		}},
	}
	for i := range session.Schedules {
		all = append(all, fieldsOf(Focus(i+1))...)
	}
	return all
}

// fieldsOf lists the start, end and curve of a schedule.
func fieldsOf(on Focus) []field {
	name, limit := one(on).Name, one(on).Max
	end := func(which int) func(*Values, int) {
		return func(v *Values, by int) { *v.schedule(on) = moveEnd(*v.schedule(on), which, by, limit) }
	}
	return []field{
		{name + " start", on, func(v Values) string { return Number(v.schedule(on).Start) }, end(0)},
		{name + " end", on, func(v Values) string { return Number(v.schedule(on).At(2, 2)) }, end(1)},
		{name + " curve", on, func(v Values) string { return string(session.CurveOf(*v.schedule(on))) }, func(v *Values, by int) {
			*v.schedule(on) = nextCurve(*v.schedule(on), by, v.Settings.Steps)
		}},
	}
}

// Number writes a value of a schedule as the panel and the status line show it.
func Number(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

// moveEnd moves the start (0) or the end (1) of a schedule by steps of 0.05, within 0 and limit.
func moveEnd(s schedule.Schedule, which, by int, limit float64) schedule.Schedule {
	move := func(v float64) float64 {
		return max(0, min(limit, float64(int(v*100+0.5)+5*by)/100))
	}
	switch curve := session.CurveOf(s); {
	case curve == schedule.Keyframes:
		i := 0
		if which == 1 {
			i = len(s.Keys) - 1
		}
		return plot.Move(s, i, schedule.Keyframe{Value: move(s.Keys[i].Value)}, limit)
	case curve == schedule.Constant:
		s.Start = move(s.Start)
		s.End = s.Start
	case which == 0:
		s.Start = move(s.Start)
	default:
		s.End = move(s.End)
	}
	return awayFromZero(s)
}

// rules is the order in which the freeze field goes through the rules of freezing.
var rules = []schedule.Freeze{schedule.FreezeOff, schedule.FreezeOn, schedule.FreezeUnchanged}

// curves is the order in which the curve fields go through the curves.
var curves = []schedule.Curve{schedule.Constant, schedule.Linear, schedule.Cosine, schedule.Exponential, schedule.Harmonic, schedule.Keyframes}

// nextCurve gives a schedule the next curve, or the one before. Keyframes start with the values that the schedule had.
func nextCurve(s schedule.Schedule, by, steps int) schedule.Schedule {
	n := len(curves)
	step := 1
	if by < 0 {
		step = n - 1
	}
	next := curves[(slices.Index(curves, session.CurveOf(s))+step)%n]
	switch next {
	case schedule.Keyframes:
		return plot.Keyed(s, steps)
	case schedule.Constant:
		s.End = s.Start
	}
	s.Curve, s.Keys = next, nil
	return awayFromZero(s)
}

// awayFromZero keeps an exponential schedule away from 0, which it cannot reach.
func awayFromZero(s schedule.Schedule) schedule.Schedule {
	if s.Curve == schedule.Exponential {
		s.Start, s.End = max(0.05, s.Start), max(0.05, s.End)
	}
	return s
}

// NextFocus goes from the fields to each plot and back.
func (p *Panel) NextFocus() {
	p.Focus = (p.Focus + 1) % Focus(1+len(session.Schedules))
	p.Key = 0
}

// Arrow moves what is in focus, the selected field and its value or a keyframe, and returns the values it asks for. far is
// a larger move.
func (p *Panel) Arrow(s *session.Stage, dx, dy int, far bool) Values {
	v := valuesOf(s)
	if p.Focus != Fields {
		return p.arrowOnPlot(v, dx, dy, far)
	}
	all := fields()
	if dy != 0 {
		p.Field = (p.Field + dy + len(all)) % len(all)
		return v
	}
	if far {
		dx *= 10
	}
	all[p.Field].move(&v, dx)
	return v
}

// How far an arrow key moves a keyframe, as a share of the run and of the values.
const nearMove, farMove = 0.02, 0.1

// arrowOnPlot selects the keyframe to the left or right, moves the selected one up or down, or, if far, any way.
func (p *Panel) arrowOnPlot(v Values, dx, dy int, far bool) Values {
	return p.edit(v, func(s schedule.Schedule) schedule.Schedule {
		p.Key = max(0, min(p.Key, len(s.Keys)-1))
		if dx != 0 && !far {
			p.Key = max(0, min(p.Key+dx, len(s.Keys)-1))
			return s
		}
		by := nearMove
		if far {
			by = farMove
		}
		to := s.Keys[p.Key]
		to.At += nearMove * float64(dx)
		to.Value -= by * float64(dy)
		return plot.Move(s, p.Key, to, one(p.Focus).Max)
	})
}

// edit changes the keyframes of the schedule in focus; another curve becomes keyframes first.
func (p *Panel) edit(v Values, change func(schedule.Schedule) schedule.Schedule) Values {
	s := v.schedule(p.Focus)
	*s = change(plot.Keyed(*s, v.Settings.Steps))
	return v
}

// AddKey adds a keyframe after the selected one and selects it. A plot must have the focus.
func (p *Panel) AddKey(s *session.Stage) Values {
	return p.edit(valuesOf(s), func(s schedule.Schedule) schedule.Schedule {
		s, p.Key = plot.Add(s, p.Key)
		return s
	})
}

// DeleteKey deletes the selected keyframe, unless it is the first or the last. A plot must have the focus.
func (p *Panel) DeleteKey(s *session.Stage) Values {
	return p.edit(valuesOf(s), func(s schedule.Schedule) schedule.Schedule {
		s = plot.Delete(s, p.Key)
		p.Key = max(0, p.Key-1)
		return s
	})
}

// Click handles a press of the mouse button on the panel, which lies in area: it selects a field, or takes the keyframe
// near the mouse, for Drag. It returns false if there is neither a field nor a plot.
func (p *Panel) Click(s *session.Stage, area graphics.Rect, x, y int) (Values, bool) {
	v := valuesOf(s)
	for i := range session.Schedules {
		on := Focus(i + 1)
		at := p.plotArea(area, on)
		if !at.Contains(x, y) {
			continue
		}
		p.Focus = on
		v = p.edit(v, func(edited schedule.Schedule) schedule.Schedule {
			drawn := plotOf(s, on, edited)
			if i, near := plot.Nearest(edited, drawn.Point(x-at.X, y-at.Y, at.Cols, at.Rows), drawn.Top()); near {
				p.Key, p.dragging = i, true
			}
			return edited
		})
		return v, true
	}
	if i := p.fieldAt(area, x, y); i >= 0 {
		p.Focus, p.Field = Fields, i
		return v, true
	}
	return v, false
}

// Dragging reports whether the mouse holds a keyframe.
func (p *Panel) Dragging() bool { return p.dragging }

// Drag moves the keyframe that the mouse holds.
func (p *Panel) Drag(s *session.Stage, area graphics.Rect, x, y int) Values {
	at := p.plotArea(area, p.Focus)
	return p.edit(valuesOf(s), func(edited schedule.Schedule) schedule.Schedule {
		to := plotOf(s, p.Focus, edited).Point(x-at.X, y-at.Y, at.Cols, at.Rows)
		return plot.Move(edited, min(p.Key, len(edited.Keys)-1), to, one(p.Focus).Max)
	})
}

// Release lets the keyframe go.
func (p *Panel) Release() { p.dragging = false }
