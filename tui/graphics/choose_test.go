package graphics

import (
	"bytes"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	truecolour := []string{"TERM=xterm-256color", "COLORTERM=truecolor", "CLICOLOR_FORCE=1", "TTY_FORCE=1"}
	for name, c := range map[string]struct {
		answers Answers
		wanted  Protocol
		environ []string
		want    Protocol
		tmux    bool
	}{
		"kitty":                {Answers{Answered: true, Kitty: true, Name: "kitty(0.41.1)"}, "", truecolour, Kitty, false},
		"old kitty":            {Answers{Answered: true, Kitty: true, Name: "kitty(0.26.5)"}, "", truecolour, KittyDirect, false},
		"old kitty, asked":     {Answers{Answered: true, Kitty: true, Name: "kitty(0.26.5)"}, Kitty, truecolour, KittyDirect, false},
		"kitty, no colour":     {Answers{Answered: true, Kitty: true, Name: "kitty(0.41.1)"}, "", append(truecolour, "NO_COLOR=1"), KittyDirect, false},
		"ghostty":              {Answers{Answered: true, Kitty: true, Name: "ghostty 1.1.3"}, "", truecolour, Kitty, false},
		"konsole":              {Answers{Answered: true, Kitty: true, Sixel: true, Name: "Konsole 24.08"}, "", truecolour, KittyDirect, false},
		"iterm2":               {Answers{Answered: true, Sixel: true, Name: "iTerm2 3.5.4"}, "", truecolour, ITerm2, false},
		"wezterm":              {Answers{Answered: true, Sixel: true, Kitty: true, Name: "WezTerm 20240203"}, "", truecolour, ITerm2, false},
		"foot":                 {Answers{Answered: true, Sixel: true, Name: "foot(1.16.2)"}, "", truecolour, Sixel, false},
		"plain":                {Answers{Answered: true, Name: "VTE(7600)"}, "", truecolour, Blocks, false},
		"silent":               {Answers{}, "", truecolour, Blocks, false},
		"asked for":            {Answers{Answered: true, Kitty: true, Name: "kitty(0.41.1)"}, Blocks, truecolour, Blocks, false},
		"kitty behind tmux":    {Answers{Answered: true, Kitty: true, Name: "kitty(0.41.1)", Tmux: "tmux 3.4", Through: true}, "", truecolour, Kitty, true},
		"sixel behind tmux":    {Answers{Answered: true, Sixel: true, Tmux: "tmux 3.4", Through: true}, "", truecolour, Sixel, true},
		"tmux's own sixel":     {Answers{Answered: true, Sixel: true, Tmux: "tmux 3.4", TmuxSixel: true}, "", truecolour, Sixel, false},
		"tmux that holds back": {Answers{Answered: true, Tmux: "tmux 3.4"}, "", truecolour, Blocks, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := Choose(c.answers, c.wanted, c.environ, &bytes.Buffer{})
			if got.Protocol != c.want || got.Tmux != c.tmux {
				t.Errorf("%s, tmux %v; want %s, tmux %v", got.Protocol, got.Tmux, c.want, c.tmux)
			}
			if got.Why == "" || !strings.Contains(got.String(), got.Why) {
				t.Errorf("says %q, without why", got)
			}
		})
	}
}

func TestColoursFollowTheEnvironment(t *testing.T) {
	for environ, want := range map[string]Colours{
		"TERM=xterm-256color COLORTERM=truecolor": TrueColour,
		"TERM=xterm-256color":                     Indexed,
		"TERM=xterm-color":                        Basic,
		"TERM=xterm-256color NO_COLOR=1":          NoColour,
		"TERM=dumb":                               NoColour,
	} {
		got := Choose(Answers{Answered: true}, "", append(strings.Fields(environ), "TTY_FORCE=1"), &bytes.Buffer{}).Colours
		if got != want {
			t.Errorf("%s: colours %d, want %d", environ, got, want)
		}
	}
}

func TestPaneInTmux(t *testing.T) {
	for answer, want := range map[string][2]int{
		"0 0 on bottom\n": {0, 0}, "40 12 on bottom": {40, 12}, "40 12 on top": {40, 13}, "3 0 2 top": {3, 2}, "3 1 off top": {3, 1}, "": {0, 0}, "no server": {0, 0},
	} {
		if x, y := parsePane(answer); [2]int{x, y} != want {
			t.Errorf("%q: %d, %d; want %v", answer, x, y, want)
		}
	}
}

func FuzzParsePane(f *testing.F) {
	f.Add("40 12 on top")
	f.Add("0 0 5 bottom\n")
	f.Fuzz(func(t *testing.T, answer string) { parsePane(answer) })
}

func TestMuchGoesThroughTmuxInParts(t *testing.T) {
	p := &pane{tmux: true, locate: func() (int, int) { return 0, 0 }}
	draw := []byte("\x1bPq" + strings.Repeat("\x1b?", 1_000_000) + "\x1b\\")
	raw := p.at(Rect{Cols: 1, Rows: 1}, draw)
	for part := range bytes.SplitSeq(raw, []byte("\x1bPtmux;")) {
		if len(part) >= 2<<20 {
			t.Errorf("%d bytes at once", len(part))
		}
	}
	want := "\x1b7\x1b[1;1H" + string(draw) + "\x1b8"
	if got := string(unwrapTmux(t, raw)); got != want {
		t.Errorf("%d bytes come out, not %d", len(got), len(want))
	}
}

func TestWhatTmuxPassesOnIsOneSequence(t *testing.T) {
	p := &pane{tmux: true, locate: func() (int, int) { return 10, 20 }}
	got := string(p.at(Rect{X: 2, Y: 3, Cols: 1, Rows: 1}, []byte("\x1bPq-\x1b\\")))
	want := "\x1bPtmux;\x1b\x1b7\x1b\x1b[24;13H\x1b\x1bPq-\x1b\x1b\\\x1b\x1b8\x1b\\"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
