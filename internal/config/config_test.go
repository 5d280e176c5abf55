package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"sundae/sampler/schedule"
)

// defaults is the file that is embedded in the program.
func defaults(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every setting is in config.yaml, with a comment above it.
func TestDefaultsAreComplete(t *testing.T) {
	root, err := parse(defaults(t), "config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	check(t, root.Content, reflect.TypeOf(c), "")
}

func check(t *testing.T, pairs []*yaml.Node, s reflect.Type, prefix string) {
	t.Helper()
	found := map[string]*yaml.Node{}
	for i := 0; i+1 < len(pairs); i += 2 {
		found[pairs[i].Value] = pairs[i+1]
		if pairs[i].HeadComment == "" {
			t.Errorf("%s%s has no comment", prefix, pairs[i].Value)
		}
	}
	for i := range s.NumField() {
		f := s.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			check(t, pairs, f.Type, prefix)
			continue
		}
		value := found[name]
		if value == nil {
			t.Errorf("%s%s isn't in config.yaml", prefix, name)
			continue
		}
		if f.Type.Kind() == reflect.Struct {
			check(t, value.Content, f.Type, prefix+name+".")
		}
	}
}

func TestLoadMerges(t *testing.T) {
	t.Setenv("HOME", "/home/someone")
	path := write(t, `
device: cpu
models: [~/mine, /srv/models]
sampling:
  steps: 40
  temperature: 1.0:0.6:cosine
mask:
  composite: off
graphics:
  max_rate: 500k
train:
presets:
  calm: {temperature: "0.6", n: 2}
`)
	got, err := Load(defaults(t), path, testDevices)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Load(defaults(t), write(t, ""), testDevices)
	if err != nil {
		t.Fatal(err)
	}
	steps, temperature, calm := 40, constant(t, "1.0:0.6:cosine"), constant(t, "0.6")
	want.Device = "cpu"
	want.Models = []string{"/home/someone/mine", "/srv/models"}
	want.Sampling.Steps, want.Sampling.Temperature = &steps, &temperature
	want.Mask.Composite = false
	want.Graphics.MaxRate = 500_000
	want.Presets = map[string]Sampling{"calm": {Patch: schedule.Patch{Temperature: &calm}, N: 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// constant parses a schedule.
func constant(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var testDevices = []string{"auto", "cuda", "cpu"}

func TestLoadErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"devcie: cpu", ":1: devcie: unknown setting (did you mean device?)"},
		{"colour: red", ":1: colour: unknown setting"},
		{"# a\nsampling:\n  stepz: 3", ":3: sampling.stepz: unknown setting (did you mean steps?)"},
		{"device: gpu", `:1: device: should be auto, cuda or cpu, not "gpu"`},
		{"sampling:\n  steps: many", `:2: sampling.steps: should be a whole number, not "many"`},
		{"sampling:\n  steps: -1", ":2: sampling.steps: should be from 0 to 10000, not -1"},
		{"sampling:\n  steps: 1.5", `:2: sampling.steps: should be a whole number, not "1.5"`},
		{"sampling:\n  n: 0", ":2: sampling.n: should be from 1 to 1024, not 0"},
		{"sampling:\n  seed: -3", ":2: sampling.seed: should be a whole number from 0"},
		{"sampling:\n  temperature: hot", `:2: sampling.temperature: schedule "hot": "hot" is not a number`},
		{"sampling:\n  freeze: maybe", `:2: sampling.freeze: "maybe" must be on, unchanged, off or model`},
		{"sampling:\n  corruption: 0.1", ":2: sampling.corruption: this setting is now called renoise"},
		{"sampling: 3", `:1: sampling: should be a group of settings, not "3"`},
		{"sampling: [3]", ":1: sampling: should be a group of settings, not a list"},
		{"threads:", ":1: threads: has no value"},
		{"threads: [1]", ":1: threads: should be one value, not a list"},
		{"models: here", `:1: models: should be a list, not "here"`},
		{"mask:\n  composite: maybe", `:2: mask.composite: should be true or false, not "maybe"`},
		{"pictures:\n  fit: stretch", `:2: pictures.fit: should be crop or letterbox, not "stretch"`},
		{"pictures:\n  animation: mp4", `:2: pictures.animation: should be gif or apng, not "mp4"`},
		{"mask:\n  feather: .inf", `:2: mask.feather: should be a number, not ".inf"`},
		{"graphics:\n  scale: 2", ":2: graphics.scale: should be greater than 0 and at most 1, not 2"},
		{"graphics:\n  max_rate: fast", `:2: graphics.max_rate: should be bytes per second such as 500k or 2M, not "fast"`},
		{"presets:\n  calm:\n    n: 0", ":3: presets.calm.n: should be from 1 to 1024, not 0"},
		{"presets:\n  calm:\n    colour: red", ":3: presets.calm.colour: unknown setting"},
		{"presets:\n  a.b: {}", `:2: presets: the name of the preset "a.b" should have no dots or control characters`},
		{"device: cpu\ndevice: cuda", ":2: device: already set on line 1"},
		{"? [a]\n: 1", ":1: a key should be a word, not a list"},
		{"device: cpu\n\tthreads: 1", ":2: "},
		{"- 1", ":1: should be a group of settings"},
		{"device: &d cpu\nmodel: *x", "unknown anchor"},
	} {
		path := write(t, c.text)
		_, err := Load(defaults(t), path, testDevices)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestLoadWhichFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	c, err := Load(defaults(t), "", testDevices) // no file: the defaults
	if err != nil || c.Device != "auto" {
		t.Errorf("without a file: %q, %v", c.Device, err)
	}
	if _, err := Load(defaults(t), filepath.Join(home, "none.yaml"), testDevices); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named file that isn't there: %v", err)
	}
	for _, dir := range []string{filepath.Join(home, ".config"), filepath.Join(home, "xdg")} {
		if err := os.MkdirAll(filepath.Join(dir, "sundae"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "sundae", "config.yaml"), []byte("model: "+filepath.Base(dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := Load(defaults(t), "", testDevices); err != nil || c.Model != ".config" {
		t.Errorf("in the home folder: %q, %v", c.Model, err)
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "xdg"))
	if c, err := Load(defaults(t), "", testDevices); err != nil || c.Model != "xdg" {
		t.Errorf("in XDG_CONFIG_HOME: %q, %v", c.Model, err)
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"0": 0, "1": 1, "999": 999, "1k": 1000, "1.5k": 1500, "1234": 1234, "2M": 2_000_000, "1.5M": 1_500_000, "800000": 800_000} {
		got, err := ParseRate(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := ParseRate(got.String()); err != nil || again != got {
			t.Errorf("%s became %s, which is %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "k", "-1", "1G", "nan", "inf", "1e30", "1 k"} {
		var r Rate
		if err := r.Set(text); err == nil {
			t.Errorf("%q was read as %d", text, r)
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(string(defaults(f)))
	f.Add("sampling: {steps: 3, temperature: 1:0.5}\npresets:\n  a: {n: 2}\n")
	f.Add("device: &d cpu\nmodel: *d")
	f.Add("<<: {device: cpu}")
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		if err := merge(&c, []byte(text), "f.yaml", testDevices); err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Errorf("the error doesn't begin with the file: %v", err)
		}
	})
}
