package tui

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/internal/progress"
	"sundae/sampler"
	"sundae/tui/loop"
	"sundae/tui/panel"
	"sundae/tui/session"
)

// begin gives the loop a new run.
func (a *app) begin(starts []sampler.Start) {
	a.stage.Run = a.loop.Start(starts, a.stage.Playing)
	a.relayout()
}

// restart starts all lanes again with their settings.
func (a *app) restart() { a.begin(a.stage.Restart()) }

// newSeed returns a random seed, short enough to remember.
func newSeed() uint64 { return rand.Uint64N(100000) }

// branch continues from the step shown.
func (a *app) branch() {
	step, settings := a.stage.Branch()
	a.stage.Run = a.loop.Branch(step, settings, true)
	for i := range a.tiles { // what is on screen stays, but is of no step of the new run
		a.tiles[i].key = loop.Key{}
	}
	a.want()
}

// scrub shows another step.
func (a *app) scrub(to int) {
	a.stage.Scrub(to)
	a.want()
}

// togglePlay runs or pauses. A run that is done starts again.
func (a *app) togglePlay() {
	if a.stage.Done {
		a.restart()
		return
	}
	a.stage.Play(!a.stage.Playing)
	a.loop.Play(a.stage.Playing)
}

// A run is not continued unasked if a step takes slowStep and what is left takes longRun. The first step of a fast model
// tells little: it also allocates.
const (
	slowStep = time.Second
	longRun  = time.Minute
)

// weigh pauses the first run after its first step if the rest takes long. Until then nobody knows how fast the model is
// on this device.
func (a *app) weigh(first sampler.Stats) {
	if a.weighed {
		return
	}
	a.weighed = true
	left := a.stage.Left()
	if first.Took < slowStep || left < longRun || !a.stage.Playing {
		return
	}
	a.stage.Play(false)
	a.loop.Play(false)
	a.say(fmt.Sprintf("A step takes %s, the %d left about %s: space continues",
		progress.Duration(first.Took), first.Steps-first.Step, progress.Duration(left)))
}

// want asks for the images of the step shown that are not on screen.
func (a *app) want() {
	if a.mode != exploring {
		return
	}
	var wants []loop.Want
	for _, t := range a.tiles {
		shot, ok := a.stage.Shot(t.lane, t.sample)
		if !ok {
			continue
		}
		if shot.Step == 0 && a.stage.Playing && a.Model.Large() { // to decode noise would delay the first step
			continue
		}
		if w := want(shot); t.image == nil || t.key != w.Key {
			wants = append(wants, w)
		}
	}
	a.loop.Show(wants)
}

// apply takes the values that the panel asks for.
func (a *app) apply(v panel.Values) {
	switch {
	case v.Samples != a.stage.Samples: // the samples of a run are one batch from the first step on
		a.stage.Samples, a.zoom = v.Samples, -1
		a.restart()
	case !reflect.DeepEqual(v.Settings, a.stage.Selected().Settings):
		if err := a.stage.Set(v.Settings); err != nil {
			a.fail(err)
			return
		}
		a.loop.Set(a.stage.Lane, v.Settings)
	}
}

// lanesChanged starts again with other lanes than before.
func (a *app) lanesChanged() {
	a.zoom, a.tiles = -1, nil
	a.restart()
}

// pick continues with the selected lane alone.
func (a *app) pick() {
	picked, label := a.stage.Lane, a.stage.Selected().Label
	for i := range a.tiles { // its images stay on screen
		if a.tiles[i].lane == picked {
			a.tiles[i].lane = 0
		} else {
			a.tiles[i].lane = -1
		}
	}
	a.zoom = -1
	a.begin(a.stage.Pick())
	a.say("Continuing with " + label)
}

// toggleLook changes what is painted over the images.
func (a *app) toggleLook(l look) {
	if a.look == l {
		l = plain
	}
	a.look = l
	a.redraw()
}

// zoomTo shows one image alone, or all for -1.
func (a *app) zoomTo(i int) {
	if i >= 0 {
		i = (i + a.stage.Samples) % a.stage.Samples
	}
	a.zoom = i
	a.relayout()
}

// presetMsg says that a preset was saved.
type presetMsg struct {
	name   string
	preset config.Sampling
	path   string
	err    error
}

// savePreset saves the settings in the panel under a name, in the user's settings file.
func (a *app) savePreset(name string) tea.Cmd {
	if name == "" {
		a.fail(errors.New("a preset needs a name"))
		return nil
	}
	preset, save := a.stage.Preset(), a.SavePreset
	a.say("Saving preset " + name)
	return func() tea.Msg {
		path, err := save(name, preset)
		return presetMsg{name, preset, path, err}
	}
}

func (m presetMsg) apply(a *app) tea.Cmd {
	if m.err != nil {
		a.fail(m.err)
		return nil
	}
	presets := map[string]config.Sampling{m.name: m.preset} // the caller's map stays as it is
	for name, p := range a.Presets {
		if name != m.name {
			presets[name] = p
		}
	}
	a.Presets = presets
	a.say(fmt.Sprintf("Saved preset %s in %s", m.name, m.path))
	return nil
}

// want returns what to ask the loop for to get a sample's image.
func want(s session.Shot) loop.Want {
	return loop.Want{Key: loop.Key{Run: s.Run, Lane: s.Index, Sample: s.Sample, Step: s.Step}, Tokens: s.Tokens()}
}
