package tui

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/plot"
)

// panel is the settings beside the picture, and the schedules' plots.
type panel struct {
	samples int // of every lane, from the next restart on
	field   int // the selected one
	focus   focus
	key     int // the keyframe selected in the plot in focus; -1 none
	drag    bool
}

// focus is what the arrow keys move: the fields, or a schedule's plot.
type focus int

const (
	onFields focus = iota
	onTemperature
	onProportion
	onCorruption
)

// scheduled is a setting that changes over the steps.
type scheduled struct {
	name, short string
	most        float64
	of          func(*schedule.Settings) *schedule.Schedule
	taken       func(sampler.Stats) float64 // its value at a step
}

var schedules = map[focus]scheduled{
	onTemperature: {
		"temperature", "temp", 3,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Temperature },
		func(s sampler.Stats) float64 { return s.Temperature },
	},
	onProportion: {
		"proportion", "prop", 1,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Proportion },
		func(s sampler.Stats) float64 { return s.Proportion },
	},
	onCorruption: {
		"corruption", "corr", 1,
		func(s *schedule.Settings) *schedule.Schedule { return &s.Renoise },
		func(s sampler.Stats) float64 { return s.Renoise },
	},
}

// inOrder are the schedules from the top of the panel to its bottom.
var inOrder = []focus{onTemperature, onProportion, onCorruption}

const panelWidth = 32

// field is one setting in the panel.
type field struct {
	name  string
	part  focus // the schedule it is of; onFields: of the run
	value func(a *app, s schedule.Settings) string
	move  func(a *app, by int) // by ±1, or ±10 with shift
}

// curveOrder is what the curve fields go through.
var curveOrder = []schedule.Curve{schedule.Constant, schedule.Linear, schedule.Cosine, schedule.Exponential, schedule.Harmonic, schedule.Keyframes}

var fields = slices.Concat([]field{
	{"class", onFields, func(a *app, s schedule.Settings) string { return className(a.Model.Classes, s.Class) }, func(a *app, by int) {
		n := len(a.Model.Classes) + 1
		a.set(func(s *schedule.Settings) { s.Class = ((s.Class+by)%n + n) % n })
	}},
	{"seed", onFields, func(a *app, s schedule.Settings) string { return strconv.FormatUint(s.Seed, 10) }, func(a *app, by int) {
		a.set(func(s *schedule.Settings) { s.Seed = uint64(max(0, int64(s.Seed)+int64(by))) })
	}},
	{"samples", onFields, func(a *app, s schedule.Settings) string { return strconv.Itoa(a.panel.samples) }, func(a *app, by int) {
		if n := max(1, min(most, a.panel.samples+by)); n != a.panel.samples {
			a.panel.samples, a.zoom = n, -1
			a.restart() // a run's samples are one batch from its first step on
		}
	}},
	{"steps", onFields, func(a *app, s schedule.Settings) string { return strconv.Itoa(s.Steps) }, func(a *app, by int) {
		a.set(func(s *schedule.Settings) { s.Steps = max(1, min(1000, s.Steps+by)) })
	}},
	{"min steps", onFields, func(a *app, s schedule.Settings) string { return strconv.Itoa(s.MinSteps) }, func(a *app, by int) {
		a.set(func(s *schedule.Settings) { s.MinSteps = max(0, s.MinSteps+by) })
	}},
	{"freeze", onFields, func(a *app, s schedule.Settings) string {
		if s.Freeze {
			return "on"
		}
		return "off"
	}, func(a *app, by int) {
		a.set(func(s *schedule.Settings) { s.Freeze = !s.Freeze })
	}},
}, fieldsOf(onTemperature), fieldsOf(onProportion), fieldsOf(onCorruption))

// fieldsOf are a schedule's start, end and curve.
func fieldsOf(on focus) []field {
	one := schedules[on]
	change := func(to func(s schedule.Schedule, by, steps int) schedule.Schedule) func(*app, int) {
		return func(a *app, by int) {
			a.set(func(s *schedule.Settings) { *one.of(s) = to(*one.of(s), by, s.Steps) })
		}
	}
	move := func(which int) func(schedule.Schedule, int, int) schedule.Schedule {
		return func(s schedule.Schedule, by, _ int) schedule.Schedule { return end(s, which, by, one.most) }
	}
	return []field{
		{one.name + " start", on, func(_ *app, s schedule.Settings) string { return number(one.of(&s).Start) }, change(move(0))},
		{one.name + " end", on, func(_ *app, s schedule.Settings) string { return number(one.of(&s).At(2, 2)) }, change(move(1))},
		{one.name + " curve", on, func(_ *app, s schedule.Settings) string { return curveName(*one.of(&s)) }, change(bend)},
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func curveName(s schedule.Schedule) string {
	if s.Curve == "" {
		return string(schedule.Constant)
	}
	return string(s.Curve)
}

// end moves a schedule's start (0) or end (1) by twentieths, up to most.
func end(s schedule.Schedule, which, by int, most float64) schedule.Schedule {
	move := func(v float64) float64 {
		return max(0, min(most, float64(int(v*100+0.5)+5*by)/100))
	}
	switch {
	case s.Curve == schedule.Keyframes:
		i := 0
		if which == 1 {
			i = len(s.Keys) - 1
		}
		return plot.Move(s, i, schedule.Keyframe{Value: move(s.Keys[i].Value)}, most)
	case s.Curve == schedule.Constant || s.Curve == "":
		s.Start = move(s.Start)
		s.End = s.Start
	case which == 0:
		s.Start = move(s.Start)
	default:
		s.End = move(s.End)
	}
	return exponentiable(s)
}

// bend goes to the next curve; keyframes begin as what the schedule was over the steps.
func bend(s schedule.Schedule, by, steps int) schedule.Schedule {
	n := len(curveOrder)
	step := 1
	if by < 0 {
		step = n - 1
	}
	next := curveOrder[(slices.Index(curveOrder, schedule.Curve(curveName(s)))+step)%n]
	switch {
	case next == schedule.Keyframes:
		return plot.Keyed(s, steps)
	case next == schedule.Constant:
		s.End = s.Start
	}
	s.Curve, s.Keys = next, nil
	return exponentiable(s)
}

// exponentiable keeps an exponential schedule away from 0, which it never reaches.
func exponentiable(s schedule.Schedule) schedule.Schedule {
	if s.Curve == schedule.Exponential {
		s.Start, s.End = max(0.05, s.Start), max(0.05, s.End)
	}
	return s
}

// newSeed draws a seed short enough to remember.
func newSeed() uint64 { return rand.Uint64N(100000) }

// schedule is the one whose plot is in focus, and its largest value.
func (a *app) schedule(on focus) (*schedule.Schedule, float64) {
	one := schedules[on]
	return one.of(&a.stage.lanes[a.stage.lane].settings), one.most
}

// edit changes the schedule in focus.
func (a *app) edit(change func(schedule.Schedule) schedule.Schedule) {
	of := schedules[a.panel.focus].of
	a.set(func(s *schedule.Settings) { *of(s) = change(plot.Keyed(*of(s), s.Steps)) })
}

// arrow moves what is in focus: fields and their values, or a keyframe.
func (a *app) arrow(dx, dy int, far bool) {
	p := &a.panel
	if p.focus == onFields {
		if dy != 0 {
			p.field = (p.field + dy + len(fields)) % len(fields)
			return
		}
		if far {
			dx *= 10
		}
		fields[p.field].move(a, dx)
		return
	}
	if s, _ := a.schedule(p.focus); s.Curve != schedule.Keyframes {
		a.edit(func(s schedule.Schedule) schedule.Schedule { return s })
	}
	s, top := a.schedule(p.focus)
	if s.Curve != schedule.Keyframes {
		return // the change was refused, and why is on screen
	}
	i := max(0, min(p.key, len(s.Keys)-1))
	if dx != 0 && !far {
		p.key = max(0, min(i+dx, len(s.Keys)-1))
		return
	}
	to := s.Keys[i]
	to.At += 0.02 * float64(dx)
	size := 0.02
	if far {
		size = 0.1
	}
	to.Value -= size * float64(dy)
	p.key = i
	a.edit(func(s schedule.Schedule) schedule.Schedule { return plot.Move(s, i, to, top) })
}

// nextFocus goes from the fields to the plots and back.
func (a *app) nextFocus() {
	a.panel.focus = (a.panel.focus + 1) % focus(1+len(schedules))
	a.panel.key = -1
	if a.panel.focus != onFields {
		a.panel.key = 0
	}
}
