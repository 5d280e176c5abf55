package graphics

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/BourgeoisBear/rasterm"
	"github.com/charmbracelet/colorprofile"
)

// Choose picks the way to show images on the terminal that gave the answers. wanted overrides the choice unless it is
// "". environ (as os.Environ returns it) and out say how many colours text may have; Bubble Tea determines it in the
// same way.
func Choose(a Answers, wanted Protocol, environ []string, out io.Writer) Terminal {
	t := Terminal{
		Name: a.Name, CellWidth: a.CellWidth, CellHeight: a.CellHeight,
		Registers: a.Registers, MaxWidth: a.SixelWidth, MaxHeight: a.SixelHeight, RTT: a.RTT,
	}
	switch colorprofile.Detect(out, environ) {
	case colorprofile.TrueColor:
		t.Colours = TrueColour
	case colorprofile.ANSI256:
		t.Colours = Indexed
	case colorprofile.ANSI:
		t.Colours = Basic
	}
	t.Protocol, t.Why = best(a, t.Colours)
	if wanted != "" && wanted != t.Protocol {
		t.Protocol, t.Why = wanted, "chosen by a setting"
		if wanted == Kitty && !placeholders(a.Name) && a.Kitty {
			t.Protocol = KittyDirect // a terminal without placeholders would show empty boxes
		}
	}
	// A tmux that draws sixels itself takes them like any terminal; everything else has to pass through it.
	t.Tmux = a.Tmux != "" && t.Protocol != Blocks && !(t.Protocol == Sixel && a.TmuxSixel)
	return t
}

// best returns the best protocol, and why it is the best.
func best(a Answers, colours Colours) (Protocol, string) {
	switch {
	case !a.Answered:
		return Blocks, "the terminal answers no queries"
	case a.Kitty && placeholders(a.Name) && colours >= Indexed:
		return Kitty, "supported by the terminal, with placeholders"
	case a.Tmux != "" && a.TmuxSixel:
		return Sixel, "drawn by tmux"
	case a.Tmux != "" && !a.Through:
		return Blocks, "tmux does not pass images on: set -g allow-passthrough on"
	case prefersITerm2(a):
		return ITerm2, "supported by the terminal"
	case a.Kitty && placeholders(a.Name):
		return KittyDirect, "placeholders need 256 colours"
	case a.Kitty:
		return KittyDirect, "supported by the terminal, without placeholders"
	case a.Sixel:
		return Sixel, "supported by the terminal"
	}
	return Blocks, "the terminal supports no image protocol"
}

// placeholders reports whether a terminal supports the kitty protocol's Unicode placeholders: kitty does from 0.28
// on, ghostty always. Others answer the kitty query without supporting them, and there is no query for placeholders
// alone.
func placeholders(name string) bool {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "ghostty") {
		return true
	}
	version, isKitty := strings.CutPrefix(name, "kitty(")
	if !isKitty {
		return false
	}
	parts := strings.SplitN(strings.TrimSuffix(version, ")"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	return err == nil && errMinor == nil && (major > 0 || minor >= 28)
}

// prefersITerm2 reports whether OSC 1337 is the terminal's best protocol: by its name or, where it has none, by the
// environment.
func prefersITerm2(a Answers) bool {
	if a.Name == "" {
		return a.Tmux == "" && !a.Kitty && !a.Sixel && rasterm.IsItermCapable()
	}
	name := strings.ToLower(a.Name)
	for _, speaker := range []string{"iterm2", "wezterm", "mintty"} {
		if strings.HasPrefix(name, speaker) {
			return true
		}
	}
	return false
}

// String says in one line which protocol is used, and why.
func (t Terminal) String() string {
	name := t.Name
	if name == "" {
		name = "unnamed"
	}
	size := ""
	if t.CellWidth > 0 && t.Protocol != Blocks {
		size = fmt.Sprintf(", cells of %d×%d pixels", t.CellWidth, t.CellHeight)
	}
	words := map[Protocol]string{
		Kitty: "kitty graphics", KittyDirect: "kitty graphics, placed directly", ITerm2: "iTerm2 inline images", Sixel: "sixel", Blocks: "blocks",
	}
	if t.Tmux {
		size += ", through tmux"
	}
	return fmt.Sprintf("%s: %s%s (%s)", name, words[t.Protocol], size, t.Why)
}
