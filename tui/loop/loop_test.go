package loop

import (
	"context"
	"errors"
	"image"
	"slices"
	"strings"
	"testing"
	"time"

	"sundae/decoder"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// open returns a loop over the test bundle, and settings of 12 steps.
func open(t *testing.T) (*Loop, schedule.Settings) {
	t.Helper()
	b := bundletest.Bundle(t)
	prior, err := sampler.Open(b, orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := decoder.Open(b, orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	l := New(prior, pictures)
	t.Cleanup(func() { l.Close(); prior.Close(); pictures.Close() })
	s, err := sampler.Recommended(b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	s.Steps, s.Freeze = 12, schedule.FreezeOff
	return l, s
}

// until reads events up to and including the first one that enough accepts.
func until(t *testing.T, l *Loop, enough func(Event) bool) []Event {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var all []Event
	for {
		news, err := l.Next(ctx)
		if err != nil {
			t.Fatalf("%v after %d events: %v", err, len(all), all)
		}
		for _, e := range news {
			if f, failed := e.(Failed); failed && !enough(e) {
				t.Fatalf("%s: %v", f.Doing, f.Err)
			}
			if all = append(all, e); enough(e) {
				return all
			}
		}
	}
}

func is[T any](e Event) bool { _, ok := e.(T); return ok }

// Two lanes take their steps in turn, with the same results as the sampler alone.
func TestLanesStepTogether(t *testing.T) {
	l, s := open(t)
	cold := s
	cold.Temperature = schedule.Schedule{Start: 0.5, End: 0.5, Curve: schedule.Constant}
	l.Start([]sampler.Start{{N: 2, Settings: s, From: sampler.Noise{}}, {N: 1, Settings: cold, From: sampler.Noise{}}}, true)
	var order []int
	var last [2]sampler.Frame
	for _, e := range until(t, l, is[Ended]) {
		if step, ok := e.(Stepped); ok {
			order = append(order, 100*step.Stats.Step+step.Lane)
			last[step.Lane] = step.Frame
		}
	}
	if !slices.IsSorted(order) || len(order) != 24 {
		t.Errorf("steps came as %v", order)
	}
	if slices.Equal(last[0].Tokens[0], last[1].Tokens[0]) {
		t.Error("two temperatures gave the same tokens")
	}
	l.Start([]sampler.Start{{N: 1, Settings: cold, From: sampler.Noise{}}}, true)
	for _, e := range until(t, l, is[Ended]) {
		if step, ok := e.(Stepped); ok && step.Stats.Step == 12 && !slices.Equal(step.Frame.Tokens[0], last[1].Tokens[0]) {
			t.Error("a lane alone gives other tokens")
		}
	}
}

// While paused only single steps are taken; changed settings apply from the next step on; a branch shares its past.
func TestSteering(t *testing.T) {
	l, s := open(t)
	l.Start([]sampler.Start{{N: 1, Settings: s, From: sampler.Noise{}}}, false)
	until(t, l, is[Started])
	var frames []sampler.Frame
	for range 3 {
		l.Step()
		events := until(t, l, is[Stepped])
		frames = append(frames, events[len(events)-1].(Stepped).Frame)
	}
	changed := s
	changed.Temperature = schedule.Schedule{Start: 0.25, End: 0.25, Curve: schedule.Constant}
	l.Set(0, changed)
	l.Step()
	events := until(t, l, is[Stepped])
	if last := events[len(events)-1].(Stepped); last.Stats.Step != 4 || last.Stats.Temperature != 0.25 || !last.Changed {
		t.Errorf("step %d at temperature %g, changed %t, want step 4 at 0.25", last.Stats.Step, last.Stats.Temperature, last.Changed)
	}
	run := l.Branch(2, []schedule.Settings{s}, true)
	events = until(t, l, is[Ended])
	started := events[0].(Started)
	if started.Run != run || len(started.Frames[0]) != 3 || !slices.Equal(started.Frames[0][2].Tokens[0], frames[1].Tokens[0]) {
		t.Errorf("the branch begins with %d frames", len(started.Frames[0]))
	}
	if again := events[1].(Stepped); again.Stats.Step != 3 || !slices.Equal(again.Frame.Tokens[0], frames[2].Tokens[0]) {
		t.Error("a branch with the same settings went another way")
	}
	bad := s
	bad.Steps = 0
	l.Set(0, bad)
	until(t, l, is[Failed])
	l.Start([]sampler.Start{{N: 1, Settings: s, From: sampler.Noise{}}}, true)
	until(t, l, is[Ended])
}

// The sampler decides when a run has ended: more steps revive it, fewer steps end it.
func TestSettingsEndAndRevive(t *testing.T) {
	l, s := open(t)
	run := l.Start([]sampler.Start{{N: 1, Settings: s, From: sampler.Noise{}}}, true)
	until(t, l, is[Ended])
	longer := s
	longer.Steps = 14
	l.Set(0, longer)
	events := until(t, l, is[Ended])
	if revived, ok := events[0].(Revived); !ok || revived.Run != run || !revived.Playing || len(events) != 4 {
		t.Errorf("two more steps give %d events, the first is %+v", len(events), events[0])
	}
	l.Play(false)
	longer.Steps = 20
	l.Set(0, longer)
	until(t, l, is[Revived])
	l.Set(0, s)
	until(t, l, is[Ended])
}

// Every place gets images even when new wants keep arriving, and the same image again from the cache.
func TestShow(t *testing.T) {
	l, s := open(t)
	l.Start([]sampler.Start{{N: 3, Settings: s, From: sampler.Noise{}}}, true)
	seen := map[int]bool{}
	var final sampler.Frame
	want := func(step int, f sampler.Frame) (wants []Want) {
		for i, tokens := range f.Tokens {
			wants = append(wants, Want{Key{1, 0, i, step}, tokens})
		}
		return wants
	}
	until(t, l, func(e Event) bool {
		switch e := e.(type) {
		case Stepped:
			final = e.Frame
			l.Show(want(e.Stats.Step, e.Frame))
		case Decoded:
			seen[e.Sample] = true
		}
		return len(seen) == 3
	})
	l.Show(want(99, final))
	var first *image.RGBA
	until(t, l, func(e Event) bool {
		d, ok := e.(Decoded)
		if ok && d.Step == 99 && d.Sample == 0 {
			first = d.Picture
		}
		return first != nil
	})
	l.Show(want(99, final)[:1])
	until(t, l, func(e Event) bool { d, ok := e.(Decoded); return ok && d.Sample == 0 && d.Picture == first })
	l.Encode(first)
	events := until(t, l, is[Encoded])
	if e := events[len(events)-1].(Encoded); len(e.Tokens) != len(final.Tokens[0]) || !slices.Equal(e.Picture.Pix, first.Pix) {
		t.Error("a picture of the model's own size was changed")
	}
}

// Requested images come after those for the screen, and a caller that stopped waiting blocks nothing.
func TestPicture(t *testing.T) {
	l, s := open(t)
	l.Start([]sampler.Start{{N: 1, Settings: s, From: sampler.Noise{}}}, true)
	var tokens []uint16
	for _, e := range until(t, l, is[Ended]) {
		if step, ok := e.(Stepped); ok {
			tokens = step.Frame.Tokens[0]
		}
	}
	gone, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Picture(gone, Want{Tokens: tokens}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait gave %v", err)
	}
	l.Show([]Want{{Key{1, 0, 0, 12}, tokens}})
	saved, err := l.Picture(t.Context(), Want{Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	shown := until(t, l, is[Decoded])
	if !slices.Equal(saved.Pix, shown[len(shown)-1].(Decoded).Picture.Pix) {
		t.Error("the picture saved differs from the one shown")
	}
	if again, err := l.Picture(t.Context(), Want{Key: Key{1, 0, 0, 12}}); err != nil || again != shown[len(shown)-1].(Decoded).Picture {
		t.Errorf("a picture on screen was decoded again: %v", err)
	}
}

// A panic in a model is reported, and the loop and waiting callers continue.
func TestPanicsAreNews(t *testing.T) {
	l, s := open(t)
	l.orders.put(func(*sampling) { panic("a broken sampler") })
	failed := until(t, l, is[Failed])[0].(Failed)
	if text := failed.Err.Error(); !strings.Contains(text, "a broken sampler") || !strings.Contains(text, "TestPanicsAreNews") {
		t.Errorf("the fault is reported as %q", text)
	}
	l.wants.put(func(d *decoding) { d.pictures = nil })
	if _, err := l.Picture(t.Context(), Want{Tokens: make([]uint16, 64)}); err == nil {
		t.Error("a decoder that is not there gave a picture")
	}
	until(t, l, is[Failed])
	l.Start([]sampler.Start{{N: 1, Settings: s, From: sampler.Noise{}}}, true)
	until(t, l, is[Ended])
}
