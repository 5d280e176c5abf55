package tui

import (
	"strings"
	"testing"
	"time"

	"sundae/sampler"
	"sundae/tui/graphics"
	"sundae/tui/loop"
)

// After the first step of a slow model the app says how long the run would take, and waits. A fast one runs on, and so
// does a slow one that the user has started again.
func TestLongRunWaits(t *testing.T) {
	for _, c := range []struct {
		took  time.Duration
		waits bool
	}{{4 * time.Second, true}, {900 * time.Millisecond, false}} {
		o := options(t)
		o.Settings.Steps = 100
		screen := alternate(nowhere{})
		a := newApp(t.Context(), o, graphics.NewDriver(o.Terminal), screen)
		t.Cleanup(func() { a.close(); screen.End() })
		frame := sampler.Frame{Tokens: [][]uint16{make([]uint16, o.Model.Latent.Tokens())}}
		step := func(n int) {
			a.happened(loop.Stepped{Stats: sampler.Stats{Step: n, Steps: 100, Took: c.took, Changed: []int{1}}, Frame: frame})
		}
		a.stage.Playing = true
		a.happened(loop.Started{Frames: [][]sampler.Frame{{frame}}})
		step(1)
		if a.stage.Playing == c.waits {
			t.Errorf("after a step of %v the run is playing: %t", c.took, a.stage.Playing)
		}
		if !c.waits {
			continue
		}
		if want := "A step takes 4.0s, the 99 left about 6m36s"; !strings.Contains(a.note, want) {
			t.Errorf("the note is %q, want %q", a.note, want)
		}
		if costs := strings.Join(a.costs(), " "); !strings.Contains(costs, "6m36s") {
			t.Errorf("the status line %q does not say how long the rest takes", costs)
		}
		a.stage.Play(true)
		if step(2); !a.stage.Playing {
			t.Error("the run waits again")
		}
	}
}
