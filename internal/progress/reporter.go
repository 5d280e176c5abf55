// Package progress shows messages and the progress of long work on standard error,
// so that standard output holds results only.
//
// A [Reporter] writes messages, and a [Bar] is one piece of work whose steps can be
// counted:
//
//	bar := reporter.Bar("decoding", int64(len(images)), "images")
//	defer bar.Done()
//	for _, img := range images {
//		...
//		bar.Add(1)
//	}
//
// On a terminal the bar redraws one line with the share done, the rate and the time
// left. Elsewhere (a file, a pipe, a CI log) it prints a line every [plainEvery].
// [Reporter.Wait] is for work without steps to count.
//
// A nil *Reporter is valid and silent, and so is the nil *Bar that it returns: packages
// that take a *Reporter need not check for nil.
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
// elsewhere.
const (
	redrawEvery = 100 * time.Millisecond
	plainEvery  = 10 * time.Second
)

// Reporter writes messages and progress. It may be used by several goroutines. [New]
// makes one; the zero value can't be used.
type Reporter struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool // w is a terminal, whose last line can be redrawn
	width func() int
	now   func() time.Time
	bar   *Bar // the bar on the terminal's last line, or nil
}

// New returns a Reporter that writes to w, or a silent one if quiet.
func New(w io.Writer, quiet bool) *Reporter {
	if quiet {
		return nil
	}
	r := &Reporter{w: w, now: time.Now, width: func() int { return 80 }}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		r.live = os.Getenv("TERM") != "dumb"
		r.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return r
}

// Printf writes one line, above the bar if one is shown.
func (r *Reporter) Printf(format string, args ...any) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf(format, args...), "\n")
	if r.live && r.bar != nil {
		fmt.Fprintf(r.w, "\r\x1b[K%s\n%s", line, r.bar.line(r.now(), r.width()-1))
		return
	}
	fmt.Fprintln(r.w, line)
}
