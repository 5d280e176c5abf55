package tui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"sundae/internal/config"
	"sundae/tui/graphics"
)

// palette is the list of all commands, filtered by what is typed.
type palette struct {
	input    textinput.Model
	selected int
}

func newPalette() palette {
	p := palette{input: textinput.New()}
	p.input.Prompt = ": "
	return p
}

func (p *palette) open() tea.Cmd {
	p.input.SetValue("")
	p.selected = 0
	return p.input.Focus()
}

// presetCommands returns a command for each preset.
func presetCommands(presets map[string]config.Sampling) []command {
	var out []command
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		out = append(out, command{
			help: "use preset " + name, group: "Presets", when: in(exploring),
			do: does(func(a *app) {
				if err := a.stage.UsePreset(presets[name]); err != nil {
					a.fail(fmt.Errorf("preset %s: %w", name, err))
					return
				}
				a.lanesChanged()
				a.say("Using preset " + name)
			}),
		})
	}
	return out
}

// found are the commands that contain every word typed, presets included.
func (a *app) found() []command {
	words := strings.Fields(strings.ToLower(a.palette.input.Value()))
	return slices.DeleteFunc(slices.Concat(presetCommands(a.Presets), a.commands), func(c command) bool {
		text := strings.ToLower(c.group + " " + c.help)
		lacks := func(word string) bool { return !strings.Contains(text, word) }
		return c.help == "" || !c.applies(a) || slices.ContainsFunc(words, lacks)
	})
}

func (a *app) paletteKey(msg tea.KeyPressMsg) tea.Cmd {
	p, found := &a.palette, a.found()
	switch msg.String() {
	case "esc":
		a.cover(noSheet)
		return nil
	case "up":
		p.selected--
	case "down":
		p.selected++
	case "enter":
		a.cover(noSheet)
		if len(found) == 0 {
			return nil
		}
		return found[min(p.selected, len(found)-1)].do(a)
	default:
		p.selected = 0
		return a.forward(msg)
	}
	p.selected = max(0, min(p.selected, len(found)-1))
	return nil
}

// paletteWidth is the largest width of the commands, before their keys.
const paletteWidth = 74

func (p *palette) view(found []command, styles theme, area graphics.Rect) []string {
	lines := []string{" " + p.input.View(), ""}
	room := area.Rows - len(lines)
	from := max(0, p.selected-room+1)
	for i := from; i < min(len(found), from+room); i++ {
		c := found[i]
		style, marker := styles.text, "   "
		if i == p.selected {
			style, marker = styles.selected, styles.accent.Render(" › ")
		}
		lines = append(lines, marker+style.Render(fill(c.help, max(1, min(area.Cols-14, paletteWidth))))+styles.dim.Render(c.label))
	}
	if len(found) == 0 {
		lines = append(lines, styles.dim.Render("   no such command; esc closes the list"))
	}
	return lines
}

// prompt asks for one line of text at the bottom of the screen.
type prompt struct {
	input  textinput.Model
	active bool
	then   func(string) tea.Cmd
}

func newPrompt() prompt { return prompt{input: textinput.New()} }

// ask shows the prompt with a suggestion. enter calls then with the text; esc cancels.
func (p *prompt) ask(title, suggestion string, then func(string) tea.Cmd) tea.Cmd {
	p.active, p.then = true, then
	p.input.Prompt = title + ": "
	p.input.SetValue(suggestion)
	p.input.CursorEnd()
	return p.input.Focus()
}

func (p *prompt) key(msg tea.KeyPressMsg) tea.Cmd {
	var cmd tea.Cmd
	switch msg.String() {
	case "esc":
		p.active = false
	case "enter":
		p.active = false
		return p.then(strings.TrimSpace(p.input.Value()))
	default:
		p.input, cmd = p.input.Update(msg)
	}
	return cmd
}
