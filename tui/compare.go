package tui

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sundae/sampler"
	"sundae/sampler/schedule"
)

// maxLanes is how many settings are compared at most: more are too small to
// judge by eye.
const maxLanes = 4

// compare puts a copy of the lane in the panel beside it. All lanes begin anew
// from the same seed, so that what differs comes from the settings alone.
func (a *app) compare() {
	s := &a.stage
	if len(s.lanes) == maxLanes {
		a.fail(fmt.Errorf("%d settings side by side are the most; take one away first", maxLanes))
		return
	}
	s.lanes = slices.Insert(s.lanes, s.lane+1, lane{settings: s.lanes[s.lane].settings})
	s.lane++
	a.lanesChanged()
	a.say("Change a setting: this side has it, the others stay as they are")
}

// dropLane takes the lane in the panel away.
func (a *app) dropLane() {
	s := &a.stage
	if len(s.lanes) == 1 {
		return
	}
	s.lanes = slices.Delete(s.lanes, s.lane, s.lane+1)
	s.lane = min(s.lane, len(s.lanes)-1)
	a.lanesChanged()
}

// lanesChanged begins anew with other lanes than before.
func (a *app) lanesChanged() {
	a.zoom = -1
	a.relabel()
	a.tiles = nil // their pictures are of lanes that have moved
	a.restart()
}

// nextLane moves the panel to another lane, by 1 or -1.
func (a *app) nextLane(by int) {
	n := len(a.stage.lanes)
	a.stage.lane = (a.stage.lane + by + n) % n
}

// pick goes on with the lane in the panel alone, from where it is.
func (a *app) pick() {
	s := &a.stage
	if len(s.lanes) == 1 {
		return
	}
	picked, label := s.lane, s.lanes[s.lane].label
	for i := range a.tiles { // its pictures stay on screen
		if a.tiles[i].lane == picked {
			a.tiles[i].lane = 0
		} else {
			a.tiles[i].lane = -1
		}
	}
	a.zoom = -1
	shown, playing := s.shown, s.playing
	a.resume(s.lanes[picked], s.base, playing)
	if !playing {
		a.scrub(shown)
	}
	a.say("Going on with " + label)
}

// resume puts one lane on the stage with the steps it has, and goes on from
// there when it plays.
func (a *app) resume(l lane, from *base, play bool) {
	s := &a.stage
	s.lanes, s.lane, s.base, s.playing = []lane{l}, 0, from, play
	s.behind, s.shown = false, s.newest()
	if len(l.frames) == 0 { // its first frame is still on its way
		a.restart()
		return
	}
	a.panel.samples = len(l.frames[0].Tokens)
	start := sampler.Start{N: a.panel.samples, Settings: l.settings, From: sampler.Frames{Taken: l.frames, Start: from.origin(a.panel.samples)}}
	s.run = a.loop.Start([]sampler.Start{start}, play)
	a.relabel()
	a.relayout()
}

// sweep fills the stage with lanes that differ in one setting.
func (a *app) sweep(text string) {
	lanes, err := sweepLanes(a.stage.lanes[a.stage.lane].settings, text)
	if err == nil {
		for _, s := range lanes {
			if err = s.Validate(len(a.Model.Classes)); err != nil {
				break
			}
		}
	}
	if err != nil {
		a.fail(err)
		return
	}
	a.stage.lanes, a.stage.lane = nil, 0
	for _, s := range lanes {
		a.stage.lanes = append(a.stage.lanes, lane{settings: s})
	}
	a.lanesChanged()
	a.say("Side by side: " + text)
}

// dial is a setting that a sweep can turn.
type dial struct {
	name  string
	whole bool
	set   func(*schedule.Settings, float64)
}

var dials = slices.Concat(dialsOf(onTemperature), dialsOf(onProportion), dialsOf(onCorruption), []dial{
	{"steps", true, func(s *schedule.Settings, v float64) { s.Steps = int(v) }},
	{"min steps", true, func(s *schedule.Settings, v float64) { s.MinSteps = int(v) }},
	{"seed", true, func(s *schedule.Settings, v float64) { s.Seed = uint64(v) }},
	{"class", true, func(s *schedule.Settings, v float64) { s.Class = int(v) }},
})

// dialsOf are a schedule's start and end.
func dialsOf(on focus) []dial {
	one := schedules[on]
	return []dial{
		{one.name + " start", false, func(s *schedule.Settings, v float64) { *one.of(s) = withStart(*one.of(s), v) }},
		{one.name + " end", false, func(s *schedule.Settings, v float64) { *one.of(s) = withEnds(*one.of(s), one.of(s).Start, v) }},
	}
}

// withStart gives a schedule another start; a constant stays one.
func withStart(s schedule.Schedule, start float64) schedule.Schedule {
	if s.Curve == schedule.Constant || s.Curve == "" {
		return withEnds(s, start, start)
	}
	return withEnds(s, start, s.End)
}

// withEnds gives a schedule other ends. A constant that gets two ends becomes a
// line; an exponential one that would have to reach 0 becomes one, too.
func withEnds(s schedule.Schedule, start, end float64) schedule.Schedule {
	s.Start, s.End = start, end
	switch {
	case s.Curve == schedule.Keyframes:
		s.Keys = slices.Clone(s.Keys)
		s.Keys[0].Value, s.Keys[len(s.Keys)-1].Value = start, end
	case (s.Curve == schedule.Constant || s.Curve == "") && start != end,
		s.Curve == schedule.Exponential && (start == 0 || end == 0):
		s.Curve = schedule.Linear
	}
	return s
}

// sweepLanes reads a sweep, such as "temperature end 0.4 to 1.0 in 4" or
// "temperature curve", and gives the settings of its lanes.
func sweepLanes(from schedule.Settings, text string) ([]schedule.Settings, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	for _, one := range schedules {
		if text == one.name+" curve" {
			return curveLanes(from, one.of)
		}
	}
	for _, d := range dials {
		rest, ok := strings.CutPrefix(text, d.name+" ")
		if !ok {
			continue
		}
		low, high, n, err := sweepRange(rest)
		if err != nil {
			return nil, fmt.Errorf("sweep %q: %w", text, err)
		}
		lanes := make([]schedule.Settings, n)
		for i := range lanes {
			value := low + (high-low)*float64(i)/float64(n-1)
			if d.whole {
				value = math.Round(value)
			}
			lanes[i] = from
			d.set(&lanes[i], math.Round(1000*value)/1000) // labels stay short
		}
		return lanes, nil
	}
	var names []string
	for _, d := range dials {
		names = append(names, d.name)
	}
	for _, on := range inOrder {
		names = append(names, schedules[on].name+" curve")
	}
	return nil, fmt.Errorf("sweep %q: begin with one of %s", text, strings.Join(names, ", "))
}

// sweepRange reads "0.4 to 1.0 in 4"; without a count there are as many lanes
// as fit.
func sweepRange(text string) (low, high float64, n int, err error) {
	n = maxLanes
	if ends, count, ok := strings.Cut(text, " in "); ok {
		if n, err = strconv.Atoi(count); err != nil || n < 2 || n > maxLanes {
			return 0, 0, 0, fmt.Errorf("the number behind in is 2 to %d", maxLanes)
		}
		text = ends
	}
	from, to, ok := strings.Cut(text, " to ")
	if !ok {
		return 0, 0, 0, errors.New("say from where to where, as in 0.4 to 1.0 in 4")
	}
	for _, end := range []struct {
		text string
		to   *float64
	}{{from, &low}, {to, &high}} {
		if *end.to, err = strconv.ParseFloat(end.text, 64); err != nil || !(*end.to >= 0 && *end.to <= 1e9) {
			return 0, 0, 0, fmt.Errorf("%q is no number from 0 up", end.text)
		}
	}
	return low, high, n, nil
}

// curveLanes gives one lane for each way between the schedule's ends.
func curveLanes(from schedule.Settings, of func(*schedule.Settings) *schedule.Schedule) ([]schedule.Settings, error) {
	if ends := of(&from); ends.Start == ends.End {
		return nil, fmt.Errorf("both ends of the schedule are %g: every curve between them is the same", ends.Start)
	}
	var lanes []schedule.Settings
	for _, curve := range []schedule.Curve{schedule.Linear, schedule.Cosine, schedule.Exponential, schedule.Harmonic} {
		s := from
		to := of(&s)
		*to = schedule.Schedule{Start: to.Start, End: to.End, Curve: curve}
		if curve == schedule.Exponential && (to.Start == 0 || to.End == 0) {
			continue
		}
		lanes = append(lanes, s)
	}
	return lanes, nil
}
