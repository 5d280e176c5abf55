package sampler

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"sundae/internal/bundle"
)

var recordModel = bundle.Manifest{
	Name: "tiny", Classes: []string{"alpine", "ocean"}, Files: map[string]bundle.File{bundle.PriorFile: {SHA256: "abc"}},
}

func recordSettings(t testing.TB) Settings {
	t.Helper()
	s := Settings{Steps: 24, MinSteps: 10, Freeze: true, Seed: math.MaxUint64, Class: 1}
	var err error
	if s.Temperature, err = ParseSchedule("1:0.6:cosine"); err != nil {
		t.Fatal(err)
	}
	if s.Proportion, err = ParseSchedule("0:1,0.5:0.75,1:0.5"); err != nil {
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
		if err != nil || got != want {
			t.Fatalf("got %+v, want %+v, %v", got, want, err)
		}
		back, err := got.Settings(recordModel.Classes)
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("got %+v, want %+v, %v", back, s, err)
		}
	}
	r := NewRecord(recordModel, recordSettings(t), 0)
	if _, err := r.Settings([]string{"city"}); err == nil || !strings.Contains(err.Error(), `class "ocean" isn't one of the model's`) {
		t.Errorf("a class that isn't there: %v", err)
	}
}

func TestRecordErrors(t *testing.T) {
	for text, says := range map[string]string{
		"":                          "can't be read",
		"{}":                        "format 0",
		`{"format":2,"colour":3}`:   "settings of format 2: this program reads format 1",
		`{"format":1,"colour":3}`:   `unknown field "colour"`,
		`{"format":1,"seed":-1}`:    "can't be read",
		`{"format":1,"sample":-1}`:  "none can be negative",
		`{"format":1} {"format":1}`: "something comes after",
	} {
		if _, err := ParseRecord(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: expected %q, got %v", text, says, err)
		}
	}
}

// Whatever text comes: settings that a run can begin with, or an error.
func FuzzParseRecord(f *testing.F) {
	f.Add(NewRecord(recordModel, recordSettings(f), 3).String())
	f.Add(`{"format":1,"steps":1,"temperature":"1","proportion":"0.5"}`)
	f.Add(`{"format":1,"steps":9,"temperature":"1:0","proportion":"NaN","class":"ocean"}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		if again, err := ParseRecord(r.String()); err != nil || again != r {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
		if s, err := r.Settings(recordModel.Classes); err == nil && s.Validate(2) != nil {
			t.Errorf("settings that don't hold: %+v", s)
		}
	})
}
