package loop

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"sundae/sampler"
	"sundae/sampler/schedule"
)

// sampling is the goroutine that owns the runs.
type sampling struct {
	prior *sampler.Prior
	tell  func(Event)

	run           int
	lanes         []*sampler.Run
	used          [][]schedule.Settings // by lane: the settings of every step taken here
	playing, once bool
	ended         bool
}

func (s *sampling) work(ctx context.Context, orders inbox[func(*sampling)]) {
	for {
		var todo []func(*sampling)
		if s.busy() {
			todo = orders.now()
		} else {
			var err error
			if todo, err = orders.take(ctx); err != nil {
				return
			}
		}
		for _, order := range todo {
			s.guarded(func() { order(s) })
		}
		if s.busy() {
			s.guarded(func() { s.step(ctx) })
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// guarded keeps the loop alive when work panics: that is reported like any other failure.
func (s *sampling) guarded(work func()) {
	defer func() {
		if fault := recover(); fault != nil {
			s.playing, s.once = false, false
			s.tell(Failed{"sample", panicError(fault)})
		}
	}()
	work()
}

// busy reports whether there is a step to take.
func (s *sampling) busy() bool { return (s.playing || s.once) && len(s.lanes) > 0 && !s.done() }

func (s *sampling) done() bool {
	for _, lane := range s.lanes {
		if !lane.Done() {
			return false
		}
	}
	return true
}

// step takes one step of every lane that has one left.
func (s *sampling) step(ctx context.Context) {
	s.once = false
	for i, lane := range s.lanes {
		if lane.Done() {
			continue
		}
		settings := lane.Settings()
		stats, err := lane.Step(ctx)
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			s.playing = false
			s.tell(Failed{"sample", err})
			return
		}
		n := len(s.used[i])
		changed := n > 0 && !reflect.DeepEqual(s.used[i][n-1], settings)
		s.used[i] = append(s.used[i], settings)
		s.tell(Stepped{Run: s.run, Lane: i, Stats: stats, Frame: lane.At(lane.Len() - 1), Changed: changed})
	}
	s.tellEnd()
}

func (s *sampling) tellEnd() {
	if s.done() && !s.ended {
		s.ended = true
		s.tell(Ended{s.run})
	}
}

func (s *sampling) start(run int, starts []sampler.Start, play bool) {
	lanes := make([]*sampler.Run, len(starts))
	for i, start := range starts {
		var err error
		if lanes[i], err = s.prior.Start(start); err != nil {
			s.tell(Failed{"start a run", err})
			return
		}
	}
	s.begin(run, lanes, make([][]schedule.Settings, len(lanes)), play)
}

func (s *sampling) branch(run, step int, settings []schedule.Settings, play bool) {
	if len(settings) != len(s.lanes) {
		return // it was meant for an earlier run
	}
	lanes := make([]*sampler.Run, len(s.lanes))
	used := make([][]schedule.Settings, len(s.lanes))
	for i, lane := range s.lanes {
		var err error
		steps := min(step, lane.Len()-1)
		taken := max(0, steps-(lane.Len()-1-len(s.used[i]))) // those of them that were taken here
		used[i] = slices.Clone(s.used[i][:taken])
		// A lane that ended earlier branches at its end.
		if lanes[i], err = lane.Branch(steps, settings[i]); err != nil {
			s.tell(Failed{"branch", err})
			return
		}
	}
	s.begin(run, lanes, used, play)
}

func (s *sampling) begin(run int, lanes []*sampler.Run, used [][]schedule.Settings, play bool) {
	s.run, s.lanes, s.used, s.playing, s.once, s.ended = run, lanes, used, play, false, false
	started := Started{Run: run}
	for _, lane := range lanes {
		frames := make([]sampler.Frame, lane.Len())
		for step := range frames {
			frames[step] = lane.At(step)
		}
		started.Frames = append(started.Frames, frames)
	}
	s.tell(started)
	s.tellEnd()
}

func (s *sampling) set(lane int, settings schedule.Settings) {
	if lane >= len(s.lanes) {
		return
	}
	if err := s.lanes[lane].Set(settings); err != nil {
		s.tell(Failed{"change the settings", err})
		return
	}
	if s.ended && !s.done() { // it has more steps now, or its samples are no longer frozen
		s.ended = false
		s.tell(Revived{s.run, s.playing})
	}
	s.tellEnd() // it may have fewer steps now than it has taken
}
