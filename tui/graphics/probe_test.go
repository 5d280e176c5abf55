package graphics

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// terminals are answers as real terminals give them.
var terminals = map[string]struct {
	answers string
	want    Answers
}{
	"kitty": {"\x1bP>|kitty(0.26.5)\x1b\\\x1b_Gi=31;OK\x1b\\\x1b[6;18;9t\x1b[?62;c", Answers{Name: "kitty(0.26.5)", Kitty: true, CellWidth: 9, CellHeight: 18, Answered: true}},
	"xterm": {"\x1bP>|XTerm(379)\x1b\\\x1b[?1;0;256S\x1b[?2;0;1000;800S\x1b[6;13;6t\x1b[?63;1;2;4;6;9;15;16;22;28c",
		Answers{Name: "XTerm(379)", Sixel: true, Registers: 256, SixelWidth: 1000, SixelHeight: 800, CellWidth: 6, CellHeight: 13, Answered: true}},
	"no limits":  {"\x1b[?1;3;0S\x1b[?2;3;0S\x1b[?64;4c", Answers{Sixel: true, Answered: true}},
	"plain":      {"\x1b[?1;2c", Answers{Answered: true}},
	"refused":    {"\x1b_Gi=31;EINVAL:no\x1b\\\x1b[?62c", Answers{Answered: true}},
	"keys typed": {"q\x1b[A\x1b[?64;4cx", Answers{Sixel: true, Answered: true}},
	"cut short":  {"\x1bP>|kit", Answers{}},
	"silent":     {"", Answers{}},
}

func TestParse(t *testing.T) {
	for name, c := range terminals {
		if got := parse([]byte(c.answers)); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestProbe(t *testing.T) {
	for name, c := range terminals {
		t.Run(name, func(t *testing.T) {
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer tty.Close()
			before, err := term.GetState(int(tty.Fd()))
			if err != nil {
				t.Fatal(err)
			}
			go func() { // the terminal
				var asked []byte
				buffer := make([]byte, 256)
				for !bytes.HasSuffix(asked, []byte("\x1b[c")) {
					n, err := master.Read(buffer)
					if err != nil {
						return
					}
					asked = append(asked, buffer[:n]...)
				}
				master.WriteString(c.answers)
			}()
			checkProbe(t, tty.Name(), c.want)
			if after, err := term.GetState(int(tty.Fd())); err != nil || *after != *before {
				t.Errorf("the terminal's mode was not restored: %v", err)
			}
		})
	}
}

// checkProbe probes a terminal and compares its answers.
func checkProbe(t *testing.T, name string, want Answers) {
	t.Helper()
	tty, err := os.OpenFile(name, os.O_RDWR, 0) // opened again, it can be read with a deadline, as /dev/tty can
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	got, err := Probe(tty)
	if (got.RTT > 0) != want.Answered {
		t.Errorf("the round-trip time is %v", got.RTT)
	}
	got.RTT = 0 // varies
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// In tmux both are asked, each with queries that it understands.
func TestProbeThroughTmux(t *testing.T) {
	for name, c := range map[string]struct {
		outer string // what the terminal around tmux answers; "" if tmux passes nothing on
		want  Answers
	}{
		"kitty": {terminals["kitty"].answers, Answers{Name: "kitty(0.26.5)", Kitty: true, CellWidth: 8, CellHeight: 16, Tmux: "tmux 3.3a", Through: true, Answered: true}},
		"shut":  {"", Answers{CellWidth: 8, CellHeight: 16, Tmux: "tmux 3.3a", Answered: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TERM", "tmux-256color")
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			defer tty.Close()
			heard := make(chan string, 1)
			go func() {
				var asked []byte
				buffer := make([]byte, 256)
				answered := false
				for {
					n, err := master.Read(buffer)
					if err != nil {
						return
					}
					asked = append(asked, buffer[:n]...)
					if !answered && bytes.HasSuffix(asked, []byte("\x1b[c")) {
						answered = true
						master.WriteString("\x1bP>|tmux 3.3a\x1b\\\x1b[6;16;8t\x1b[?1;2c")
					}
					if before, passed, ok := bytes.Cut(asked, []byte("\x1bPtmux;")); ok && bytes.HasSuffix(passed, []byte("\x1b[c\x1b\\")) {
						heard <- string(before)
						master.WriteString(c.outer)
						return
					}
				}
			}()
			checkProbe(t, tty.Name(), c.want)
			if before := <-heard; strings.Contains(before, "\x1b_") {
				t.Errorf("tmux itself is asked %q", before)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range terminals {
		f.Add([]byte(c.answers))
	}
	f.Fuzz(func(t *testing.T, answers []byte) { parse(answers) })
}
