package tui

import (
	"io"
	"sync"
	"time"
)

// screen is the terminal as the program writes to it. Bubble Tea's frames and
// the pictures go through here one after the other, so that no picture ends up
// in the middle of an escape sequence.
//
// Pictures that live over the cells (sixel, iTerm2, kitty placed directly) are
// remembered and drawn again after Bubble Tea has redrawn the cells under them.
type screen struct {
	out     io.ReadWriteCloser
	fd      uintptr
	maxRate int64 // bytes a second; 0 is measured

	mu       sync.Mutex
	overlays map[int]overlay
	covered  bool      // something else shows where the pictures are
	settle   time.Time // until then every frame may have blanked a picture
	rate     float64   // bytes a second the line took lately; 0 unknown
}

// overlay is a picture over the cells: how it is drawn and taken away.
type overlay struct{ draw, erase []byte }

func newScreen(out io.ReadWriteCloser, fd uintptr, maxRate int64) *screen {
	return &screen{out: out, fd: fd, maxRate: maxRate, overlays: map[int]overlay{}}
}

func (s *screen) Read(p []byte) (int, error) { return s.out.Read(p) }
func (s *screen) Close() error               { return s.out.Close() }

// Fd lets Bubble Tea see that this is a terminal.
func (s *screen) Fd() uintptr { return s.fd }

// Write takes one of Bubble Tea's frames.
func (s *screen) Write(frame []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.out.Write(frame)
	if err == nil && !s.covered && time.Now().Before(s.settle) {
		for _, o := range s.overlays {
			if _, err := s.out.Write(o.draw); err != nil {
				return n, err
			}
		}
	}
	return n, err
}

// settling is how long after a change of layout pictures are redrawn with every
// frame: Bubble Tea draws within a sixtieth of a second, a slow line later.
const settling = 400 * time.Millisecond

// relayout forgets all pictures and expects others: sizes or places changed.
func (s *screen) relayout() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.eraseAll()
	clear(s.overlays)
	s.settle = time.Now().Add(settling)
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
	s.settle = time.Now().Add(settling)
}

func (s *screen) eraseAll() {
	for _, o := range s.overlays {
		_, _ = s.out.Write(o.erase) // a terminal that is gone shows nothing
	}
}

// transmit sends a picture's data, which shows nothing by itself.
func (s *screen) transmit(data []byte) error { return s.send(data) }

// draw puts a picture over the cells of a slot.
func (s *screen) draw(slot int, o overlay) error {
	s.mu.Lock()
	s.overlays[slot] = o
	covered := s.covered
	s.mu.Unlock()
	if covered {
		return nil
	}
	return s.send(o.draw)
}

// send writes picture data and measures what the line takes. Only the drawing
// goroutine waits here, and it makes no new picture meanwhile: that is the
// budget. With a given rate it sleeps the rest of the time the bytes are worth.
func (s *screen) send(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	s.mu.Lock()
	began := time.Now()
	_, err := s.out.Write(data)
	took := time.Since(began)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if s.maxRate > 0 {
		worth := time.Duration(float64(len(data)) / float64(s.maxRate) * float64(time.Second))
		time.Sleep(worth - took)
		took = max(took, worth)
	}
	if len(data) > 4096 {
		s.mu.Lock()
		now := float64(len(data)) / max(took.Seconds(), 1e-4)
		if s.rate == 0 {
			s.rate = now
		}
		s.rate += 0.3 * (now - s.rate)
		s.mu.Unlock()
	}
	return nil
}

// budget is how many bytes a picture may have to be through in a tenth of a
// second; 0 as long as nothing is known.
func (s *screen) budget() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.maxRate > 0 {
		return int(s.maxRate / 10)
	}
	return int(s.rate / 10)
}
