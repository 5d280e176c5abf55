// Package loop runs a model for someone who watches: one goroutine samples and
// one decodes, and neither waits for the other or for the screen. Each works on
// the newest thing asked of it. Everything here returns at once but [Loop.Next],
// which waits for news, [Loop.Picture], which waits for a picture, and [Loop.Close].
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

// Event is one piece of news: Started, Stepped, Ended, Decoded, Encoded or Failed.
type Event any

// Started says that lanes begin, with what each begins from: the frames up to
// where it goes on, of which the first is step 0.
type Started struct {
	Run    int // counts up; events of an earlier run may still be under way
	Frames [][]sampler.Frame
}

// Stepped is one step of one lane.
type Stepped struct {
	Run, Lane int
	Stats     sampler.Stats
	Frame     sampler.Frame
	Changed   bool // with other settings than the step before
}

// Ended says that no lane of the run has a step left.
type Ended struct{ Run int }

// Key names one picture of a run.
type Key struct{ Run, Lane, Sample, Step int }

// Want asks for a picture.
type Want struct {
	Key
	Tokens []uint16
}

// Decoded is a picture that was asked for.
type Decoded struct {
	Key
	Picture *image.RGBA // not to be written to
	Took    time.Duration
}

// Encoded answers Encode: a picture as the model knows it.
type Encoded struct {
	Picture *image.RGBA // fitted to the model's size
	Tokens  []uint16
}

// Failed says what went wrong; the loop goes on.
type Failed struct {
	Doing string
	Err   error
}

// Loop owns a prior's and a decoder's use until it is closed.
type Loop struct {
	news     inbox[Event]
	orders   inbox[func(*sampling)]
	wants    inbox[func(*decoding)]
	stop     context.CancelFunc
	finished sync.WaitGroup

	mu  sync.Mutex
	run int
}

// New starts the two goroutines. Close ends them; it leaves prior and pictures open.
func New(prior *sampler.Prior, pictures *decoder.Decoder) *Loop {
	ctx, stop := context.WithCancel(context.Background())
	l := &Loop{news: newInbox[Event](), orders: newInbox[func(*sampling)](), wants: newInbox[func(*decoding)](), stop: stop}
	l.finished.Go(func() { (&sampling{prior: prior, tell: l.news.put}).work(ctx, l.orders) })
	l.finished.Go(func() {
		(&decoding{pictures: pictures, tell: l.news.put, last: map[place]int{}}).work(ctx, l.wants)
	})
	return l
}

// Close stops sampling and decoding and waits for both.
func (l *Loop) Close() {
	l.stop()
	l.finished.Wait()
}

// Next waits for news and returns all there is, in order.
func (l *Loop) Next(ctx context.Context) ([]Event, error) { return l.news.take(ctx) }

// Start drops what runs and begins new lanes, playing or paused. It returns the
// run's number.
func (l *Loop) Start(lanes []sampler.Start, play bool) int {
	run := l.next()
	l.orders.put(func(s *sampling) { s.start(run, lanes, play) })
	return run
}

// Branch goes back to a step and on from there, each lane with its settings.
// The steps before are shared. It returns the new run's number.
func (l *Loop) Branch(step int, settings []schedule.Settings, play bool) int {
	run := l.next()
	l.orders.put(func(s *sampling) { s.branch(run, step, settings, play) })
	return run
}

// Set changes a lane's settings from its next step on.
func (l *Loop) Set(lane int, settings schedule.Settings) {
	l.orders.put(func(s *sampling) { s.set(lane, settings) })
}

// Play goes on, or pauses after the step under way.
func (l *Loop) Play(on bool) {
	l.orders.put(func(s *sampling) { s.playing = on })
}

// Step takes one step of every lane and pauses.
func (l *Loop) Step() {
	l.orders.put(func(s *sampling) { s.playing, s.once = false, true })
}

// Show asks for pictures; those asked for before and not yet decoded are forgotten.
func (l *Loop) Show(wants []Want) {
	l.wants.put(func(d *decoding) { d.wants = wants })
}

// Encode turns any picture into tokens, beside what else is decoded.
func (l *Loop) Encode(picture image.Image) {
	l.wants.put(func(d *decoding) { d.encode = picture })
}

// Picture waits for one picture, to save it rather than to show it: those wanted on
// screen come first, but not for ever. It is not to be written to. After Close only the
// context ends the wait.
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

// faulty makes an error of what a panic left, in one line: what, and where.
func faulty(fault any) error {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	panicked := false
	for frame, more := frames.Next(); more; frame, more = frames.Next() {
		if panicked && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Errorf("internal fault in %s, line %d: %v", frame.Function, frame.Line, fault)
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
	}
	return fmt.Errorf("internal fault: %v", fault)
}

func (l *Loop) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run++
	return l.run
}
