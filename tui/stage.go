package tui

import (
	"image"
	"slices"

	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/loop"
)

// stage is the run on show: one lane, or several side by side.
type stage struct {
	run     int
	lanes   []lane
	lane    int  // the one whose settings the panel shows
	shown   int  // the step on show
	behind  bool // the step on show stays while newer ones come
	playing bool
	base    *base // what an inpainting began from
	close   func()
}

// lane is the app's own memory of one run of samples.
type lane struct {
	settings schedule.Settings
	label    string // what sets it apart from its neighbours
	frames   []sampler.Frame
	stats    []sampler.Stats // stats[t-1] is step t's
	marks    []int           // steps from which changed settings took effect
}

// base is a picture of which a part is made anew.
type base struct {
	name    string // what the picture is
	tokens  []uint16
	picture *image.RGBA // the model's size
	pixels  *image.Gray // white is made anew
	rule    sampler.Rule
	mask    *sampler.Mask
	region  func() *image.Gray // the pixels really made anew, found when first asked for
}

// origin returns what n samples start from: the base picture, or noise without one.
func (b *base) origin(n int) sampler.Origin {
	if b == nil {
		return sampler.Noise{}
	}
	return sampler.Inpainting{Tokens: slices.Repeat([][]uint16{b.tokens}, n), Mask: b.mask}
}

// newest is the last step that every lane has, unless it ended before.
func (s *stage) newest() int {
	newest := 0
	for _, l := range s.lanes {
		newest = max(newest, len(l.frames)-1)
	}
	return newest
}

// frame is a lane's frame at a step; a lane that ended early stays at its end.
func (l *lane) frame(step int) *sampler.Frame {
	if len(l.frames) == 0 {
		return nil
	}
	return &l.frames[max(0, min(step, len(l.frames)-1))]
}

// stat is what a lane's step did, nil at step 0.
func (l *lane) stat(step int) *sampler.Stats {
	step = min(step, len(l.stats))
	if step < 1 {
		return nil
	}
	return &l.stats[step-1]
}

func (s *stage) started(e loop.Started) {
	for i := range s.lanes {
		if i >= len(e.Frames) {
			break
		}
		l := &s.lanes[i]
		l.frames = append([]sampler.Frame(nil), e.Frames[i]...)
		l.stats = l.stats[:min(len(l.stats), len(l.frames)-1)]
		// Changes made after the step that a branch goes on from count from there.
		kept := l.marks[:0]
		for _, t := range l.marks {
			if t = min(t, len(l.frames)); len(kept) == 0 || kept[len(kept)-1] != t {
				kept = append(kept, t)
			}
		}
		l.marks = kept
	}
	s.shown, s.behind = s.newest(), false
}

func (s *stage) stepped(e loop.Stepped) {
	l := &s.lanes[e.Lane]
	l.frames = append(l.frames, e.Frame)
	l.stats = append(l.stats, e.Stats)
	if e.Changed {
		l.marks = append(l.marks, e.Stats.Step)
	}
	if !s.behind {
		s.shown = s.newest()
	}
}

// restart begins all lanes anew with their settings.
func (a *app) restart() {
	s := &a.stage
	starts := make([]sampler.Start, len(s.lanes))
	for i := range s.lanes {
		l := &s.lanes[i]
		l.frames, l.stats, l.marks = nil, nil, nil
		starts[i] = sampler.Start{N: a.panel.samples, Settings: l.settings, From: s.base.origin(a.panel.samples)}
	}
	s.playing, s.behind, s.shown = true, false, 0
	s.run = a.loop.Start(starts, true)
	a.relayout()
}

// branch goes on from the step on show.
func (a *app) branch() {
	s := &a.stage
	settings := make([]schedule.Settings, len(s.lanes))
	for i, l := range s.lanes {
		settings[i] = l.settings
	}
	s.playing = true
	s.run = a.loop.Branch(s.shown, settings, true)
	a.forgetPictures()
}

// scrub moves the step on show.
func (a *app) scrub(to int) {
	s := &a.stage
	s.shown = max(0, min(to, s.newest()))
	s.behind = s.shown < s.newest() || !s.playing
	a.want()
}

// togglePlay runs or pauses; at the end it begins again.
func (a *app) togglePlay() {
	s := &a.stage
	if !s.playing && a.ended() {
		a.restart()
		return
	}
	s.playing = !s.playing
	if s.playing {
		s.behind = false
	}
	a.loop.Play(s.playing)
}

// ended says that no lane has a step left: none to go, or all samples frozen.
func (a *app) ended() bool {
	for _, l := range a.stage.lanes {
		taken := len(l.stats)
		if taken < l.settings.Steps && (taken == 0 || !l.settings.Freeze || l.stats[taken-1].Frozen < a.panel.samples) {
			return false
		}
	}
	return true
}

// stepOnce takes one step and stays there.
func (a *app) stepOnce() {
	a.stage.playing, a.stage.behind = false, false
	a.loop.Step()
}

// want asks for the pictures of the step on show, of the tiles on screen.
func (a *app) want() {
	if a.mode != exploring {
		return
	}
	var wants []loop.Want
	for _, t := range a.tiles {
		l := &a.stage.lanes[t.lane]
		f := l.frame(a.stage.shown)
		if f == nil || t.sample >= len(f.Tokens) {
			continue
		}
		key := loop.Key{Run: a.stage.run, Lane: t.lane, Sample: t.sample, Step: min(a.stage.shown, len(l.frames)-1)}
		if t.picture == nil || t.key != key {
			wants = append(wants, loop.Want{Key: key, Tokens: f.Tokens[t.sample]})
		}
	}
	a.loop.Show(wants)
}

// set changes the settings of the lane in the panel, from its next step on.
func (a *app) set(change func(*schedule.Settings)) {
	l := &a.stage.lanes[a.stage.lane]
	next := l.settings
	change(&next)
	if err := next.Validate(len(a.Model.Classes)); err != nil {
		a.fail(err)
		return
	}
	l.settings = next
	a.relabel()
	a.loop.Set(a.stage.lane, next)
}
