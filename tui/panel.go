package tui

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"sundae/sampler"
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
	of          func(*sampler.Settings) *sampler.Schedule
	taken       func(sampler.Stats) float64 // its value at a step
}

var schedules = map[focus]scheduled{
	onTemperature: {
		"temperature", "temp", 3,
		func(s *sampler.Settings) *sampler.Schedule { return &s.Temperature },
		func(s sampler.Stats) float64 { return s.Temperature },
	},
	onProportion: {
		"proportion", "prop", 1,
		func(s *sampler.Settings) *sampler.Schedule { return &s.Proportion },
		func(s sampler.Stats) float64 { return s.Proportion },
	},
	onCorruption: {
		"corruption", "corr", 1,
		func(s *sampler.Settings) *sampler.Schedule { return &s.Corruption },
		func(s sampler.Stats) float64 { return s.Corruption },
	},
}

// inOrder are the schedules from the top of the panel to its bottom.
var inOrder = []focus{onTemperature, onProportion, onCorruption}

const panelWidth = 32

// field is one setting in the panel.
type field struct {
	name  string
	part  focus // the schedule it is of; onFields: of the run
	value func(a *app, s sampler.Settings) string
	move  func(a *app, by int) // by ±1, or ±10 with shift
}

// curveOrder is what the curve fields go through.
var curveOrder = []sampler.Curve{sampler.Constant, sampler.Linear, sampler.Cosine, sampler.Exponential, sampler.Harmonic, sampler.Keyframes}

var fields = slices.Concat([]field{
	{"class", onFields, func(a *app, s sampler.Settings) string { return className(a.Model.Classes, s.Class) }, func(a *app, by int) {
		n := len(a.Model.Classes) + 1
		a.set(func(s *sampler.Settings) { s.Class = ((s.Class+by)%n + n) % n })
	}},
	{"seed", onFields, func(a *app, s sampler.Settings) string { return strconv.FormatUint(s.Seed, 10) }, func(a *app, by int) {
		a.set(func(s *sampler.Settings) { s.Seed = uint64(max(0, int64(s.Seed)+int64(by))) })
	}},
	{"samples", onFields, func(a *app, s sampler.Settings) string { return strconv.Itoa(a.panel.samples) }, func(a *app, by int) {
		if n := max(1, min(most, a.panel.samples+by)); n != a.panel.samples {
			a.panel.samples, a.zoom = n, -1
			a.restart() // a run's samples are one batch from its first step on
		}
	}},
	{"steps", onFields, func(a *app, s sampler.Settings) string { return strconv.Itoa(s.Steps) }, func(a *app, by int) {
		a.set(func(s *sampler.Settings) { s.Steps = max(1, min(1000, s.Steps+by)) })
	}},
	{"min steps", onFields, func(a *app, s sampler.Settings) string { return strconv.Itoa(s.MinSteps) }, func(a *app, by int) {
		a.set(func(s *sampler.Settings) { s.MinSteps = max(0, s.MinSteps+by) })
	}},
	{"freeze", onFields, func(a *app, s sampler.Settings) string {
		if s.Freeze {
			return "on"
		}
		return "off"
	}, func(a *app, by int) {
		a.set(func(s *sampler.Settings) { s.Freeze = !s.Freeze })
	}},
}, fieldsOf(onTemperature), fieldsOf(onProportion), fieldsOf(onCorruption))

// fieldsOf are a schedule's start, end and curve.
func fieldsOf(on focus) []field {
	one := schedules[on]
	change := func(to func(s sampler.Schedule, by, steps int) sampler.Schedule) func(*app, int) {
		return func(a *app, by int) {
			a.set(func(s *sampler.Settings) { *one.of(s) = to(*one.of(s), by, s.Steps) })
		}
	}
	move := func(which int) func(sampler.Schedule, int, int) sampler.Schedule {
		return func(s sampler.Schedule, by, _ int) sampler.Schedule { return end(s, which, by, one.most) }
	}
	return []field{
		{one.name + " start", on, func(_ *app, s sampler.Settings) string { return number(one.of(&s).Start) }, change(move(0))},
		{one.name + " end", on, func(_ *app, s sampler.Settings) string { return number(one.of(&s).At(2, 2)) }, change(move(1))},
		{one.name + " curve", on, func(_ *app, s sampler.Settings) string { return curveName(*one.of(&s)) }, change(bend)},
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }

func curveName(s sampler.Schedule) string {
	if s.Curve == "" {
		return string(sampler.Constant)
	}
	return string(s.Curve)
}

// end moves a schedule's start (0) or end (1) by twentieths, up to most.
func end(s sampler.Schedule, which, by int, most float64) sampler.Schedule {
	move := func(v float64) float64 {
		return max(0, min(most, float64(int(v*100+0.5)+5*by)/100))
	}
	switch {
	case s.Curve == sampler.Keyframes:
		i := 0
		if which == 1 {
			i = len(s.Keys) - 1
		}
		return plot.Move(s, i, sampler.Key{Value: move(s.Keys[i].Value)}, most)
	case s.Curve == sampler.Constant || s.Curve == "":
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
func bend(s sampler.Schedule, by, steps int) sampler.Schedule {
	n := len(curveOrder)
	step := 1
	if by < 0 {
		step = n - 1
	}
	next := curveOrder[(slices.Index(curveOrder, sampler.Curve(curveName(s)))+step)%n]
	switch {
	case next == sampler.Keyframes:
		return plot.Keyed(s, steps)
	case next == sampler.Constant:
		s.End = s.Start
	}
	s.Curve, s.Keys = next, nil
	return exponentiable(s)
}

// exponentiable keeps an exponential schedule away from 0, which it never reaches.
func exponentiable(s sampler.Schedule) sampler.Schedule {
	if s.Curve == sampler.Exponential {
		s.Start, s.End = max(0.05, s.Start), max(0.05, s.End)
	}
	return s
}

// newSeed draws a seed short enough to remember.
func newSeed() uint64 { return rand.Uint64N(100000) }

// schedule is the one whose plot is in focus, and its largest value.
func (a *app) schedule(on focus) (*sampler.Schedule, float64) {
	one := schedules[on]
	return one.of(&a.stage.lanes[a.stage.lane].settings), one.most
}

// edit changes the schedule in focus.
func (a *app) edit(change func(sampler.Schedule) sampler.Schedule) {
	of := schedules[a.panel.focus].of
	a.set(func(s *sampler.Settings) { *of(s) = change(plot.Keyed(*of(s), s.Steps)) })
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
	if s, _ := a.schedule(p.focus); s.Curve != sampler.Keyframes {
		a.edit(func(s sampler.Schedule) sampler.Schedule { return s })
	}
	s, top := a.schedule(p.focus)
	if s.Curve != sampler.Keyframes {
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
	a.edit(func(s sampler.Schedule) sampler.Schedule { return plot.Move(s, i, to, top) })
}

// nextFocus goes from the fields to the plots and back.
func (a *app) nextFocus() {
	a.panel.focus = (a.panel.focus + 1) % focus(1+len(schedules))
	a.panel.key = -1
	if a.panel.focus != onFields {
		a.panel.key = 0
	}
}
