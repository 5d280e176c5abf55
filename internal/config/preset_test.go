package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sundae/sampler/schedule"
)

func TestSavePreset(t *testing.T) {
	path := write(t, `# My settings.
device: cpu # no GPU in this laptop

# Presets that I like.
presets:
  # for portraits
  calm:
    temperature: "0.6" # low
sampling:
  steps: 12
`)
	c, err := Load(defaults(t), path, testDevices)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sampling
	keyframes, class, seed := constant(t, "0:1.0,0.5:0.9,1:0.6"), "on", uint64(1<<63) // "on" must not come back as true
	s.Temperature, s.Class, s.Seed = &keyframes, &class, &seed
	for _, name := range []string{"wild: one", "calm", "yes", "#3"} {
		if err := SavePreset(path, name, s); err != nil {
			t.Fatal(err)
		}
		got, err := Load(defaults(t), path, testDevices)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := got.Presets[name]; !ok || !reflect.DeepEqual(p, s) {
			t.Errorf("%s came back as %+v", name, p)
		}
		if got.Device != "cpu" || *got.Sampling.Steps != 12 {
			t.Errorf("the other settings are now %+v", got)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range []string{"# My settings.", "# no GPU in this laptop", "# Presets that I like.", "# for portraits"} {
		if !strings.Contains(string(text), comment) {
			t.Errorf("lost %q in:\n%s", comment, text)
		}
	}
}

func TestSavePresetMakesTheFile(t *testing.T) {
	steps := 7
	for name, before := range map[string]string{
		"no file":       "",
		"comments":      "# nothing set yet\n",
		"empty presets": "presets: {}\n",
		"bare presets":  "presets:\ndevice: cpu\n",
	} {
		path := filepath.Join(t.TempDir(), "sundae", "config.yaml")
		if before != "" {
			path = write(t, before)
		}
		if err := SavePreset(path, "seven", Sampling{Patch: schedule.Patch{Steps: &steps}}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := os.ReadFile(path)
		c, err := Load(defaults(t), path, testDevices)
		if err != nil || c.Presets["seven"].Steps == nil || *c.Presets["seven"].Steps != 7 || c.Presets["seven"].N != 0 {
			t.Errorf("%s: %v, %+v", name, err, c.Presets)
		}
		if strings.Contains(before, "#") && !strings.Contains(string(text), "# nothing set yet") {
			t.Errorf("%s: lost the comment in:\n%s", name, text)
		}
	}
}

func TestSavePresetRefuses(t *testing.T) {
	const broken = "device: [cpu\n"
	path := write(t, broken)
	if err := SavePreset(path, "calm", Sampling{}); err == nil {
		t.Error("wrote into a file that can't be read")
	}
	if text, _ := os.ReadFile(path); string(text) != broken {
		t.Errorf("the file is now %q", text)
	}
	for _, name := range []string{"", "  ", "a.b", "a\nb", strings.Repeat("a", maxName+1)} {
		if err := SavePreset(write(t, ""), name, Sampling{}); err == nil {
			t.Errorf("the name %q was accepted", name)
		}
	}
	if err := SavePreset(write(t, ""), "none", Sampling{N: -1}); err == nil {
		t.Error("a preset of no pictures was saved")
	}
}

func FuzzSavePreset(f *testing.F) {
	f.Add("device: cpu\n", "calm", "1:0.5", "dunes")
	f.Add("# c\n", "yes", "model", "")
	f.Add("presets: {a: {n: 1}}", "a", "0.5", "null")
	f.Add("presets: &p {a: {n: 1}}", "b", "0:1,1:0.5", "- y")
	f.Add("device:", "calm", "1:0.5", "du\x00es") // saving does not check devices
	f.Fuzz(func(t *testing.T, text, name, temperature, class string) {
		var value schedule.Schedule
		if value.UnmarshalText([]byte(temperature)) != nil {
			return
		}
		p := Sampling{Patch: schedule.Patch{Temperature: &value, Class: &class}}
		out, err := addPreset([]byte(text), "f.yaml", name, p)
		if err != nil {
			return
		}
		// Saving it a second time changes nothing.
		again, err := addPreset(out, "f.yaml", name, p)
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		var c Config
		if err := merge(&c, again, "f.yaml", nil); err != nil || !reflect.DeepEqual(c.Presets[name], p) {
			t.Errorf("wrote %q %q, read %+v, %v from\n%s", temperature, class, c.Presets[name], err, again)
		}
	})
}
