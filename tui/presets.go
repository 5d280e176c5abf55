package tui

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/sampler"
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

// withPreset lays a preset over settings and gives the number of samples, too.
// Where the preset leaves the choice to the model, its recommendation counts.
func (a *app) withPreset(s sampler.Settings, p config.Preset) (sampler.Settings, int, error) {
	recommended, err := sampler.Recommended(a.Model)
	if err != nil {
		return s, 0, err
	}
	schedule := func(to *sampler.Schedule, from *string, own sampler.Schedule) {
		switch {
		case from == nil || err != nil:
		case *from == config.Model:
			*to = own
		default:
			*to, err = sampler.ParseSchedule(*from)
		}
	}
	number := func(to *int, from *int, own int) {
		if from == nil {
			return
		}
		if *to = *from; *to == 0 {
			*to = own
		}
	}
	schedule(&s.Temperature, p.Temperature, recommended.Temperature)
	schedule(&s.Proportion, p.Proportion, recommended.Proportion)
	schedule(&s.Corruption, p.Corruption, recommended.Corruption)
	number(&s.Steps, p.Steps, recommended.Steps)
	number(&s.MinSteps, p.MinSteps, recommended.MinSteps)
	if p.Freeze != nil {
		s.Freeze = *p.Freeze == "on" || *p.Freeze == config.Model && recommended.Freeze
	}
	if p.Seed != nil {
		s.Seed = *p.Seed
	}
	n := a.panel.samples
	if p.N != nil {
		n = max(1, min(most, *p.N))
	}
	if p.Class != nil {
		s.Class = len(a.Model.Classes)
		if *p.Class != "" {
			if s.Class = slices.Index(a.Model.Classes, *p.Class); s.Class < 0 {
				return s, 0, fmt.Errorf("%s has no class %s", a.Model.Name, *p.Class)
			}
		}
	}
	return s, n, err
}

type presetMsg struct {
	name   string
	preset config.Preset
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

// preset is the settings in the panel as the user's file holds them.
func (a *app) preset() config.Preset {
	s := a.stage.lanes[a.stage.lane].settings
	freeze, class := "off", ""
	if s.Freeze {
		freeze = "on"
	}
	if s.Class < len(a.Model.Classes) {
		class = a.Model.Classes[s.Class]
	}
	return config.PresetOf(config.Sampling{
		Steps: s.Steps, Temperature: s.Temperature.String(), Proportion: s.Proportion.String(),
		Corruption: s.Corruption.String(), MinSteps: s.MinSteps, Freeze: freeze, N: a.panel.samples, Class: class, Seed: s.Seed,
	})
}

// presetSaved tells where the settings are.
func (a *app) presetSaved(msg presetMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	presets := maps.Clone(a.Presets)
	if presets == nil {
		presets = map[string]config.Preset{}
	}
	presets[msg.name] = msg.preset
	a.Presets = presets
	a.say(fmt.Sprintf("Saved the settings as %s in %s", msg.name, msg.path))
}
