package tui

import (
	"errors"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/session"
)

// A sweep is shown side by side, each side with its label; continuing with one side keeps its run.
func TestCompareSession(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, func(o *Options) { o.Samples = 1 })
		s.press("w")
		s.golden("sweep-asked")
		s.press("enter")
		s.until("four sides", func(a *app) bool { return len(a.stage.Lanes) == 4 && a.stage.Done && drawnAll(a) })
		s.press("}", "}")
		s.until("the third side in the panel", func(a *app) bool { return a.stage.Lane == 2 })
		s.golden("sweep")
		var before sampler.Frame
		s.look(func(a *app) { before = *a.stage.Lanes[2].Frame(12) })
		s.press("enter")
		s.until("one side", func(a *app) bool { return len(a.stage.Lanes) == 1 && a.stage.Done && drawnAll(a) })
		s.look(func(a *app) {
			l := a.stage.Lanes[0]
			if l.Settings.Temperature.End != 0.8 || !slices.Equal(l.Frame(12).Tokens[0], before.Tokens[0]) {
				t.Errorf("went on with %+v", l.Settings)
			}
		})
		s.golden("sweep-picked")
		// Two sides with different numbers of steps run together.
		s.press("x", "space")
		s.until("two sides", func(a *app) bool { return len(a.stage.Lanes) == 2 && a.stage.Lane == 1 && !a.stage.Playing })
		s.press("r")
		s.settled()
		s.look(func(a *app) { change(a, func(s *schedule.Settings) { s.Steps = 6 }) })
		s.press("r")
		s.until("6 and 12 steps", func(a *app) bool {
			return len(a.stage.Lanes[0].Stats) == 12 && len(a.stage.Lanes[1].Stats) == 6 && drawnAll(a)
		})
		s.golden("compare")
		s.press("X")
		s.until("one side again", func(a *app) bool { return len(a.stage.Lanes) == 1 && a.stage.Done && drawnAll(a) })
	})
}

// All sides are on screen, for any number of samples.
func TestCompareManySamples(t *testing.T) {
	s := begin(t, 120, 40, func(o *Options) { o.Samples = 7 })
	s.press("w", "ctrl+u", "temperature curve", "enter")
	s.until("four sides of four", func(a *app) bool {
		return len(a.stage.Lanes) == 4 && a.stage.Done && drawnAll(a) && len(a.tiles) == session.MaxSamples && a.tiles[session.MaxSamples-1].lane == 3
	})
	s.press("enter")
	s.until("all seven", func(a *app) bool { return len(a.stage.Lanes) == 1 && len(a.tiles) == 7 && drawnAll(a) })
	s.press("w", "ctrl+u", "colour", "enter")
	s.until("what can be swept", func(a *app) bool { return a.isError && strings.Contains(a.note, "temperature start") })
}

// Entries of the gallery can be selected, returned to, branched from and removed.
func TestGallerySession(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		first := 0
		s.look(func(a *app) { first = a.stage.Run })
		s.press("n")
		s.until("another seed", func(a *app) bool { return a.stage.Run > first && a.stage.Done && len(a.gallery.Entries) == 4 })
		s.look(func(a *app) { a.stage.Lanes[0].Settings.Seed = 1 }) // a drawn seed would change the screen
		s.press("r")
		s.until("the third run", func(a *app) bool { return len(a.gallery.Entries) == 6 && drawnAll(a) })
		s.look(func(a *app) { // the run with the drawn seed
			a.gallery.Entries = slices.Delete(a.gallery.Entries, 2, 4)
		})
		s.press("g")
		s.until("small pictures", func(a *app) bool { return a.mode == browsing && len(a.tiles) == 4 && drawnAll(a) })
		s.press("left", "left", "left")
		s.until("the first one", func(a *app) bool { return a.gallery.Selected == 0 })
		s.press("right")
		s.until("the second one", func(a *app) bool { return a.gallery.Selected == 1 })
		s.golden("gallery")
		var want session.Entry
		s.look(func(a *app) { want = a.gallery.Entries[1] })
		s.press("enter")
		s.until("its run", func(a *app) bool { return a.mode == exploring && a.zoom == 1 && a.stage.Done && drawnAll(a) })
		s.golden("gallery-back")
		s.look(func(a *app) {
			if got := a.stage.Lanes[0].Frame(12).Tokens[1]; !slices.Equal(got, want.Tokens()) {
				t.Error("another picture came back")
			}
			a.scrub(4)
			a.branch()
		})
		s.until("the branch", func(a *app) bool { return a.stage.Shown == 12 && a.stage.Done && drawnAll(a) })
		s.look(func(a *app) {
			if got := a.stage.Lanes[0].Frame(12).Tokens[1]; !slices.Equal(got, want.Tokens()) {
				t.Error("the same settings from step 4 on made another picture")
			}
			if n := len(a.gallery.Entries); n != 4 {
				t.Errorf("%d results: the same picture is kept twice", n)
			}
			a.scrub(4)
			change(a, func(s *schedule.Settings) { s.Temperature = constant(2) })
			a.branch()
		})
		s.until("another branch", func(a *app) bool { return a.stage.Shown == 12 && a.stage.Done && len(a.gallery.Entries) == 6 })
		s.look(func(a *app) {
			if got := a.gallery.Entries[1].Lane.Stats[11].Temperature; got != want.Lane.Stats[11].Temperature || got == 2 {
				t.Errorf("the branch wrote into the result it began from: temperature %g", got)
			}
			a.gallery.Entries = a.gallery.Entries[:4]
		})
		s.press("g")
		s.until("the gallery", func(a *app) bool { return a.mode == browsing && drawnAll(a) })
		var at tea.MouseClickMsg
		s.look(func(a *app) {
			r := a.tiles[2].area
			at = tea.MouseClickMsg{X: r.X + r.Cols/2, Y: r.Y + r.Rows/2, Button: tea.MouseLeft}
		})
		s.tm.Send(at)
		s.until("the one clicked on", func(a *app) bool { return a.gallery.Selected == 2 })
		s.tm.Send(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
		s.until("the one before", func(a *app) bool { return a.gallery.Selected == 1 })
		s.press("delete", "delete", "delete")
		s.until("one left", func(a *app) bool { return len(a.gallery.Entries) == 1 })
		s.press("m")
		s.until("the mask editor", func(a *app) bool { return a.mode == masking })
	})
}

// Saved files have the pixels on screen and the record to sample them again.
func TestKeepSession(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		folder := filepath.Join(t.TempDir(), "kept")
		presets := map[string]config.Sampling{}
		var o Options
		s := begin(t, w, h, func(to *Options) {
			to.Folder = folder
			to.SavePreset = func(name string, p config.Sampling) (string, error) {
				if name == "bad" {
					return "", errors.New("save the preset: no room")
				}
				presets[name] = p
				return "config.yaml", nil
			}
			o = *to
		})
		s.look(func(a *app) { a.Folder = folder })
		s.press("s")
		s.until("saved pictures", func(a *app) bool { return strings.HasPrefix(a.note, "Saved 2 images") })
		file, err := os.Open(filepath.Join(folder, "sample-0-0001.png"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := picture.ReadText(file, sampler.RecordKey)
		if err != nil {
			t.Fatal(err)
		}
		record, err := sampler.ParseRecord(text)
		if err != nil || record.Sample != 1 || *record.Steps != 12 || record.Step != 0 || record.Temperature.String() != o.Settings.Temperature.String() {
			t.Errorf("the file says %s: %v", text, err)
		}
		if _, err := file.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		s.look(func(a *app) {
			shown := a.tiles[1].image
			for y := range shown.Rect.Dy() {
				for x := range shown.Rect.Dx() {
					if c := shown.RGBAAt(x, y); got.At(x, y) != c {
						t.Fatalf("pixel %d, %d is %v in the file, %v on screen", x, y, got.At(x, y), c)
					}
				}
			}
		})
		s.press("home", "]", "]", "]", "s")
		s.until("step 3 saved", func(a *app) bool {
			_, err := os.Stat(filepath.Join(folder, "sample-0-0001-step-3.png"))
			return err == nil
		})
		s.press("end", "S")
		s.until("a saved run", func(a *app) bool { return strings.HasPrefix(a.note, "Saved "+filepath.Join(folder, "run-0.gif")) })
		moving, err := os.Open(filepath.Join(folder, "run-0.gif"))
		if err != nil {
			t.Fatal(err)
		}
		animation, err := gif.DecodeAll(moving)
		if err != nil || len(animation.Image) != 13 || animation.Config.Width != 2*32+animationGap {
			t.Errorf("an animation of %d frames, %d pixels wide: %v", len(animation.Image), animation.Config.Width, err)
		}
		s.press(":", "animated", "enter")
		s.until("a saved run", func(a *app) bool { return strings.HasPrefix(a.note, "Saved "+filepath.Join(folder, "run-0.png")) })
		s.press("p", "soft")
		s.golden("preset-asked")
		s.press("enter")
		s.until("a saved preset", func(a *app) bool { return a.note == "Saved preset soft in config.yaml" })
		if p := presets["soft"]; p.Steps == nil || *p.Steps != 12 {
			t.Errorf("saved %+v", p)
		}
		s.golden("preset-saved")
		s.press("p", "bad", "enter")
		s.until("why not", func(a *app) bool { return a.isError && strings.Contains(a.note, "no room") })
		s.look(func(a *app) { change(a, func(s *schedule.Settings) { s.Steps = 5 }) })
		s.press(":", "soft")
		s.golden("preset-found")
		s.press("enter")
		s.until("the preset in use", func(a *app) bool { return a.stage.Lanes[0].Settings.Steps == 12 && a.stage.Done })
		s.until("its result in the gallery", func(a *app) bool { return len(a.gallery.Entries) == 2 && drawnAll(a) })
		s.press("g", "left", "s")
		s.until("one picture saved", func(a *app) bool { return a.note == "Saved "+filepath.Join(folder, "sample-0-0000-2.png") })
		again, err := os.ReadFile(filepath.Join(folder, "sample-0-0000-2.png"))
		if err != nil {
			t.Fatal(err)
		}
		if was, err := os.ReadFile(filepath.Join(folder, "sample-0-0000.png")); err != nil || !slices.Equal(was, again) {
			t.Errorf("from the gallery comes another file: %v", err)
		}
		s.press("esc")
		s.look(func(a *app) { a.Folder = filepath.Join(folder, "run-0.gif") })
		for _, key := range []string{"s", "S"} {
			s.look(func(a *app) { a.say("") })
			s.press(key)
			s.until("that a file is no folder", func(a *app) bool { return a.isError && strings.Contains(a.note, "run-0.gif") })
		}
		left, err := filepath.Glob(filepath.Join(folder, ".*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// The record of a run whose settings were changed repeats the run.
func TestRecordOfSteeredRun(t *testing.T) {
	s := begin(t, 80, 24, nil)
	s.look(func(a *app) {
		a.scrub(5)
		change(a, func(s *schedule.Settings) { s.Temperature = constant(0.3) })
		a.branch()
	})
	s.until("the branch", func(a *app) bool { return a.stage.Shown == 12 && a.stage.Done && drawnAll(a) })
	var record sampler.Record
	var want []uint16
	var prior *sampler.Prior
	s.look(func(a *app) {
		if marks := a.stage.Lanes[0].Marks; !slices.Equal(marks, []int{6}) {
			t.Errorf("the change is marked at steps %v, and took effect at 6", marks)
		}
		shots := a.shots()
		var err error
		if record, err = sampler.ParseRecord(shots[0].Texts(a.Model)[0].Value); err != nil {
			t.Error(err)
		}
		want = shots[0].At(12).Tokens()
		prior = a.Prior
	})
	settings, err := record.Settings(prior.Classes)
	if err != nil {
		t.Fatal(err)
	}
	run, err := prior.Start(sampler.Start{N: 1, Settings: settings, From: sampler.Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	for !run.Done() {
		if _, err := run.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(run.At(12).Tokens[0], want) {
		t.Errorf("the settings in the file, %s, make another picture", record.Temperature)
	}
}

func TestAnimationSteps(t *testing.T) {
	if got := animationSteps(3); !slices.Equal(got, []int{0, 1, 2, 3}) {
		t.Errorf("of 3 steps %v", got)
	}
	got := animationSteps(500)
	if len(got) != animationFrames || got[0] != 0 || got[animationFrames-1] != 500 || !slices.IsSorted(got) {
		t.Errorf("of 500 steps %v", got)
	}
}
