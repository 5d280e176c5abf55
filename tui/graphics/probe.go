package graphics

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Answers is what a terminal says about itself. Inside tmux both tmux and the terminal around it are asked: Name,
// Kitty, Sixel and the limits are then those of the terminal, if tmux passes the queries through.
type Answers struct {
	Name        string // from XTVERSION; "" if it does not say
	Kitty       bool   // supports the kitty graphics protocol
	Sixel       bool   // supports sixel: attribute 4 in DA1
	Registers   int    // sixel colour registers; 0 if it does not say
	SixelWidth  int    // the largest sixel image in pixels; 0 if it does not say
	SixelHeight int
	CellWidth   int // pixels; 0 if it does not say
	CellHeight  int
	Tmux        string        // the name and version of tmux, "" outside tmux
	TmuxSixel   bool          // tmux draws sixels itself
	Through     bool          // tmux passes escapes on (its option allow-passthrough)
	RTT         time.Duration // round-trip time of the last queries; 0 if it does not answer
	Answered    bool          // it answered DA1, as every terminal does
}

// The queries. DA1 comes last: every terminal answers it, in order, so its answer means that no other will follow.
const queries = "\x1b[>0q" + // XTVERSION
	"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + // kitty graphics: would you show this pixel?
	"\x1b[?1;1;0S" + // XTSMGRAPHICS: how many sixel colour registers?
	"\x1b[?2;4;0S" + // and how large may a sixel picture be at most?
	"\x1b[16t" + // size of a cell in pixels
	"\x1b[c" // DA1

// tmuxQueries are the queries that tmux itself understands: it would take the one for kitty graphics as its window title.
const tmuxQueries = "\x1b[>0q\x1b[16t\x1b[c"

// wait is how long a terminal may take to answer, also over a slow connection.
const wait = 500 * time.Millisecond

// longest bounds what is read of a terminal's answers, in bytes.
const longest = 4096

// Probe asks the terminal tty. A terminal that does not answer is not an error: Answered is false. The terminal's
// mode is restored before it returns.
func Probe(tty *os.File) (Answers, error) {
	a, err := probe(tty)
	if err != nil {
		return Answers{}, fmt.Errorf("ask the terminal: %w", err)
	}
	return a, nil
}

func probe(tty *os.File) (Answers, error) {
	// Fd would make reads block forever, so the descriptor is borrowed.
	connection, err := tty.SyscallConn()
	if err != nil {
		return Answers{}, err
	}
	var state *term.State
	var rawErr error
	var size *unix.Winsize // nil if the system does not know
	err = connection.Control(func(fd uintptr) {
		state, rawErr = term.MakeRaw(int(fd))
		size, _ = unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
	})
	if err := errors.Join(err, rawErr); err != nil {
		return Answers{}, err
	}
	defer connection.Control(func(fd uintptr) { term.Restore(int(fd), state) })
	first := queries
	if name := os.Getenv("TERM"); strings.HasPrefix(name, "tmux") || strings.HasPrefix(name, "screen") {
		first = tmuxQueries // only decides what to ask first: tmux says itself what it is
	}
	a, err := ask(tty, first)
	if err != nil {
		return Answers{}, err
	}
	if strings.HasPrefix(a.Name, "tmux ") {
		outer, err := ask(tty, wrap(queries, true))
		if err != nil {
			return Answers{}, err
		}
		a = around(a, outer)
	} else if first != queries && a.Answered {
		if a, err = ask(tty, queries); err != nil {
			return Answers{}, err
		}
	}
	if a.CellWidth == 0 && size != nil && size.Col > 0 && size.Row > 0 {
		a.CellWidth, a.CellHeight = int(size.Xpixel/size.Col), int(size.Ypixel/size.Row)
	}
	return a, nil
}

// ask sends queries and reads until DA1 is answered or the time is up.
func ask(tty *os.File, queries string) (Answers, error) {
	asked := time.Now()
	if _, err := tty.WriteString(queries); err != nil {
		return Answers{}, err
	}
	if err := tty.SetReadDeadline(asked.Add(wait)); err != nil {
		return Answers{}, err
	}
	defer tty.SetReadDeadline(time.Time{})
	var answers []byte
	buffer := make([]byte, 512)
	for len(answers) < longest {
		n, err := tty.Read(buffer)
		answers = append(answers, buffer[:n]...)
		if t := parse(answers); t.Answered {
			t.RTT = time.Since(asked)
			return t, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return Answers{}, err
		}
	}
	return parse(answers), nil
}

// around combines the answers of tmux and of the terminal around it. The size of cells is tmux's.
func around(tmux, outer Answers) Answers {
	outer.Tmux, outer.TmuxSixel, outer.Through = tmux.Name, tmux.Sixel, outer.Answered || outer.Kitty
	outer.RTT = tmux.RTT // the queries that do not pass through are answered by tmux
	if tmux.CellWidth > 0 {
		outer.CellWidth, outer.CellHeight = tmux.CellWidth, tmux.CellHeight
	}
	outer.Answered = true
	return outer
}

// parse reads what a terminal sent: answers in any order, truncated, or mixed with keys that were pressed meanwhile.
func parse(answers []byte) (t Answers) {
	for len(answers) > 0 {
		start := bytes.IndexByte(answers, 0x1b)
		if start < 0 || start+1 >= len(answers) {
			return t
		}
		answers = answers[start+1:]
		switch answers[0] {
		case 'P', '_': // a string, up to ESC \
			end := bytes.Index(answers, []byte("\x1b\\"))
			if end < 0 {
				return t
			}
			text := string(answers[1:end])
			if name, ok := strings.CutPrefix(text, ">|"); ok && answers[0] == 'P' {
				t.Name = name
			}
			if answers[0] == '_' && strings.HasPrefix(text, "Gi=31") && strings.HasSuffix(text, ";OK") {
				t.Kitty = true
			}
			answers = answers[end+2:]
		case '[': // a control sequence, up to its final byte
			end := bytes.IndexFunc(answers[1:], func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				return t
			}
			t.control(string(answers[1:1+end]), answers[1+end])
			answers = answers[end+2:]
		}
	}
	return t
}

// control takes the parameters and the final byte of one control sequence.
func (t *Answers) control(parameters string, final byte) {
	private, isPrivate := strings.CutPrefix(parameters, "?")
	switch {
	case final == 'c' && isPrivate: // DA1
		t.Answered = true
		for attribute := range strings.SplitSeq(private, ";") {
			if attribute == "4" {
				t.Sixel = true
			}
		}
	case final == 'S' && isPrivate: // XTSMGRAPHICS: item; status, 0 for success; values
		switch n := numbers(private); {
		case len(n) == 3 && n[0] == 1 && n[1] == 0:
			t.Registers = n[2]
		case len(n) == 4 && n[0] == 2 && n[1] == 0:
			t.SixelWidth, t.SixelHeight = n[2], n[3]
		}
	case final == 't':
		if n := numbers(parameters); len(n) == 3 && n[0] == 6 && n[1] > 0 && n[2] > 0 && n[1] < 1000 && n[2] < 1000 {
			t.CellWidth, t.CellHeight = n[2], n[1]
		}
	}
}

// numbers reads "1;0;256"; it returns nil for anything else.
func numbers(parameters string) []int {
	var out []int
	for field := range strings.SplitSeq(parameters, ";") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 || n > 1<<20 {
			return nil
		}
		out = append(out, n)
	}
	return out
}
