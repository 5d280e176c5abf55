package graphics

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// wrap makes tmux pass seq on to the terminal around it, which needs: set -g allow-passthrough on.
func wrap(seq string, tmux bool) string {
	if tmux {
		return ansi.TmuxPassthrough(seq)
	}
	return seq
}

// pane is the position of the app's screen on the terminal's: the origin, except in tmux, whose panes may be
// anywhere. What tmux passes on is drawn at the terminal's cursor, which tmux does not move for it.
type pane struct {
	tmux    bool
	locate  func() (x, y int) // asks tmux
	x, y    int
	located time.Time
}

// relocateAfter is how long a pane is assumed to stay where it is: panes move with splits and resizes, and asking
// takes a process.
const relocateAfter = time.Second

func paneOf(t Terminal) *pane { return &pane{tmux: t.Tmux, locate: askTmux} }

// passAtMost is the most that one sequence to tmux holds, in bytes: tmux drops sequences larger than its input buffer
// of 1 MiB, and joins what several of them pass on.
const passAtMost = 900_000

// at draws bytes with the cursor at the first cell of the rectangle and restores the cursor. In tmux all of it is one
// sequence if possible, so that nothing comes between.
func (p *pane) at(r Rect, draw []byte) []byte {
	if p.tmux && time.Since(p.located) > relocateAfter {
		p.x, p.y = p.locate()
		p.located = time.Now()
	}
	out := make([]byte, 0, len(draw)+32)
	out = fmt.Appendf(out, "\x1b7\x1b[%d;%dH", p.y+r.Y+1, p.x+r.X+1)
	out = append(append(out, draw...), "\x1b8"...)
	if !p.tmux {
		return out
	}
	wrapped := make([]byte, 0, len(out)+64)
	for len(out) > 0 {
		n := min(len(out), passAtMost)
		wrapped = append(wrapped, wrap(string(out[:n]), true)...)
		out = out[n:]
	}
	return wrapped
}

// askTmux returns the pane's first cell on the terminal's screen; 0, 0 if tmux does not say.
func askTmux() (x, y int) {
	out, err := exec.Command("tmux", "display-message", "-p", "#{pane_left} #{pane_top} #{status} #{status-position}").Output()
	if err != nil {
		return 0, 0
	}
	return parsePane(string(out))
}

// parsePane reads "left top status position"; status lines at the top (on is one, else a number) push panes down.
func parsePane(s string) (x, y int) {
	var status, position string
	if n, _ := fmt.Sscan(s, &x, &y, &status, &position); n < 2 {
		return 0, 0
	}
	if !strings.HasPrefix(position, "top") {
		return x, y
	}
	lines := 0
	if status == "on" {
		lines = 1
	} else {
		_, _ = fmt.Sscan(status, &lines) // "off" leaves 0
	}
	return x, y + lines
}
