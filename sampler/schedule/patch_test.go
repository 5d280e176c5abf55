package schedule

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

var classes = []string{"alpine", "ocean"}

// A patch of all settings gives them back, through text as well.
func TestPatchOf(t *testing.T) {
	s := Default(2)
	s.Steps, s.Class, s.Seed, s.Freeze, s.MinSteps = 7, 1, 1<<63+1, FreezeUnchanged, 0
	s.Temperature = Schedule{Start: 1, End: 0.6, Curve: Keyframes, Keys: []Keyframe{{0, 1}, {1, 0.6}}}
	p := PatchOf(s, classes)
	for name, codec := range map[string]struct {
		marshal   func(any) ([]byte, error)
		unmarshal func([]byte, any) error
	}{"json": {json.Marshal, json.Unmarshal}, "yaml": {yaml.Marshal, yaml.Unmarshal}} {
		text, err := codec.marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var read Patch
		if err := codec.unmarshal(text, &read); err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		if back, err := read.Settings(classes); err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("%s: %+v, %v, want %+v from %s", name, back, err, s, text)
		}
	}
}

// What a patch leaves out stays, and what it leaves to the model is recommended.
func TestApply(t *testing.T) {
	recommended, s := Default(2), Default(2)
	recommended.Steps, recommended.MinSteps, recommended.Freeze = 96, 12, FreezeUnchanged
	recommended.Renoise = Schedule{Start: 0.3, Curve: Linear}
	s.Steps, s.MinSteps, s.Seed = 5, 1, 9
	if got, err := (Patch{}).Apply(s, recommended, classes); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("an empty patch gives %+v, %v", got, err)
	}
	var p Patch
	for key, text := range map[string]string{"steps": "0", "min_steps": "0", "freeze": "model", "renoise": "model", "temperature": "0.5", "class": "ocean"} {
		if err := p.Set(key, text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Apply(s, recommended, classes)
	want := recommended
	want.Temperature, want.Class, want.Seed = Schedule{Start: 0.5, End: 0.5, Curve: Constant}, 1, 9
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// The words of the settings file, of flags and of old records.
func TestFreezeWords(t *testing.T) {
	for text, want := range map[string]Freeze{"on": FreezeOn, "true": FreezeOn, "off": FreezeOff, "false": FreezeOff, "unchanged": FreezeUnchanged} {
		var p Patch
		if err := yaml.Unmarshal([]byte("freeze: "+text), &p); err != nil || *p.Freeze != want {
			t.Errorf("%s is read as %v, %v", text, p.Freeze, err)
		}
		s, err := p.Apply(Default(0), Default(0), nil)
		if err != nil || s.Freeze != want || s.Validate(0) != nil || *PatchOf(s, nil).Freeze != want {
			t.Errorf("%s makes %q, %v", text, s.Freeze, err)
		}
	}
	s := Default(0)
	if s.Freeze = FreezeRecommended; s.Validate(0) == nil {
		t.Error("a rule that is left to the model passes")
	}
	if s.Freeze = ""; s.Validate(0) != nil || *PatchOf(s, nil).Freeze != FreezeOff {
		t.Errorf("no rule is not off: %v", s.Validate(0))
	}
}

func TestPatchErrors(t *testing.T) {
	for text, want := range map[string]string{
		"steps=-1": "\"-1\" must be a whole number from 0", "steps=10001": "from 0 to 10000", "steps=x": "whole number",
		"temperature=hot": "is not a number", "temperature=1:0.5:wavy": "unknown curve", "proportion=1.5": "1.5 must be 0 to 1",
		"freeze=maybe": "on, unchanged, off or model", "seed=-1": "whole number", "colour=red": "unknown setting",
	} {
		key, value, _ := strings.Cut(text, "=")
		var p Patch
		if err := p.Set(key, value); err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(p, Patch{}) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	moon := "moon"
	if _, err := (Patch{Class: &moon}).Apply(Settings{}, Settings{}, classes); err == nil || !strings.Contains(err.Error(), "the model has alpine, ocean") {
		t.Errorf("an unknown class: %v", err)
	}
	p := PatchOf(Default(2), classes)
	p.Renoise = nil
	if _, err := p.Settings(classes); err == nil || err.Error() != "renoise is missing" {
		t.Errorf("a patch without renoise: %v", err)
	}
	p.Renoise = &Schedule{Curve: Recommended.Curve}
	if s, err := p.Settings(classes); err != nil || s.Validate(2) == nil {
		t.Errorf("a recommendation that nobody made passes: %+v, %v", s, err)
	}
}
