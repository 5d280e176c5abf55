package tui

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// presetCommands puts each preset into the palette.
func (a *app) presetCommands() []command {
	var out []command
	for _, name := range slices.Sorted(maps.Keys(a.Presets)) {
		out = append(out, command{
			help: "use the preset " + name, group: "Presets", when: in(exploring),
			do: does(func(a *app) { a.usePreset(name) }),
		})
	}
	return out
}

// usePreset begins anew with what the preset sets; the rest stays.
func (a *app) usePreset(name string) {
	l := &a.stage.lanes[a.stage.lane]
	next, n, err := a.withPreset(l.settings, a.Presets[name])
	if err == nil {
		err = next.Validate(len(a.Model.Classes))
	}
	if err != nil {
		a.fail(fmt.Errorf("preset %s: %w", name, err))
		return
	}
	l.settings, a.panel.samples = next, n
	a.lanesChanged()
	a.say("Using the preset " + name)
}

// withPreset applies a preset to settings and returns the number of samples, too.
// Where the preset leaves the choice to the model, its recommendation counts.
func (a *app) withPreset(s schedule.Settings, p config.Sampling) (schedule.Settings, int, error) {
	recommended, err := sampler.Recommended(a.Model)
	if err != nil {
		return s, 0, err
	}
	n := a.panel.samples
	if p.N > 0 {
		n = min(most, p.N)
	}
	s, err = p.Apply(s, recommended, a.Model.Classes)
	return s, n, err
}

type presetMsg struct {
	name   string
	preset config.Sampling
	path   string
	err    error
}

// savePreset keeps the settings in the panel under a name, in the user's file.
func (a *app) savePreset(name string) tea.Cmd {
	if name == "" {
		a.fail(errors.New("a preset needs a name"))
		return nil
	}
	preset := a.preset()
	a.say("Saving the settings as " + name)
	return func() tea.Msg {
		path, err := a.SavePreset(name, preset)
		return presetMsg{name, preset, path, err}
	}
}

// preset returns the settings in the panel as the user's file holds them.
func (a *app) preset() config.Sampling {
	s := a.stage.lanes[a.stage.lane].settings
	return config.Sampling{Patch: schedule.PatchOf(s, a.Model.Classes), N: a.panel.samples}
}

// presetSaved tells where the settings are.
func (a *app) presetSaved(msg presetMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	presets := maps.Clone(a.Presets)
	if presets == nil {
		presets = map[string]config.Sampling{}
	}
	presets[msg.name] = msg.preset
	a.Presets = presets
	a.say(fmt.Sprintf("Saved the settings as %s in %s", msg.name, msg.path))
}
