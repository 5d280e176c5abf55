package tui

import (
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/sampler/schedule"
)

func parse(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func swept(t *testing.T) schedule.Settings {
	return schedule.Settings{Steps: 8, Temperature: parse(t, "1:0.6:cosine"), Proportion: parse(t, "1"), Seed: 7, Class: 8}
}

var sceneClasses = []string{"alpine", "dunes", "ocean", "forest", "canyon", "meadow", "arctic", "night"}

// What a sweep makes, as the labels under its pictures.
func TestSweepLanes(t *testing.T) {
	for text, want := range map[string]string{
		"temperature end 0.4 to 1.0 in 4":  "temp end 0.4|temp end 0.6|temp end 0.8|temp end 1",
		"Temperature  start 2 to 1 in 3":   "temp start 2|temp start 1.5|temp start 1",
		"corruption end 0 to 0.5 in 2":     "corr 0|corr 0:0.5:linear",
		"proportion start 0.25 to 1 in 2":  "prop 0.25|prop 1",
		"proportion end 0.25 to 0.75 in 2": "prop end 0.25|prop end 0.75",
		"steps 4 to 16":                    "steps 4|steps 8|steps 12|steps 16",
		"seed 1 to 3 in 3":                 "seed 1|seed 2|seed 3",
		"class 0 to 2 in 3":                "alpine|dunes|ocean",
		"temperature curve":                "temp 1:0.6:linear|temp 1:0.6:cosine|temp 1:0.6:exponential|temp 1:0.6:harmonic",
	} {
		lanes, err := sweepLanes(swept(t), text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := strings.Join(differences(lanes, sceneClasses), "|"); got != want {
			t.Errorf("%s gives\n%s, want\n%s", text, got, want)
		}
		for _, s := range lanes {
			if err := s.Validate(len(sceneClasses)); err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
	for _, text := range []string{"", "temperature", "temperature end", "temperature end 0.4", "temperature end 0.4 to much", "temperature end 0 to NaN", "steps 1 to 9 in 5", "steps -1 to 9", "proportion curve", "colour 1 to 2"} {
		if lanes, err := sweepLanes(swept(t), text); err == nil {
			t.Errorf("%q gives %v", text, lanes)
		}
	}
}

// However a sweep is worded, it fails in words or gives two lanes or more.
func FuzzSweep(f *testing.F) {
	for _, text := range []string{"temperature end 0.4 to 1.0 in 4", "temperature curve", "seed 1e9 to 2 in 3", "steps 1 to 2 in 99"} {
		f.Add(text)
	}
	from := schedule.Settings{Steps: 8, Temperature: schedule.Schedule{Start: 1, End: 0.5, Curve: schedule.Exponential}}
	f.Fuzz(func(t *testing.T, text string) {
		lanes, err := sweepLanes(from, text)
		if err == nil && (len(lanes) < 2 || len(lanes) > maxLanes) {
			t.Errorf("%q gives %d lanes", text, len(lanes))
		}
	})
}

// Keyframes that differ in their ends alone are told apart by these.
func TestDifferencesOfKeyframes(t *testing.T) {
	a, b := swept(t), swept(t)
	a.Temperature, b.Temperature = parse(t, "0:1,0.5:0.9,1:0.6"), parse(t, "0:1,0.5:0.9,1:0.2")
	if got := differences([]schedule.Settings{a, b}, sceneClasses); !slices.Equal(got, []string{"temp end 0.6", "temp end 0.2"}) {
		t.Errorf("other ends: %q", got)
	}
	b.Temperature = parse(t, "0:1,0.5:0.3,1:0.6")
	if got := differences([]schedule.Settings{a, b}, sceneClasses); got[1] != "temp 0:1,0.5:0.3,1:0.6" {
		t.Errorf("another bend: %q", got)
	}
	if got := differences([]schedule.Settings{a, a}, sceneClasses); got[0] != "the same" {
		t.Errorf("no difference: %q", got)
	}
}

// Settings come back from a preset as they went in; what it leaves out stays.
func TestPresets(t *testing.T) {
	recommended := schedule.Default(len(sceneClasses))
	recommended.Temperature = parse(t, "1:0.7:cosine")
	a := &app{Options: Options{Model: bundle.Manifest{Classes: sceneClasses, Sampling: schedule.PatchOf(recommended, sceneClasses)}}}
	a.panel.samples = 3
	s := swept(t)
	s.Class, s.MinSteps = 2, 4
	a.stage.lanes = []lane{{settings: s}}
	back, n, err := a.withPreset(schedule.Settings{}, a.preset())
	if err != nil || n != 3 || back.Temperature.String() != "1:0.6:cosine" || back.Steps != 8 || back.Class != 2 || back.Seed != 7 || back.MinSteps != 4 || back.Freeze {
		t.Errorf("%+v comes back as %+v with %d samples: %v", s, back, n, err)
	}
	own, freeze := schedule.Recommended, schedule.FreezeRecommended
	zero := 0
	back, _, err = a.withPreset(s, config.Sampling{Patch: schedule.Patch{Temperature: &own, Steps: &zero, Freeze: &freeze}})
	if err != nil || back.Temperature.String() != "1:0.7:cosine" || back.Steps != 24 || !back.Freeze || back.Seed != 7 {
		t.Errorf("the model's own choice comes out as %+v: %v", back, err)
	}
	unknown := "moon"
	if _, _, err = a.withPreset(s, config.Sampling{Patch: schedule.Patch{Class: &unknown}}); err == nil || !strings.Contains(err.Error(), "moon") {
		t.Errorf("class moon: %v", err)
	}
}
