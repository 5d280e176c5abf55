// Package graphics shows pictures in terminals. It asks the terminal what it can
// do instead of guessing from TERM.
package graphics

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// Answers is what a terminal says of itself.
type Answers struct {
	Name       string // as XTVERSION gives it; "" if it does not say
	Kitty      bool   // the kitty graphics protocol
	Sixel      bool   // DA1's attribute 4
	CellWidth  int    // pixels; 0 if it does not say
	CellHeight int
	Answered   bool // it answered at all: DA1 is as old as terminals
}

// The questions. DA1 comes last: every terminal answers it, in order, so that
// its answer means that no other is still to come.
const questions = "\x1b[>0q" + // XTVERSION
	"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\" + // kitty graphics: would you take this pixel?
	"\x1b[16t" + // size of a cell in pixels
	"\x1b[c" // DA1

// wait is how long a terminal may take, over a slow line included.
const wait = 500 * time.Millisecond

// longest bounds what is read of a terminal's answers.
const longest = 4096

// Probe asks the terminal tty. One that says nothing is no error: Answered is
// false. The terminal's mode is put back before it returns.
func Probe(tty *os.File) (Answers, error) {
	// Fd would make reads block for good: the descriptor is borrowed instead.
	connection, err := tty.SyscallConn()
	if err != nil {
		return Answers{}, fmt.Errorf("ask the terminal: %w", err)
	}
	var state *term.State
	var rawErr error
	err = connection.Control(func(fd uintptr) { state, rawErr = term.MakeRaw(int(fd)) })
	if err := errors.Join(err, rawErr); err != nil {
		return Answers{}, fmt.Errorf("ask the terminal: %w", err)
	}
	defer connection.Control(func(fd uintptr) { term.Restore(int(fd), state) })
	if _, err := tty.WriteString(questions); err != nil {
		return Answers{}, fmt.Errorf("ask the terminal: %w", err)
	}
	if err := tty.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return Answers{}, fmt.Errorf("ask the terminal: %w", err)
	}
	defer tty.SetReadDeadline(time.Time{})
	var answers []byte
	buffer := make([]byte, 512)
	for len(answers) < longest {
		n, err := tty.Read(buffer)
		answers = append(answers, buffer[:n]...)
		if t := parse(answers); t.Answered {
			return t, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return Answers{}, fmt.Errorf("ask the terminal: %w", err)
		}
	}
	return parse(answers), nil
}

// parse reads whatever a terminal sent: answers in any order, cut short, or
// mixed with keys that were pressed meanwhile.
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

// control takes one control sequence's parameters and final byte.
func (t *Answers) control(parameters string, final byte) {
	switch attributes, isDA1 := strings.CutPrefix(parameters, "?"); {
	case final == 'c' && isDA1:
		t.Answered = true
		for attribute := range strings.SplitSeq(attributes, ";") {
			if attribute == "4" {
				t.Sixel = true
			}
		}
	case final == 't' && strings.HasPrefix(parameters, "6;"):
		fields := strings.Split(parameters, ";")
		if len(fields) != 3 {
			return
		}
		height, errH := strconv.Atoi(fields[1])
		width, errW := strconv.Atoi(fields[2])
		if errH == nil && errW == nil && height > 0 && width > 0 && height < 1000 && width < 1000 {
			t.CellWidth, t.CellHeight = width, height
		}
	}
}

// String says it in one line.
func (t Answers) String() string {
	if !t.Answered {
		return "answers no questions: half blocks"
	}
	name := t.Name
	if name == "" {
		name = "unnamed"
	}
	protocol := "half blocks"
	switch {
	case t.Kitty:
		protocol = "kitty graphics"
	case t.Sixel:
		protocol = "sixel"
	}
	if t.CellWidth > 0 {
		return fmt.Sprintf("%s: %s, cells of %d×%d pixels", name, protocol, t.CellWidth, t.CellHeight)
	}
	return name + ": " + protocol
}
