// Package progress tells a person at a terminal how long work goes on.
//
// Results belong on standard output; talk belongs on standard error. A [Talk]
// is that second stream, and a [Bar] is one piece of long work on it:
//
//	bar := talk.Bar("decoding", int64(len(pictures)), "pictures")
//	defer bar.Done()
//	for _, p := range pictures {
//		...
//		bar.Add(1)
//	}
//
// On a terminal the bar redraws one line with the share done, the rate and the
// time left. Elsewhere (a file, a pipe, a CI log) it prints a plain line every
// [plainEvery], so that logs stay readable. A nil *Talk, and the nil *Bar that
// it hands out, say nothing: a library can take a *Talk and never ask whether
// anyone listens.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// How often a bar is redrawn on a terminal, and how often it prints a line
// where there is none.
const (
	redrawEvery = 100 * time.Millisecond
	plainEvery  = 10 * time.Second
)

// A Talk writes lines meant for a person, never results. It is safe for use by
// several goroutines. The zero value isn't useful: call [New].
type Talk struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool // w is a terminal, where a line can be drawn over
	width func() int
	now   func() time.Time
	bar   *Bar // the bar now on the terminal's last line, or nil
}

// New returns a Talk that writes to w, or nil, which says nothing, when quiet.
func New(w io.Writer, quiet bool) *Talk {
	if quiet {
		return nil
	}
	t := &Talk{w: w, now: time.Now, width: func() int { return 80 }}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.live = os.Getenv("TERM") != "dumb"
		t.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return t
}

// Printf writes one line. A bar on show is moved below it.
func (t *Talk) Printf(format string, args ...any) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf(format, args...), "\n")
	if t.live && t.bar != nil {
		fmt.Fprintf(t.w, "\r\x1b[K%s\n%s", line, t.bar.line(t.now(), t.width()-1))
		return
	}
	fmt.Fprintln(t.w, line)
}
