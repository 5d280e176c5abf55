package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"sundae/tui/graphics"
)

// Screen is the terminal as the program writes it; see the package comment. It is off, and takes no images, until
// Bubble Tea has entered the alternate screen. Its methods may be called from any goroutine.
type Screen struct {
	out     io.ReadWriteCloser
	fd      uintptr
	goodbye func() []byte // the bytes that remove every image
	lost    func(error)   // called once when the terminal can no longer be written

	mu      sync.Mutex
	changed *sync.Cond // signals a change of the queue or of a flag below
	queue   []piece
	queued  int  // bytes
	leaving bool // nothing may wait for the terminal any more
	ending  bool // no more pieces will be queued
	err     error

	off       bool // the alternate screen is not shown
	overlays  map[int]*overlay
	covered   bool // other text is shown where the images are
	stale     int  // how many more frames may overwrite an image
	pixels    bool // the mouse reports pixels
	bandwidth bandwidth
}

// piece is written in one go.
type piece struct {
	data    []byte
	written chan error // nil if nobody waits
}

// overlay is an image over text cells.
type overlay struct {
	data, draw, erase []byte
	cells             graphics.Rect
	sent              bool // the terminal has the data
}

// show returns the bytes that show the image, preceded by its data if the terminal needs it.
func (o *overlay) show() []byte {
	if o.sent {
		return o.draw
	}
	o.sent = true
	return append(bytes.Clone(o.data), o.draw...)
}

// hide returns the bytes that remove the image and blank its cells. Bubble Tea takes these cells for blank already and
// would not write them.
func (o *overlay) hide() []byte {
	out := append(bytes.Clone(o.erase), "\x1b7\x1b[m"...)
	for y := range o.cells.Rows {
		out = fmt.Appendf(out, "\x1b[%d;%dH\x1b[%dX", o.cells.Y+y+1, o.cells.X+1, o.cells.Cols)
	}
	return append(out, "\x1b8"...)
}

// longestQueue is the size of the queue in bytes, several full screens, from which Bubble Tea waits for the terminal.
const longestQueue = 4 << 20

// closingTime bounds the last writes and reads: a terminal that is gone takes and gives nothing.
const closingTime = time.Second

// pollInterval is how often conditions without a signal of their own are checked.
const pollInterval = 10 * time.Millisecond

// framesInFlight is how many frames may come until a change made now is on screen: the one that Bubble Tea may be
// writing already, and the next.
const framesInFlight = 2

// The sequences by which Bubble Tea enters and leaves the alternate screen.
var enterAlternate, leaveAlternate = []byte("\x1b[?1049h"), []byte("\x1b[?1049l")

// wipe clears the whole screen, as Bubble Tea does after a change of size. Terminals then drop the images on it, kitty
// their data as well.
var wipe = []byte("\x1b[2J")

// ErrLost says that the terminal can no longer be read or written, for example because the SSH connection broke.
var ErrLost = errors.New("the terminal is gone")

var errOff = errors.New("the alternate screen is not shown")

// NewScreen starts the goroutine that writes to out; [Screen.End] ends it. The file descriptor fd tells Bubble Tea that
// this is a terminal. rtt is the measured round-trip time of a query, 0 if unknown, and limit the bytes per second that
// images may use, 0 for no limit. lost is called once, with an error that wraps [ErrLost], if writing fails.
func NewScreen(out io.ReadWriteCloser, fd uintptr, rtt time.Duration, limit int64, lost func(error)) *Screen {
	s := &Screen{
		out: out, fd: fd, lost: lost, off: true,
		goodbye:  func() []byte { return nil },
		overlays: map[int]*overlay{}, bandwidth: bandwidth{limit: limit, rtt: rtt},
	}
	s.changed = sync.NewCond(&s.mu)
	go s.drain()
	return s
}

// Read reads from the terminal.
func (s *Screen) Read(p []byte) (int, error) { return s.out.Read(p) }

// Close leaves the terminal open: it is the caller's.
func (s *Screen) Close() error { return nil }

// Fd tells Bubble Tea that this is a terminal.
func (s *Screen) Fd() uintptr { return s.fd }

// Write queues one of Bubble Tea's frames.
func (s *Screen) Write(frame []byte) (int, error) {
	leaves := bytes.Contains(frame, leaveAlternate)
	var goodbye []byte
	if leaves {
		goodbye = s.goodbye()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued > longestQueue && !s.leaving && s.err == nil {
		s.changed.Wait()
	}
	if s.err != nil {
		return 0, s.err
	}
	switch {
	case leaves:
		s.off = true
		if s.pixels {
			s.add(piece{data: []byte(ansi.ResetModeMouseExtSgrPixel)})
			s.pixels = false
		}
		s.add(piece{data: goodbye})
	case bytes.Contains(frame, enterAlternate):
		s.off = false
	}
	// Leaving a screen that has grown meanwhile: tmux would wrap its long lines into the shell's text, so wipe it first.
	s.add(piece{data: bytes.Replace(frame, leaveAlternate, slices.Concat(wipe, leaveAlternate), 1)})
	wiped := bytes.Contains(frame, wipe)
	if wiped {
		for _, o := range s.overlays {
			o.sent = false
		}
	}
	if (s.stale > 0 || wiped) && !s.covered && !s.off {
		s.stale = max(0, s.stale-1)
		for _, o := range s.overlays {
			s.add(piece{data: o.show()})
		}
	}
	if leaves {
		s.flush() // Bubble Tea restores the terminal's modes next
	}
	return len(frame), nil
}

// SetPixelMouse makes the mouse report pixels, counted from 0 at the top left, or cells as it does at first.
func (s *Screen) SetPixelMouse(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on == s.pixels || s.off:
		return
	case on:
		s.add(piece{data: []byte(ansi.SetModeMouseExtSgrPixel)})
	default: // in xterm the two modes exclude each other
		s.add(piece{data: []byte(ansi.ResetModeMouseExtSgrPixel + ansi.SetModeMouseExtSgr)})
	}
	s.pixels = on
}

// PixelMouse reports whether the mouse reports pixels.
func (s *Screen) PixelMouse() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pixels
}

// flush waits until everything is written, at most closingTime. The caller holds the lock.
func (s *Screen) flush() {
	late := false
	timer := time.AfterFunc(closingTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	for s.queued > 0 && s.err == nil && !late {
		s.changed.Wait()
	}
}

// add queues a piece. The caller holds the lock.
func (s *Screen) add(p piece) {
	if len(p.data) == 0 || s.err != nil {
		if p.written != nil {
			p.written <- s.err
		}
		return
	}
	s.queue = append(s.queue, p)
	s.queued += len(p.data)
	s.changed.Broadcast()
}

// drain writes the queue until End.
func (s *Screen) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.queue) == 0 && !s.ending {
			s.changed.Wait()
		}
		if len(s.queue) == 0 || s.err != nil {
			return
		}
		p := s.queue[0]
		s.queue = s.queue[1:]
		data := p.data
		if s.bandwidth.ask(len(data), time.Now()) {
			data = append(data[:len(data):len(data)], query...)
		}
		s.mu.Unlock()
		_, err := s.out.Write(data)
		if p.written != nil {
			p.written <- err
		}
		s.mu.Lock()
		s.queued -= len(p.data)
		if err != nil {
			s.err = fmt.Errorf("%w: %w", ErrLost, err)
			s.lost(s.err)
			for _, p := range s.queue {
				if p.written != nil {
					p.written <- s.err
				}
			}
			s.queue, s.queued = nil, 0
		}
		s.changed.Broadcast()
	}
}

// Leave makes nothing wait for the terminal any more. The app is about to end and still writes its last frames.
func (s *Screen) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.changed.Broadcast()
}

// End writes what is queued, at most closingTime, and ends the writing goroutine.
func (s *Screen) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving, s.ending = true, true
	s.changed.Broadcast()
	s.flush()
}

// Touch has the images redrawn, because the cells under them are about to be written.
func (s *Screen) Touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = framesInFlight
}

// Clear removes all images: the app is about to place others.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hideAll()
	clear(s.overlays)
	s.stale = framesInFlight
}

// Cover says whether other text is shown in the place of the images.
func (s *Screen) Cover(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on == s.covered {
		return
	}
	s.covered = on
	if on {
		s.hideAll()
	}
	s.stale = framesInFlight
}

func (s *Screen) hideAll() {
	for _, o := range s.overlays {
		s.add(piece{data: o.hide()})
	}
}

// transmit sends an image's data, which shows nothing by itself, and waits until it is written.
func (s *Screen) transmit(ctx context.Context, data []byte) error {
	return s.send(ctx, func() []byte { return data })
}

// draw puts an image over the cells of a slot and waits until it is written. Data and placement are one piece, so that
// the screen cannot be wiped between them.
func (s *Screen) draw(ctx context.Context, slot int, o overlay) error {
	return s.send(ctx, func() []byte {
		if old, ok := s.overlays[slot]; ok && old.cells != o.cells && !s.covered {
			s.add(piece{data: old.hide()})
		}
		s.overlays[slot] = &o
		if s.covered {
			return nil
		}
		return o.show()
	})
}

// send queues the bytes that data returns and waits until they are written or the context ends: a terminal that takes
// nothing must not block the end of the app.
func (s *Screen) send(ctx context.Context, data func() []byte) error {
	written := make(chan error, 1)
	s.mu.Lock()
	if s.off {
		written <- errOff
	} else {
		s.add(piece{data(), written})
	}
	s.mu.Unlock()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Answered records the terminal's answer to the query after a large piece.
func (s *Screen) Answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bandwidth.answered(time.Now())
	s.changed.Broadcast()
}

// Quiet stops the queries and waits for the pending answer: one that came after the app has ended would be typed into
// the shell.
func (s *Screen) Quiet() {
	s.mu.Lock()
	s.bandwidth.silent = true
	s.mu.Unlock()
	for end := time.Now().Add(closingTime); time.Now().Before(end); time.Sleep(pollInterval) {
		s.mu.Lock()
		pending := s.bandwidth.pending(time.Now())
		s.mu.Unlock()
		if !pending {
			return
		}
	}
}

// ready waits until the alternate screen is shown, since images on the other one would stay behind, and until the
// terminal has processed the image before, so that only one is ever on its way. It returns false if the context ended
// first.
func (s *Screen) ready(ctx context.Context) bool {
	for {
		s.mu.Lock()
		wait := s.off || s.bandwidth.pending(time.Now())
		s.mu.Unlock()
		if !wait {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pollInterval):
		}
	}
}

// pace waits until so many bytes, which took some time already, are within the user's limit.
func (s *Screen) pace(ctx context.Context, bytes int, took time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(s.bandwidth.atLimit(bytes) - took):
	}
}

// firstScale is the scale of the first image's sides, up to 1.
func (s *Screen) firstScale() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bandwidth.firstScale()
}

// budgets are the largest images in bytes: while others follow, and when none does. They are 0 while nothing is known.
func (s *Screen) budgets() (sequence, still int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bandwidth.sequenceBudget(), s.bandwidth.stillBudget()
}
