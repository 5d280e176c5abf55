// Package session is what the app knows about its work, as plain state: the run shown with its lanes ([Stage]), the
// samples made so far ([Gallery]), presets, and the record that a saved image carries. It knows nothing of terminals and
// of Bubble Tea, and does no input or output: its methods change the state and return what the caller has to start.
//
// A run consists of one lane or of several that are compared side by side. A [Lane] holds the settings of a batch of
// samples and what the sampler has reported of it, step by step. Whether a run is done is for the sampler to say.
package session

import (
	"fmt"
	"slices"
	"time"

	"sundae/internal/bundle"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// MaxSamples is how many images are on screen at most, and so the largest number of samples of a lane.
const MaxSamples = 16

// maxLanes is how many lanes are compared at most: the images of more would be too small.
const maxLanes = 4

// Stage is the run shown.
type Stage struct {
	Model bundle.Manifest

	Run     int // its number, which the sampling loop gives
	Lanes   []Lane
	Lane    int // the selected one, whose settings the panel shows
	Samples int // per lane, from the next start on
	Shown   int // the step shown
	Playing bool
	Done    bool  // no lane has a step left
	Base    *Base // the image that is inpainted; nil without

	behind bool // the step shown stays while new ones arrive
}

// Lane is one batch of samples and its history, as far as the sampler has reported it. Its slices only grow or are
// replaced, so that a copy of a lane stays as it is.
type Lane struct {
	Settings schedule.Settings
	Label    string // how it differs from the other lanes
	Frames   []sampler.Frame
	Stats    []sampler.Stats // Stats[t-1] is of step t
	Marks    []int           // the steps from which changed settings applied
}

// NewStage returns a stage with one lane that has not started.
func NewStage(m bundle.Manifest, s schedule.Settings, samples int) Stage {
	return Stage{Model: m, Lanes: []Lane{{Settings: s}}, Samples: samples}
}

// Last is the number of the newest step, 0 if there is none.
func (l *Lane) Last() int { return max(0, len(l.Frames)-1) }

// Frame returns the frame at a step, the last one for a later step, nil if there is none yet.
func (l *Lane) Frame(step int) *sampler.Frame {
	if len(l.Frames) == 0 {
		return nil
	}
	return &l.Frames[max(0, min(step, l.Last()))]
}

// Stat returns what a step did, the last one for a later step, nil for step 0.
func (l *Lane) Stat(step int) *sampler.Stats {
	step = min(step, len(l.Stats))
	if step < 1 {
		return nil
	}
	return &l.Stats[step-1]
}

// recentSteps is how many of the latest steps tell how long the next ones take.
const recentSteps = 3

// Left estimates how long the steps take that are left, from the latest ones of each lane. It is 0 before the first step.
func (s *Stage) Left() time.Duration {
	var left time.Duration
	for i := range s.Lanes {
		l := &s.Lanes[i]
		recent := l.Stats[max(0, len(l.Stats)-recentSteps):]
		if s.Done || len(recent) == 0 {
			continue
		}
		var took time.Duration
		for _, stat := range recent {
			took += stat.Took
		}
		left += took / time.Duration(len(recent)) * time.Duration(max(0, l.Settings.Steps-l.Last()))
	}
	return left
}

// Selected returns the lane in the panel.
func (s *Stage) Selected() *Lane { return &s.Lanes[s.Lane] }

// Newest is the newest step of all lanes.
func (s *Stage) Newest() int {
	newest := 0
	for i := range s.Lanes {
		newest = max(newest, s.Lanes[i].Last())
	}
	return newest
}

// Steps is the length of the timeline: the steps of the selected lane, or more if another lane has more already.
func (s *Stage) Steps() int { return max(s.Selected().Settings.Steps, s.Newest()) }

// Restart drops the history of all lanes and returns what to start.
func (s *Stage) Restart() []sampler.Start {
	starts := make([]sampler.Start, len(s.Lanes))
	for i := range s.Lanes {
		l := &s.Lanes[i]
		l.Frames, l.Stats, l.Marks = nil, nil, nil
		starts[i] = sampler.Start{N: s.Samples, Settings: l.Settings, From: s.Base.origin(s.Samples)}
	}
	s.Playing, s.Done, s.behind, s.Shown = true, false, false, 0
	return starts
}

// Resume puts one lane on the stage and returns what to start so that it continues after the steps it has.
func (s *Stage) Resume(l Lane, base *Base, play bool) []sampler.Start {
	s.Lanes, s.Lane, s.Base = []Lane{l}, 0, base
	s.relabel()
	if len(l.Frames) == 0 { // its first frame has not arrived yet
		return s.Restart()
	}
	s.Samples = len(l.Frames[0].Tokens)
	s.Playing, s.Done, s.behind, s.Shown = play, false, false, s.Newest()
	from := sampler.Frames{Taken: l.Frames, Start: base.origin(s.Samples)}
	return []sampler.Start{{N: s.Samples, Settings: l.Settings, From: from}}
}

// Revisit puts the lane of a gallery's entry on the stage, paused at the entry's step, and returns what to start.
func (s *Stage) Revisit(e Entry) []sampler.Start {
	starts := s.Resume(e.Lane, e.Base, false)
	s.Scrub(e.Step)
	return starts
}

// Branch makes the lanes continue from the step shown. It returns that step and the settings of the lanes.
func (s *Stage) Branch() (step int, settings []schedule.Settings) {
	for i := range s.Lanes {
		settings = append(settings, s.Lanes[i].Settings)
	}
	s.Playing, s.Done, s.behind = true, false, false
	return s.Shown, settings
}

// Started takes the frames that the lanes of a run begin with.
func (s *Stage) Started(frames [][]sampler.Frame) {
	for i := range min(len(s.Lanes), len(frames)) {
		l := &s.Lanes[i]
		l.Frames = slices.Clone(frames[i])
		l.Stats = slices.Clip(l.Stats[:min(len(l.Stats), l.Last())])
		// Changes that were made after the step a branch starts from apply from the next step on.
		var marks []int
		for _, t := range l.Marks {
			if t = min(t, len(l.Frames)); len(marks) == 0 || marks[len(marks)-1] != t {
				marks = append(marks, t)
			}
		}
		l.Marks = marks
	}
	if s.Shown = min(s.Shown, s.Newest()); !s.behind {
		s.Shown = s.Newest()
	}
}

// Stepped takes one step of a lane; changed says that its settings differ from those of the step before.
func (s *Stage) Stepped(lane int, f sampler.Frame, stats sampler.Stats, changed bool) {
	l := &s.Lanes[lane]
	l.Frames = append(l.Frames, f)
	l.Stats = append(l.Stats, stats)
	if changed {
		l.Marks = append(l.Marks, stats.Step)
	}
	if !s.behind {
		s.Shown = s.Newest()
	}
}

// Ended records that no lane has a step left.
func (s *Stage) Ended() { s.Done, s.Playing = true, false }

// Revived records that changed settings have given a run that was done more steps.
func (s *Stage) Revived(playing bool) { s.Done, s.Playing = false, playing }

// Scrub shows another step.
func (s *Stage) Scrub(to int) {
	s.Shown = max(0, min(to, s.Newest()))
	s.behind = s.Shown < s.Newest() || !s.Playing
}

// Play runs or pauses.
func (s *Stage) Play(on bool) {
	s.Playing = on
	if on {
		s.behind = false
	}
}

// StepOnce pauses and shows the next step when it arrives.
func (s *Stage) StepOnce() { s.Playing, s.behind = false, false }

// Set changes the settings of the selected lane, from its next step on.
func (s *Stage) Set(next schedule.Settings) error {
	if err := next.Validate(len(s.Model.Classes)); err != nil {
		return err
	}
	s.Selected().Settings = next
	s.relabel()
	return nil
}

// SetSeed gives all lanes a seed. It applies from the next start on.
func (s *Stage) SetSeed(seed uint64) {
	for i := range s.Lanes {
		s.Lanes[i].Settings.Seed = seed
	}
	s.relabel()
}

// Compare adds a copy of the selected lane and selects it. As all lanes then start again with the same seed, a difference
// between them comes from the settings alone.
func (s *Stage) Compare() error {
	if len(s.Lanes) == maxLanes {
		return fmt.Errorf("at most %d settings can be compared; remove one first", maxLanes)
	}
	s.Lanes = slices.Insert(s.Lanes, s.Lane+1, Lane{Settings: s.Selected().Settings})
	s.Lane++
	s.relabel()
	return nil
}

// Drop removes the selected lane, unless it is the only one.
func (s *Stage) Drop() {
	if len(s.Lanes) == 1 {
		return
	}
	s.Lanes = slices.Delete(s.Lanes, s.Lane, s.Lane+1)
	s.Lane = min(s.Lane, len(s.Lanes)-1)
	s.relabel()
}

// Select moves the panel to another lane, by 1 or -1.
func (s *Stage) Select(by int) {
	n := len(s.Lanes)
	s.Lane = (s.Lane + by + n) % n
}

// Pick keeps the selected lane alone and returns what to start so that it continues where it is, at the step shown.
func (s *Stage) Pick() []sampler.Start {
	shown, playing := s.Shown, s.Playing
	starts := s.Resume(*s.Selected(), s.Base, playing)
	if !playing {
		s.Scrub(shown)
	}
	return starts
}

// Sweep replaces the lanes by several that differ in one setting, for example "temperature end 0.4 to 1.0 in 4",
// "steps 4 to 16" or "temperature curve".
func (s *Stage) Sweep(text string) error {
	all, err := parseSweep(s.Selected().Settings, text)
	if err != nil {
		return err
	}
	for _, settings := range all {
		if err := settings.Validate(len(s.Model.Classes)); err != nil {
			return err
		}
	}
	s.Lanes, s.Lane = nil, 0
	for _, settings := range all {
		s.Lanes = append(s.Lanes, Lane{Settings: settings})
	}
	s.relabel()
	return nil
}

// Inpaint keeps the selected lane's settings for a number of variants of an image. It applies from the next start on.
func (s *Stage) Inpaint(base *Base, variants int) {
	s.Base, s.Samples = base, variants
	s.Lanes, s.Lane = []Lane{{Settings: s.Selected().Settings}}, 0
	s.relabel()
}

// Shot returns a sample of a lane at the step shown, and false if there is none yet.
func (s *Stage) Shot(lane, sample int) (Shot, bool) {
	l := s.Lanes[lane]
	if f := l.Frame(s.Shown); f == nil || sample >= len(f.Tokens) {
		return Shot{}, false
	}
	return Shot{Run: s.Run, Index: lane, Lane: l, Sample: sample, Step: min(s.Shown, l.Last()), Base: s.Base}, true
}

// relabel writes on each lane how it differs from the others.
func (s *Stage) relabel() {
	all := make([]schedule.Settings, len(s.Lanes))
	for i, l := range s.Lanes {
		all[i] = l.Settings
	}
	for i, label := range differences(all, s.Model.Classes) {
		s.Lanes[i].Label = label
	}
}

// SamplesShown is how many samples of each lane are on screen.
func (s *Stage) SamplesShown() int { return min(s.Samples, MaxSamples/len(s.Lanes)) }
