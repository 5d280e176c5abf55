package tui

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

// screen is the terminal as the program writes to it. Bubble Tea's frames and
// the pictures queue up here whole, so that no picture ends up in the middle of
// an escape sequence; one goroutine writes them, so that a slow line holds up
// neither keys nor sampling.
//
// Pictures that live over the cells (sixel, iTerm2, kitty placed directly) are
// remembered and drawn again after Bubble Tea has redrawn the cells under them.
// Before the alternate screen is left, for whatever reason, all pictures are
// taken off the terminal.
type screen struct {
	out      io.ReadWriteCloser
	fd       uintptr
	farewell func() []byte // the bytes that remove every picture
	lost     func(error)   // told once when the terminal takes nothing any more

	mu      sync.Mutex
	changed *sync.Cond // the queue, or one of the flags below
	queue   []piece
	queued  int  // bytes
	leaving bool // nothing may wait for the terminal any more
	ending  bool // what is queued is the last
	err     error

	off      bool // the alternate screen is left
	overlays map[int]*overlay
	covered  bool // something else shows where the pictures are
	stale    int  // so many more frames may blank a picture
	pixels   bool // the mouse tells where it is in pixels
	line     line
}

// piece is what is written in one go.
type piece struct {
	data    []byte
	written chan error // nil: nobody waits
}

// overlay is a picture over the cells, and where.
type overlay struct {
	data, draw, erase []byte
	cells             graphics.Rect
	there             bool // the terminal has the data
}

// shown gives the bytes that show the picture, its data ahead if need be.
func (o *overlay) shown() []byte {
	if o.there {
		return o.draw
	}
	o.there = true
	return append(bytes.Clone(o.data), o.draw...)
}

// longestQueue is what may wait to be written, in bytes: several full screens.
// Beyond that the terminal has stopped, and Bubble Tea waits for it.
const longestQueue = 4 << 20

// parting is how long the last bytes may take: a terminal that is gone takes none.
const parting = time.Second

func newScreen(out io.ReadWriteCloser, fd uintptr, l line) *screen {
	s := &screen{out: out, fd: fd, line: l, overlays: map[int]*overlay{}, farewell: func() []byte { return nil }, lost: func(error) {}}
	s.changed = sync.NewCond(&s.mu)
	go s.drain()
	return s
}

func (s *screen) Read(p []byte) (int, error) { return s.out.Read(p) }

// Close leaves the terminal open: it is the caller's.
func (s *screen) Close() error { return nil }

// Fd lets Bubble Tea see that this is a terminal.
func (s *screen) Fd() uintptr { return s.fd }

// What Bubble Tea writes on its way to and from the alternate screen.
var enterAlternate, leaveAlternate = []byte("\x1b[?1049h"), []byte("\x1b[?1049l")

// wipe clears the whole screen, as Bubble Tea does after a new size. Terminals
// forget the pictures on it, kitty their data as well.
var wipe = []byte("\x1b[2J")

// Write takes one of Bubble Tea's frames.
func (s *screen) Write(frame []byte) (int, error) {
	leaves := bytes.Contains(frame, leaveAlternate)
	var last []byte
	if leaves {
		last = s.farewell()
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
		s.add(piece{data: last})
	case bytes.Contains(frame, enterAlternate):
		s.off = false
	}
	// A screen that has grown meanwhile leaves nothing to come back to: tmux would
	// wrap its long lines into what the shell had on screen.
	s.add(piece{data: bytes.Replace(frame, leaveAlternate, slices.Concat(wipe, leaveAlternate), 1)})
	wiped := bytes.Contains(frame, wipe)
	if wiped {
		for _, o := range s.overlays {
			o.there = false
		}
	}
	if (s.stale > 0 || wiped) && !s.covered && !s.off {
		s.stale = max(0, s.stale-1)
		for _, o := range s.overlays {
			s.add(piece{data: o.shown()})
		}
	}
	if leaves {
		s.flush() // Bubble Tea puts the terminal's modes back next
	}
	return len(frame), nil
}

// tellPixels has the mouse tell where it is in pixels, from 0 at the top left, or in
// cells as it did at first.
func (s *screen) tellPixels(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case on == s.pixels || s.off:
		return
	case on:
		s.add(piece{data: []byte(ansi.SetModeMouseExtSgrPixel)})
	default: // in xterm the modes exclude each other
		s.add(piece{data: []byte(ansi.ResetModeMouseExtSgrPixel + ansi.SetModeMouseExtSgr)})
	}
	s.pixels = on
}

func (s *screen) tellsPixels() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pixels
}

// flush waits until all is written, for a while. The caller holds the lock.
func (s *screen) flush() {
	late := false
	timer := time.AfterFunc(parting, func() {
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
func (s *screen) add(p piece) {
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

// drain writes what queues up, until the end.
func (s *screen) drain() {
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
		if s.line.ask(len(data), time.Now()) {
			data = append(data[:len(data):len(data)], question...)
		}
		s.mu.Unlock()
		_, err := s.out.Write(data)
		if p.written != nil {
			p.written <- err
		}
		s.mu.Lock()
		s.queued -= len(p.data)
		if err != nil {
			s.err = fmt.Errorf("%w: %w", errLost, err)
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

// leave lets nothing wait for the terminal any more: the app is about to end, and
// has its last words still to write.
func (s *screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.changed.Broadcast()
}

// end writes what is left, for a while, and stops the writing goroutine.
func (s *screen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving, s.ending = true, true
	s.changed.Broadcast()
	s.flush()
}

// redrawn is how many frames may come until what has changed by now is on
// screen: the one that Bubble Tea may be writing already, and the one after.
const redrawn = 2

// touch has the pictures drawn again, since cells under them will be.
func (s *screen) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stale = redrawn
}

// relayout forgets all pictures and expects others: sizes or places changed.
func (s *screen) relayout() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eraseAll()
	clear(s.overlays)
	s.stale = redrawn
}

// cover says whether something else shows in the pictures' place.
func (s *screen) cover(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on == s.covered {
		return
	}
	s.covered = on
	if on {
		s.eraseAll()
	}
	s.stale = redrawn
}

func (s *screen) eraseAll() {
	for _, o := range s.overlays {
		s.add(piece{data: o.gone()})
	}
}

// gone takes the picture off and blanks its cells: Bubble Tea holds them for
// blank already and would leave them alone.
func (o *overlay) gone() []byte {
	out := append(bytes.Clone(o.erase), "\x1b7\x1b[m"...)
	for y := range o.cells.Rows {
		out = fmt.Appendf(out, "\x1b[%d;%dH\x1b[%dX", o.cells.Y+y+1, o.cells.X+1, o.cells.Cols)
	}
	return append(out, "\x1b8"...)
}

// errLost says that the terminal can't be written to.
var errLost = errors.New("the terminal is gone")

// errOff says that there is no place for pictures.
var errOff = errors.New("the alternate screen is left")

// transmit sends a picture's data, which shows nothing by itself, and waits
// until it is written.
func (s *screen) transmit(ctx context.Context, data []byte) error {
	return s.send(ctx, func() []byte { return data })
}

// draw puts a picture over the cells of a slot and waits until it is written:
// data and placement in one, so that no wiping of the screen comes between.
func (s *screen) draw(ctx context.Context, slot int, o overlay) error {
	return s.send(ctx, func() []byte {
		if old, ok := s.overlays[slot]; ok && old.cells != o.cells && !s.covered {
			s.add(piece{data: old.gone()})
		}
		s.overlays[slot] = &o
		if s.covered {
			return nil
		}
		return o.shown()
	})
}

// send queues what data gives, and waits until it is written, or until the context
// ends: a terminal that takes nothing must not hold up the end.
func (s *screen) send(ctx context.Context, data func() []byte) error {
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

// answered takes the terminal's answer to the question behind a large piece.
func (s *screen) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.answered(time.Now())
	s.changed.Broadcast()
}

// hush asks the terminal nothing more and waits for the answer that is due: one
// that came after the app would end up in the shell.
func (s *screen) hush() {
	s.mu.Lock()
	s.line.silent = true
	s.mu.Unlock()
	for end := time.Now().Add(parting); time.Now().Before(end); time.Sleep(glance) {
		s.mu.Lock()
		due := s.line.due(time.Now())
		s.mu.Unlock()
		if !due {
			return
		}
	}
}

// glance is how often what has no signal of its own is looked at again.
const glance = 10 * time.Millisecond

// ready waits until the alternate screen is there, since pictures put on the other
// one would stay behind, and until the terminal has taken the picture before, so
// that no more than one is ever on its way. It is false when the context ended first.
func (s *screen) ready(ctx context.Context) bool {
	for {
		s.mu.Lock()
		wait := s.off || s.line.due(time.Now())
		s.mu.Unlock()
		if !wait {
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(glance):
		}
	}
}

// pace waits out the time that bytes are worth under the user's limit.
func (s *screen) pace(ctx context.Context, bytes int, took time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(s.line.worth(bytes) - took):
	}
}

// first is the share of its sides that the first picture is sent at.
func (s *screen) first() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line.first()
}

// budgets are how many bytes a picture may have: among others, and when no other
// comes. They are 0 while nothing is known.
func (s *screen) budgets() (among, alone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.line.budget(), s.line.wholeBudget()
}
