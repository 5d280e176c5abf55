package tui

import (
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/bundle"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/session"
)

// A run to its end, scrubbing through it, and a branch from the middle.
func TestExplore(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		s.golden("explore-done")
		var end [][]uint16
		s.look(func(a *app) { end = a.stage.Lanes[0].Frame(12).Tokens })

		s.press("[", "[", "[")
		s.until("step 9 on screen", func(a *app) bool { return a.stage.Shown == 9 && drawnAll(a) })
		s.golden("explore-back")
		s.press("home")
		s.until("the noise on screen", func(a *app) bool { return a.stage.Shown == 0 && drawnAll(a) })
		s.press("end")
		s.until("the end on screen", func(a *app) bool { return a.stage.Shown == 12 && drawnAll(a) })

		// A branch with other settings does not change the steps before it.
		s.press("[", "[", "[", "[", "down", "down", "down", "down", "down", "down", "down", "left", "left")
		s.look(func(a *app) {
			if got := a.stage.Lanes[0].Settings.Temperature.End; got != 0.5 {
				t.Errorf("two steps down from 0.6 give an end temperature of %g", got)
			}
		})
		var middle [][]uint16
		s.look(func(a *app) { middle = a.stage.Lanes[0].Frame(8).Tokens })
		s.press("b")
		s.settled()
		s.look(func(a *app) {
			l := &a.stage.Lanes[0]
			if !slices.EqualFunc(middle, l.Frame(8).Tokens, slices.Equal) {
				t.Error("the branch changed what came before it")
			}
			if slices.EqualFunc(end, l.Frame(12).Tokens, slices.Equal) {
				t.Error("the branch ended where the first run did")
			}
			if l.Stats[11].Temperature != 0.5 {
				t.Errorf("the last step was at temperature %g, not 0.5", l.Stats[11].Temperature)
			}
		})

		// The same seed gives the same image, a new one another.
		s.press("right", "right", "r")
		s.settled()
		s.look(func(a *app) {
			if !slices.EqualFunc(end, a.stage.Lanes[0].Frame(12).Tokens, slices.Equal) {
				t.Error("the same seed and settings gave another picture")
			}
		})
		s.press("n")
		s.settled()
		s.look(func(a *app) {
			if slices.EqualFunc(end, a.stage.Lanes[0].Frame(12).Tokens, slices.Equal) {
				t.Error("a new seed gave the same picture")
			}
		})
	})
}

// While paused, steps are taken one by one; a changed setting applies from the next step on, and is marked there.
func TestSettingsChangeWhileRunning(t *testing.T) {
	s := begin(t, 80, 24, func(o *Options) { o.Settings.Steps = 400 })
	s.press("r", "space") // a run long enough to be caught on its way
	s.until("a pause", func(a *app) bool { return !a.stage.Playing })
	s.press(".", "down", "down", "down", "down", "down", "down", "right", ".") // temperature start
	s.until("a step after the change, on screen", func(a *app) bool {
		l := &a.stage.Lanes[0]
		return len(l.Marks) == 1 && drawnAll(a) && len(l.Stats) < 400
	})
	s.look(func(a *app) {
		l := &a.stage.Lanes[0]
		at := l.Marks[0]
		if before, after := l.Stats[at-2].Temperature, l.Stats[at-1].Temperature; before > 1 || after <= 1 {
			t.Errorf("the change is marked at step %d, where the temperature went from %g to %g", at, before, after)
		}
	})
}

// Marks are painted on the image before it is encoded.
func TestTokenView(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		text := func() (text string) {
			s.look(func(a *app) { text = a.tiles[0].shown.Frame.Text })
			return text
		}
		plainly := text()
		s.press("t")
		s.until("the changed tokens", func(a *app) bool { return a.look == changedTokens && a.tiles[0].shown.Frame.Text != plainly })
		s.golden("tokens-changed")
		changed := text()
		s.press("c")
		s.until("the confidence", func(a *app) bool {
			return a.look == confidence && a.tiles[0].shown.Frame.Text != changed && a.tiles[0].shown.Frame.Text != plainly
		})
		s.golden("confidence")
		s.press("c")
		s.until("the plain picture", func(a *app) bool { return a.look == plain && a.tiles[0].shown.Frame.Text == plainly })
	})
}

// Zooming shows one image alone; sizes follow the window; a window that is too small says so and recovers when it is
// enlarged.
func TestZoomAndResize(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, func(o *Options) { o.Samples = 4 })
		var small int
		s.look(func(a *app) { small = a.tiles[0].area.Rows })
		s.press("z")
		s.until("one picture", func(a *app) bool { return len(a.tiles) == 1 && a.tiles[0].area.Rows > small && drawnAll(a) })
		s.golden("zoom")
		s.press(";")
		s.until("the next picture", func(a *app) bool { return a.tiles[0].sample == 1 && drawnAll(a) })
		s.press("z")
		s.until("four pictures", func(a *app) bool { return len(a.tiles) == 4 && drawnAll(a) })

		s.tm.Send(tea.WindowSizeMsg{Width: 39, Height: 11})
		s.until("the line that says so", func(a *app) bool { return a.View().Content == "Too small: 39×11, needs 40×12" })
		s.tm.Send(tea.WindowSizeMsg{Width: 40, Height: 12})
		s.until("pictures again", func(a *app) bool { return len(a.tiles) == 4 && drawnAll(a) })
		s.golden("least")
		s.tm.Send(tea.WindowSizeMsg{Width: 250, Height: 70})
		s.until("large pictures", func(a *app) bool { return a.tiles[0].area.Rows > small && drawnAll(a) })
		s.golden("large")
	})
}

// The help lists every key, and the palette runs the command that is found.
func TestHelpAndPalette(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		s.press("?")
		s.until("the help", func(a *app) bool { return a.sheet == helpSheet })
		s.golden("help")
		s.helpIsComplete()
		s.press("esc", ":", "heat")
		s.until("one command found", func(a *app) bool { return len(a.found()) == 1 })
		s.golden("palette")
		s.press("enter")
		s.until("the confidence", func(a *app) bool { return a.look == confidence && a.sheet == noSheet })
	})
}

// No key has two meanings in one mode.
func TestKeysAreUnique(t *testing.T) {
	a := &app{stage: session.NewStage(bundle.Manifest{}, schedule.Settings{}, 1), commands: newCommands(), zoom: -1}
	for _, m := range []mode{exploring, masking, browsing} {
		a.mode = m
		taken := map[string]string{}
		for _, c := range a.commands {
			if !c.applies(a) {
				continue
			}
			for _, k := range c.keys {
				if other, ok := taken[k]; ok {
					t.Errorf("mode %d: %s means both %q and %q", m, k, other, c.help)
				}
				taken[k] = c.help
			}
		}
	}
}

// An error of the model during a run is shown, and the app continues.
func TestModelErrorIsShown(t *testing.T) {
	s := begin(t, 80, 24, nil)
	s.look(func(a *app) { a.loop.Start([]sampler.Start{{N: 0, From: sampler.Noise{}}}, true) })
	s.until("the error", func(a *app) bool { return a.isError && !a.stage.Playing })
	s.golden("error")
	s.press("r")
	s.settled()
}

// Keyframes are created, moved, added and deleted with keys.
func TestKeyframesByKeys(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		s.press("tab", "down")
		s.until("a keyframe lower", func(a *app) bool {
			got := a.stage.Lanes[0].Settings.Temperature
			return got.Curve == schedule.Keyframes && len(got.Keys) == 2 && got.Keys[0].Value == 0.98
		})
		s.press("a", "up")
		s.until("a third keyframe, moved", func(a *app) bool {
			keys := a.stage.Lanes[0].Settings.Temperature.Keys
			return len(keys) == 3 && keys[1].At == 0.5 && keys[1].Value == 0.81
		})
		s.golden("keyframes")
		s.press("delete")
		s.until("two again", func(a *app) bool { return len(a.stage.Lanes[0].Settings.Temperature.Keys) == 2 })
	})
}

// Keyframes are dragged with the mouse; the timeline is clicked.
func TestMouse(t *testing.T) {
	s := begin(t, 120, 40, nil)
	var line graphics.Rect
	var x, y int // of the last keyframe in the first plot
	s.look(func(a *app) {
		line, x = a.layout.timeline, a.layout.panel.X+a.layout.panel.Cols-2
		for probe := a.panel; !probe.Dragging(); y++ {
			probe.Click(&a.stage, a.layout.panel, x, y+1)
		}
	})
	s.tm.Send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	s.tm.Send(tea.MouseMotionMsg{X: x, Y: y + 10, Button: tea.MouseLeft})
	s.tm.Send(tea.MouseReleaseMsg{X: x, Y: y + 10})
	s.until("a colder end", func(a *app) bool {
		got := a.stage.Lanes[0].Settings.Temperature
		return got.Curve == schedule.Keyframes && got.End < 0.2 && !a.panel.Dragging()
	})
	s.tm.Send(tea.MouseClickMsg{X: line.X + line.Cols/2, Y: line.Y, Button: tea.MouseLeft})
	s.until("the middle of the run", func(a *app) bool { return a.stage.Shown == 6 })
	s.tm.Send(tea.MouseWheelMsg{X: 5, Y: 5, Button: tea.MouseWheelDown})
	s.until("a step further", func(a *app) bool { return a.stage.Shown == 7 })
}
