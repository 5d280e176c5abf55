// Package loop runs a model for an interactive program: one goroutine samples and one decodes, and neither waits for the
// other or for the screen. Each works on the newest thing it was asked for.
//
// Every method returns at once except [Loop.Next], which waits for events, [Loop.Picture], which waits for an image, and
// [Loop.Close].
package loop

import (
	"context"
	"fmt"
	"image"
	"runtime"
	"strings"
	"sync"
	"time"

	"sundae/decoder"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Event is one of Started, Stepped, Ended, Revived, Decoded, Encoded and Failed.
type Event any

// Started says that the lanes of a run begin. Each has the frames up to the step after which it continues, from step 0.
type Started struct {
	Run    int // increases; events of an earlier run may still arrive
	Frames [][]sampler.Frame
}

// Stepped is one step of one lane.
type Stepped struct {
	Run, Lane int
	Stats     sampler.Stats
	Frame     sampler.Frame
	Changed   bool // the settings differ from those of the step before
}

// Ended says that no lane of the run has a step left.
type Ended struct{ Run int }

// Revived says that a run that had ended has steps left again, because its settings changed.
type Revived struct {
	Run     int
	Playing bool
}

// Key identifies one image of a run.
type Key struct{ Run, Lane, Sample, Step int }

// Want asks for an image to be decoded.
type Want struct {
	Key
	Tokens []uint16
}

// Decoded is an image that Show asked for.
type Decoded struct {
	Key
	Picture *image.RGBA // not to be written to
	Took    time.Duration
}

// Encoded is the result of Encode: an image as the model represents it.
type Encoded struct {
	Picture *image.RGBA // scaled and cropped to the model's size
	Tokens  []uint16
}

// Failed says what went wrong. The loop continues.
type Failed struct {
	Doing string
	Err   error
}

// Loop has exclusive use of a prior and a decoder until it is closed.
type Loop struct {
	news     inbox[Event]
	orders   inbox[func(*sampling)]
	wants    inbox[func(*decoding)]
	stop     context.CancelFunc
	finished sync.WaitGroup

	mu  sync.Mutex
	run int
}

// New starts the two goroutines. Close ends them; prior and pictures stay the caller's to close.
func New(prior *sampler.Prior, pictures *decoder.Decoder) *Loop {
	ctx, stop := context.WithCancel(context.Background())
	l := &Loop{news: newInbox[Event](), orders: newInbox[func(*sampling)](), wants: newInbox[func(*decoding)](), stop: stop}
	l.finished.Go(func() { (&sampling{prior: prior, tell: l.news.put}).work(ctx, l.orders) })
	l.finished.Go(func() {
		(&decoding{pictures: pictures, tell: l.news.put, last: map[place]int{}}).work(ctx, l.wants)
	})
	return l
}

// Close stops sampling and decoding and waits until both have ended.
func (l *Loop) Close() {
	l.stop()
	l.finished.Wait()
}

// Next waits for events and returns all there are, in order.
func (l *Loop) Next(ctx context.Context) ([]Event, error) { return l.news.take(ctx) }

// Start replaces the run by a new one, playing or paused, and returns its number.
func (l *Loop) Start(lanes []sampler.Start, play bool) int {
	run := l.next()
	l.orders.put(func(s *sampling) { s.start(run, lanes, play) })
	return run
}

// Branch replaces the run by one that continues from a step of it, each lane with the given settings. It returns the new
// run's number.
func (l *Loop) Branch(step int, settings []schedule.Settings, play bool) int {
	run := l.next()
	l.orders.put(func(s *sampling) { s.branch(run, step, settings, play) })
	return run
}

// Set changes the settings of a lane from its next step on.
func (l *Loop) Set(lane int, settings schedule.Settings) {
	l.orders.put(func(s *sampling) { s.set(lane, settings) })
}

// Play continues, or pauses after the current step.
func (l *Loop) Play(on bool) {
	l.orders.put(func(s *sampling) { s.playing = on })
}

// Step takes one step of every lane and pauses.
func (l *Loop) Step() {
	l.orders.put(func(s *sampling) { s.playing, s.once = false, true })
}

// Show asks for images. It replaces the images asked for before and not yet decoded.
func (l *Loop) Show(wants []Want) {
	l.wants.put(func(d *decoding) { d.wants = wants })
}

// Encode turns any image into tokens. It goes before what is to be decoded.
func (l *Loop) Encode(picture image.Image) {
	l.wants.put(func(d *decoding) { d.encode = picture })
}

// Picture waits for one image, for example to save it. Images for the screen come first, but cannot delay it forever. The
// image must not be written to. After Close only the context ends the wait.
func (l *Loop) Picture(ctx context.Context, want Want) (*image.RGBA, error) {
	r := request{ctx, want, make(chan answer, 1)}
	l.wants.put(func(d *decoding) { d.requests = append(d.requests, r) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-r.answer:
		return a.picture, a.err
	}
}

// panicError turns a recovered panic into an error of one line: what happened, and where.
func panicError(fault any) error {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	panicked := false
	for frame, more := frames.Next(); more; frame, more = frames.Next() {
		if panicked && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Errorf("internal error in %s, line %d: %v", frame.Function, frame.Line, fault)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
	}
	return fmt.Errorf("internal error: %v", fault)
}

func (l *Loop) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run++
	return l.run
}
