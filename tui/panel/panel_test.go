package panel

import (
	"math"
	"slices"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/session"
)

func stage() *session.Stage {
	s := session.NewStage(bundle.Manifest{Classes: []string{"dunes", "ocean"}}, schedule.Default(2), 4)
	return &s
}

// area is the panel's place on a screen of 120×40 cells.
var area = graphics.Rect{X: 88, Y: 1, Cols: Width, Rows: 35}

// A schedule goes through all curves, one key press each, and every one is valid; as keyframes it has the values that it
// had as a curve.
func TestCurvesInTurn(t *testing.T) {
	for by, want := range map[int]string{
		1:  "cosine exponential harmonic keyframes constant linear",
		-1: "constant keyframes harmonic exponential cosine linear",
	} {
		s, order := schedule.Schedule{Start: 0.3, End: 1, Curve: schedule.Linear}, []string{}
		for range len(curves) {
			s = nextCurve(s, by, 24)
			order = append(order, string(session.CurveOf(s)))
			settings := schedule.Settings{Steps: 24, Temperature: s, Proportion: s}
			if err := settings.Validate(0); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("by %d: %s, want %s", by, got, want)
		}
	}
	harmonic := schedule.Schedule{Start: 0, End: 1, Curve: schedule.Harmonic}
	keyed := nextCurve(harmonic, 1, 24)
	for _, left := range []int{24, 12, 6, 3, 2, 1} {
		if a, b := harmonic.At(25-left, 24), keyed.At(25-left, 24); math.Abs(a-b) > 6e-4 {
			t.Errorf("with %d steps left: %g as keyframes, %g before", left, b, a)
		}
	}
}

// The freeze field goes through all rules, forward and back.
func TestFreezeRulesInTurn(t *testing.T) {
	all := fields()
	i := slices.IndexFunc(all, func(f field) bool { return f.name == "freeze" })
	v := Values{Settings: schedule.Default(0)}
	var order []string
	for _, by := range []int{1, 1, 1, -1, 10} {
		all[i].move(&v, by)
		if err := v.Settings.Validate(0); err != nil {
			t.Error(err)
		}
		order = append(order, all[i].value(v))
	}
	if got := strings.Join(order, " "); got != "unchanged off on off on" {
		t.Errorf("from on: %s", got)
	}
}

// Where there is room for only two plots, the schedule in focus has one of them.
func TestPlotInFocus(t *testing.T) {
	small := area
	small.Rows = 19
	for focus, want := range map[Focus][3]bool{Fields: {true, true, false}, 1: {true, true, false}, 3: {true, false, true}} {
		p := &Panel{Focus: focus}
		for i, one := range session.Schedules {
			if got := p.plotArea(small, Focus(i+1)).Rows >= leastPlot; got != want[i] {
				t.Errorf("with focus %d, is %s plotted: %v", focus, one.Name, got)
			}
		}
	}
	p := &Panel{}
	for range len(session.Schedules) + 1 {
		p.NextFocus()
	}
	if p.Focus != Fields {
		t.Errorf("the focus moves on to %d", p.Focus)
	}
}

// Every field can be moved both ways without leaving its range, and the stage stays as it is.
func TestFieldsStayInRange(t *testing.T) {
	s := stage()
	before := s.Selected().Settings.Temperature.String()
	p := &Panel{}
	for range fields() {
		for _, by := range []int{-1, 1} {
			v := valuesOf(s)
			for range 50 {
				fields()[p.Field].move(&v, 10*by)
			}
			if err := v.Settings.Validate(2); err != nil || v.Samples < 1 || v.Samples > session.MaxSamples {
				t.Errorf("%s by %d: %d samples, %v", fields()[p.Field].name, by, v.Samples, err)
			}
		}
		p.Arrow(s, 0, 1, false)
	}
	if p.Field != 0 {
		t.Errorf("field %d follows the last one", p.Field)
	}
	if v := p.Arrow(s, 1, 0, false); v.Settings.Class == s.Selected().Settings.Class {
		t.Error("an arrow does not change the class")
	}
	if after := s.Selected().Settings.Temperature.String(); after != before {
		t.Errorf("the stage's temperature became %s", after)
	}
}

// Keyframes are added, moved and deleted with keys.
func TestKeyframes(t *testing.T) {
	s := stage()
	p := &Panel{Focus: 1}
	set := func(v Values) {
		t.Helper()
		if err := s.Set(v.Settings); err != nil {
			t.Fatal(err)
		}
	}
	keys := func() []schedule.Keyframe { return s.Selected().Settings.Temperature.Keys }
	set(p.Arrow(s, 0, 1, false))
	n := len(keys())
	if n < 2 || keys()[0].Value != 0.98 {
		t.Fatalf("the keyframes are %v", keys())
	}
	set(p.AddKey(s))
	if len(keys()) != n+1 || p.Key != 1 {
		t.Errorf("keyframe %d of %d is selected", p.Key, len(keys()))
	}
	was := keys()[1]
	set(p.Arrow(s, 1, 0, true))
	if keys()[1].At <= was.At {
		t.Errorf("a far move to the right puts the keyframe at %g, it was at %g", keys()[1].At, was.At)
	}
	set(p.DeleteKey(s))
	if len(keys()) != n || p.Key != 0 {
		t.Errorf("%d keyframes are left, keyframe %d is selected", len(keys()), p.Key)
	}
	set(p.Arrow(s, 1, 0, false))
	if p.Key != 1 {
		t.Errorf("keyframe %d is selected after one to the right", p.Key)
	}
}

// The mouse selects fields, and drags keyframes.
func TestMouse(t *testing.T) {
	s := stage()
	p := &Panel{}
	if _, ok := p.Click(s, area, area.X-1, area.Y+3); ok {
		t.Error("a click beside the panel does something")
	}
	if _, ok := p.Click(s, area, area.X+4, area.Y+2); !ok || p.Field != 1 {
		t.Errorf("field %d is selected", p.Field)
	}
	at := p.plotArea(area, 1)
	v, ok := p.Click(s, area, at.X+at.Cols-1, at.Y+at.Rows/3)
	if !ok || !p.Dragging() || p.Focus != 1 || v.Settings.Temperature.Curve != schedule.Keyframes {
		t.Fatalf("the keyframe at the end is not taken: %+v", p)
	}
	v = p.Drag(s, area, at.X+at.Cols-1, at.Y+at.Rows-1)
	if v.Settings.Temperature.End > 0.2 {
		t.Errorf("dragged down, the end is %g", v.Settings.Temperature.End)
	}
	if p.Release(); p.Dragging() {
		t.Error("the keyframe is not released")
	}
}

// The view has one line per row, each of the panel's width at most, and keeps the selected field in view.
func TestView(t *testing.T) {
	s := stage()
	for _, rows := range []int{3, 10, 19, 35, 60} {
		small := area
		small.Rows = rows
		p := &Panel{Field: 14}
		lines := p.View(s, small, Styles{})
		found := false
		for _, l := range lines {
			found = found || strings.Contains(l, "›") && strings.Contains(l, "curve")
			if w := lipgloss.Width(l); w > Width {
				t.Errorf("%d rows: %q is %d cells wide", rows, l, w)
			}
		}
		if len(lines) > rows || !found {
			t.Errorf("%d rows: %d lines, the selected field is in view: %v", rows, len(lines), found)
		}
	}
}
