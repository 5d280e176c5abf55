package graphics

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/BourgeoisBear/rasterm"
	"github.com/charmbracelet/colorprofile"
)

// Choose picks the way to show pictures on the terminal that gave the answers. wanted overrides the choice unless it is
// "". environ (as os.Environ gives it) and out say how many colours text may have; Bubble Tea asks them the same way.
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
		t.Protocol, t.Why = wanted, "as asked for"
		if wanted == Kitty && !placeholders(a.Name) && a.Kitty {
			t.Protocol = KittyDirect // a terminal without placeholders would show empty boxes
		}
	}
	// A tmux that draws sixels itself takes them like any terminal; all else has to pass through it.
	t.Tmux = a.Tmux != "" && t.Protocol != Blocks && !(t.Protocol == Sixel && a.TmuxSixel)
	return t
}

// best gives the protocol and why it is the best one here.
func best(a Answers, colours Colours) (Protocol, string) {
	switch {
	case !a.Answered:
		return Blocks, "the terminal answers no questions"
	case a.Kitty && placeholders(a.Name) && colours >= Indexed:
		return Kitty, "the terminal takes it, placeholders included"
	case a.Tmux != "" && a.TmuxSixel:
		return Sixel, "tmux draws it"
	case a.Tmux != "" && !a.Through:
		return Blocks, "tmux keeps pictures to itself: set -g allow-passthrough on"
	case iterm2Speaks(a):
		return ITerm2, "the terminal takes it"
	case a.Kitty && placeholders(a.Name):
		return KittyDirect, "placeholders need colours"
	case a.Kitty:
		return KittyDirect, "the terminal takes it, but no placeholders"
	case a.Sixel:
		return Sixel, "the terminal takes it"
	}
	return Blocks, "the terminal takes no pictures"
}

// placeholders says whether the kitty protocol's Unicode placeholders are there: kitty has them from 0.28 on, ghostty
// always. Others answer the kitty question without them, and there is no question for them alone.
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

// iterm2Speaks says whether OSC 1337 is the terminal's best: by its name, or, where it gives none, by what it sets in
// the environment.
func iterm2Speaks(a Answers) bool {
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

// String says in one line what is shown how, and why.
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
		Kitty: "kitty graphics", KittyDirect: "kitty graphics, placed directly", ITerm2: "iTerm2 pictures", Sixel: "sixel", Blocks: "blocks",
	}
	if t.Tmux {
		size += ", through tmux"
	}
	return fmt.Sprintf("%s: %s%s (%s)", name, words[t.Protocol], size, t.Why)
}
