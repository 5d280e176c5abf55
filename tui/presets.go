package tui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/sampler"
)

// presetCommands are the named settings, for the palette.
func (a *app) presetCommands() []command {
	var out []command
	for name, preset := range a.Presets {
		out = append(out, command{help: "use preset " + name, group: "Presets", when: in(exploring), do: func(a *app) tea.Cmd {
			a.usePreset(name, preset)
			return nil
		}})
	}
	slices.SortFunc(out, func(x, y command) int { return len(x.help) - len(y.help) })
	return out
}

// usePreset lays a preset over the settings in the panel.
func (a *app) usePreset(name string, p config.Preset) {
	next, err := a.withPreset(a.stage.lanes[a.stage.lane].settings, p)
	if err != nil {
		a.fail(fmt.Errorf("preset %s: %w", name, err))
		return
	}
	if p.N != nil {
		a.panel.samples = min(most, *p.N)
	}
	a.set(func(s *sampler.Settings) { *s = next })
	a.say("Using preset " + name)
}

func (a *app) withPreset(s sampler.Settings, p config.Preset) (sampler.Settings, error) {
	for _, schedule := range []struct {
		text *string
		to   *sampler.Schedule
	}{{p.Temperature, &s.Temperature}, {p.Proportion, &s.Proportion}} {
		if schedule.text == nil || *schedule.text == config.Model {
			continue
		}
		parsed, err := sampler.ParseSchedule(*schedule.text)
		if err != nil {
			return s, err
		}
		*schedule.to = parsed
	}
	if p.Class != nil {
		s.Class = len(a.Model.Classes)
		if i := slices.Index(a.Model.Classes, *p.Class); i >= 0 {
			s.Class = i
		} else if *p.Class != "" {
			return s, fmt.Errorf("this model has no class %s", *p.Class)
		}
	}
	if p.Steps != nil && *p.Steps > 0 {
		s.Steps = *p.Steps
	}
	if p.MinSteps != nil && *p.MinSteps > 0 {
		s.MinSteps = *p.MinSteps
	}
	if p.Freeze != nil && *p.Freeze != config.Model {
		s.Freeze = *p.Freeze == "on"
	}
	if p.Seed != nil {
		s.Seed = *p.Seed
	}
	return s, nil
}

type presetMsg struct {
	name   string
	preset config.Preset
	path   string
	err    error
}

// savePreset keeps the settings in the panel under a name, in the user's file.
func (a *app) savePreset(name string) tea.Cmd {
	preset := a.preset()
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
		MinSteps: s.MinSteps, Freeze: freeze, N: a.panel.samples, Class: class, Seed: s.Seed,
	})
}

// presetSaved tells where the settings are.
func (a *app) presetSaved(msg presetMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	if a.Presets == nil {
		a.Presets = map[string]config.Preset{}
	}
	a.Presets[msg.name] = msg.preset
	a.say(fmt.Sprintf("Saved the settings as %s in %s", msg.name, msg.path))
}
