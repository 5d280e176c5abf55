package tui

import (
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"sundae/tui/graphics"
)

// palette is the list of every command, found by typing.
type palette struct {
	input    textinput.Model
	selected int
}

// choose opens the palette.
func (a *app) choose() tea.Cmd {
	a.palette.input.SetValue("")
	a.palette.input.Prompt = ": "
	a.palette.selected = 0
	a.cover(commandSheet)
	return a.palette.input.Focus()
}

// found are the commands that hold every word typed, presets included.
func (a *app) found() []command {
	words := strings.Fields(strings.ToLower(a.palette.input.Value()))
	var out []command
	for _, c := range append(a.presetCommands(), commands...) {
		text := strings.ToLower(c.group + " " + c.help)
		matches := c.help != "" && c.applies(a)
		for _, word := range words {
			matches = matches && strings.Contains(text, word)
		}
		if matches {
			out = append(out, c)
		}
	}
	return out
}

func (a *app) paletteKey(msg tea.KeyPressMsg, pressed string) tea.Cmd {
	found := a.found()
	switch pressed {
	case "esc":
		a.cover(noSheet)
		return nil
	case "up":
		a.palette.selected--
	case "down":
		a.palette.selected++
	case "enter":
		a.cover(noSheet)
		if len(found) == 0 {
			return nil
		}
		return found[min(a.palette.selected, len(found)-1)].do(a)
	default:
		a.palette.selected = 0
		return a.forward(msg)
	}
	a.palette.selected = max(0, min(a.palette.selected, len(found)-1))
	return nil
}

// paletteWidth is how far at most the keys stand from the commands' beginnings.
const paletteWidth = 74

func (a *app) paletteView(area graphics.Rect) string {
	lines := []string{" " + a.palette.input.View(), ""}
	found := a.found()
	room := area.Rows - len(lines)
	from := max(0, a.palette.selected-room+1)
	for i := from; i < min(len(found), from+room); i++ {
		c := found[i]
		style, marker := a.theme.text, "   "
		if i == a.palette.selected {
			style, marker = a.theme.selected, a.theme.accent.Render(" › ")
		}
		lines = append(lines, marker+style.Render(fill(c.help, max(1, min(area.Cols-14, paletteWidth))))+a.theme.dim.Render(c.label))
	}
	if len(found) == 0 {
		lines = append(lines, a.theme.dim.Render("   nothing by that name: esc closes"))
	}
	return strings.Join(lines, "\n")
}

// prompt asks for one line at the bottom of the screen.
type prompt struct {
	input  textinput.Model
	active bool
	then   func(string) tea.Cmd
}

// ask shows the prompt with a first suggestion; enter goes on, esc leaves.
func (a *app) ask(title, suggestion string, then func(string) tea.Cmd) tea.Cmd {
	a.prompt.active, a.prompt.then = true, then
	a.prompt.input.Prompt = title + ": "
	a.prompt.input.SetValue(suggestion)
	a.prompt.input.CursorEnd()
	return a.prompt.input.Focus()
}

func (a *app) promptKey(msg tea.KeyPressMsg, pressed string) tea.Cmd {
	switch pressed {
	case "esc":
		a.prompt.active = false
		return nil
	case "enter":
		a.prompt.active = false
		return a.prompt.then(strings.TrimSpace(a.prompt.input.Value()))
	}
	return a.forward(msg)
}

func (a *app) promptView() string {
	return fill(" "+a.prompt.input.View(), a.width)
}
