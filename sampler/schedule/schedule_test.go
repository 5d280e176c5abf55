package schedule

import (
	"math"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSchedules(t *testing.T) {
	for text, want := range map[string][3]float64{ // first, middle and last of 5 steps
		"0.8":                   {0.8, 0.8, 0.8},
		"1.0:0.6":               {1, 0.8, 0.6},
		"1.0:0.6:cosine":        {1, 0.8, 0.6},
		"1:0.25:exponential":    {1, 0.5, 0.25},
		"0:1.0,0.25:0.5,1:0.2":  {1, 0.4, 0.2},
		" 0.5 : 1.5 : linear":   {0.5, 1, 1.5},
		"0:0.3,0.5:0.9,1.0:0.1": {0.3, 0.9, 0.1},
	} {
		s, err := Parse(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Error(err)
			continue
		}
		for i, step := range []int{1, 3, 5} {
			if got := s.At(step, 5); math.Abs(got-want[i]) > 1e-12 {
				t.Errorf("%s at step %d of 5: %g, want %g", text, step, got, want[i])
			}
		}
		if s.At(1, 5) != want[0] || s.At(5, 5) != want[2] {
			t.Errorf("%s misses its ends", text)
		}
		if again, err := Parse(s.String()); err != nil || again.String() != s.String() {
			t.Errorf("%s is written as %s, which reads as %v, %v", text, s, again, err)
		}
	}
	for _, text := range []string{"", "x", "1:2:3:4", "1:0:exponential", "1:0.5:wavy", "-1", "NaN", "1e9", "0:1,0:2,1:3", "0.1:1,1:2", "0:1,", "inf"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1.0:0.6:cosine", "0:1.0,0.5:0.9,1:0.6", "0.8", "::"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		for step := 1; step <= 7; step++ {
			if v := s.At(step, 7); math.IsNaN(v) || v < 0 || v > largest {
				t.Errorf("%q is %g at step %d", text, v, step)
			}
		}
	})
}

// Whatever the curve and the length of the run, the first step has the start and
// the last the end, to the bit, and no step lies beyond the two.
func TestScheduleEnds(t *testing.T) {
	for _, curve := range []Curve{Constant, Linear, Cosine, Exponential, Keyframes} {
		for _, ends := range [][2]float64{{1, 0.6}, {0.1, 0.7}, {0.3, 0.3}, {1.0 / 3, 2.0 / 7}} {
			s := Schedule{Start: ends[0], End: ends[1], Curve: curve}
			if curve == Keyframes {
				s.Keys = []Keyframe{{0, ends[0]}, {0.1, ends[1]}, {0.7, ends[0]}, {1, ends[1]}}
			}
			if err := s.check(1); err != nil {
				t.Fatal(err)
			}
			low, high := min(ends[0], ends[1]), max(ends[0], ends[1])
			for steps := 1; steps <= 41; steps++ {
				end := ends[1]
				if steps == 1 || curve == Constant {
					end = ends[0]
				}
				if s.At(1, steps) != ends[0] || s.At(steps, steps) != end {
					t.Errorf("%s over %d steps goes from %g to %g", s, steps, s.At(1, steps), s.At(steps, steps))
				}
				for step := range steps + 2 {
					if v := s.At(step, steps); v < low-1e-15 || v > high+1e-15 {
						t.Errorf("%s is %g at step %d of %d", s, v, step, steps)
					}
				}
			}
			if curve == Keyframes && (s.At(2, 11) != ends[1] || s.At(8, 11) != ends[0]) {
				t.Errorf("%s misses its inner keyframes: %g, %g", s, s.At(2, 11), s.At(8, 11))
			}
		}
	}
}

// As a proportion, 0:1:harmonic leaves a share of the tokens that no step has drawn
// which falls in a straight line from 1 to 0, and every value lies between the ends.
func TestHarmonicDrawsAnEvenShare(t *testing.T) {
	s, err := Parse("0:1:harmonic")
	if err != nil {
		t.Fatal(err)
	}
	for _, steps := range []int{1, 2, 7, 96, 1000} {
		never := 1.0
		for step := 1; step <= steps; step++ {
			never *= 1 - s.At(step, steps)
			if want := 1 - float64(step)/float64(steps); math.Abs(never-want) > 1e-12 {
				t.Fatalf("after %d of %d steps %g of the tokens were never drawn, want %g", step, steps, never, want)
			}
		}
		if s.At(steps, steps) != 1 || s.At(steps+1, steps) != 1 || s.At(0, steps) != s.At(1, steps) {
			t.Errorf("of %d steps the last has %g, the one after %g; the first has %g, the one before %g", steps,
				s.At(steps, steps), s.At(steps+1, steps), s.At(1, steps), s.At(0, steps))
		}
	}
	s = Schedule{Start: 0.8, End: 0.2, Curve: Harmonic}
	for step := 1; step <= 10; step++ {
		if v := s.At(step, 10); v > 0.8 || v < 0.2 || step > 1 && v >= s.At(step-1, 10) {
			t.Errorf("%s is %g at step %d of 10", s, v, step)
		}
	}
}

func TestScheduleInYAML(t *testing.T) {
	type settings struct{ Temperature, Proportion Schedule }
	var s settings
	if err := yaml.Unmarshal([]byte("temperature: 1.0:0.6:cosine\nproportion: 0.5\n"), &s); err != nil {
		t.Fatal(err)
	}
	if s.Temperature.String() != "1:0.6:cosine" || s.Proportion.String() != "0.5" {
		t.Errorf("read %+v", s)
	}
	text, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again settings
	if err := yaml.Unmarshal(text, &again); err != nil || again.Temperature.String() != s.Temperature.String() {
		t.Errorf("%s was read as %+v, %v", text, again, err)
	}
	if err := yaml.Unmarshal([]byte("temperature: warm"), &s); err == nil || !strings.Contains(err.Error(), "warm") {
		t.Errorf("a word for a schedule: %v", err)
	}
}

func TestBadSettings(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"steps must be 1 to 10000, not 0":                            func(s *Settings) { s.Steps = 0 },
		"steps must be 1 to 10000, not 10001":                        func(s *Settings) { s.Steps = 10001 },
		"min_steps":                                                  func(s *Settings) { s.MinSteps = -1 },
		"class 99: the model has 2 classes":                          func(s *Settings) { s.Class = 99 },
		"proportion: 2 must be 0 to 1":                               func(s *Settings) { s.Proportion.Start = 2 },
		"temperature: -1 must be 0 to 1000":                          func(s *Settings) { s.Temperature.End = -1 },
		"temperature: NaN must be":                                   func(s *Settings) { s.Temperature.Start = math.NaN() },
		"temperature: unknown curve \"wavy\"":                        func(s *Settings) { s.Temperature.Curve = "wavy" },
		"temperature: the first keyframe must be at 0":               func(s *Settings) { s.Temperature.Curve = Keyframes },
		"temperature: an exponential curve cannot start or end at 0": func(s *Settings) { s.Temperature = Schedule{1, 0, Exponential, nil} },
		"proportion: keyframe positions must increase": func(s *Settings) {
			s.Proportion = Schedule{Curve: Keyframes, Keys: []Keyframe{{0, 1}, {0.5, 1}, {0.5, 0}, {1, 1}}}
		},
	} {
		s := Default(2)
		change(&s)
		if err := s.Validate(2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if err := Default(2).Validate(2); err != nil {
		t.Error(err)
	}
}
