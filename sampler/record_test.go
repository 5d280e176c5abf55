package sampler

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
)

var recordModel = bundle.Manifest{
	Name: "tiny", Classes: []string{"alpine", "ocean"}, Files: map[string]bundle.File{bundle.PriorFile: {SHA256: "abc"}},
}

func recordSettings(t testing.TB) schedule.Settings {
	t.Helper()
	s := schedule.Settings{Steps: 24, MinSteps: 10, Renoise: schedule.Schedule{Curve: schedule.Constant}, Freeze: schedule.FreezeOn, Seed: math.MaxUint64, Class: 1}
	var err error
	if s.Temperature, err = schedule.Parse("1:0.6:cosine"); err != nil {
		t.Fatal(err)
	}
	if s.Proportion, err = schedule.Parse("0:1,0.5:0.75,1:0.5"); err != nil {
		t.Fatal(err)
	}
	return s
}

// What a record is made from comes back from its text.
func TestRecord(t *testing.T) {
	for _, class := range []int{1, 2} {
		s := recordSettings(t)
		s.Class = class
		want := NewRecord(recordModel, s, 3)
		want.Image, want.Rule = "hills.png", All
		text := want.String()
		if strings.Contains(text, "\n") {
			t.Errorf("more than a line: %s", text)
		}
		got, err := ParseRecord(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v, %v", got, want, err)
		}
		back, err := got.Settings(recordModel.Classes)
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("got %+v, want %+v, %v", back, s, err)
		}
	}
	r := NewRecord(recordModel, recordSettings(t), 0)
	if _, err := r.Settings([]string{"city"}); err == nil || !strings.Contains(err.Error(), `unknown class "ocean"`) {
		t.Errorf("a class that isn't there: %v", err)
	}
}

func TestRecordErrors(t *testing.T) {
	for text, says := range map[string]string{
		"":                                "cannot be read",
		"{}":                              "format 0, from an older version",
		`{"format":3,"colour":3}`:         "format 3, from a newer version of Sundae: this one reads format 2",
		`{"format":1,"corruption":"0.3"}`: "format 1, from an older version of Sundae: sample the image again",
		`{"format":2,"colour":3}`:         `unknown field "colour"`,
		`{"format":2,"seed":-1}`:          "cannot be read",
		`{"format":2,"sample":-1}`:        "none may be negative",
		`{"format":2} {"format":2}`:       "more text after them",
	} {
		if _, err := ParseRecord(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: expected %q, got %v", text, says, err)
		}
	}
}

// Whatever text comes: settings that a run can begin with, or an error.
func FuzzParseRecord(f *testing.F) {
	f.Add(NewRecord(recordModel, recordSettings(f), 3).String())
	f.Add(`{"format":2,"steps":1,"temperature":"1","proportion":"0.5"}`)
	f.Add(`{"format":2,"steps":9,"temperature":"1:0","proportion":"NaN","class":"ocean"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		if again, err := ParseRecord(r.String()); err != nil || again.String() != r.String() {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
		if s, err := r.Settings(recordModel.Classes); err == nil && s.Validate(2) != nil {
			t.Errorf("settings that don't hold: %+v", s)
		}
	})
}
