package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/plot"
)

// command is something the user can do. One table of them handles keys, draws
// the help and fills the palette, so that none can tell another story.
type command struct {
	keys  []string // as Bubble Tea names them; none: in the palette only
	label string   // the keys as people read them
	help  string   // what it does, in a few words
	group string   // its column in the help
	short bool     // shown in the line at the bottom
	when  func(*app) bool
	do    func(*app) tea.Cmd
}

func (c command) has(pressed string) bool { return slices.Contains(c.keys, pressed) }

func (c command) applies(a *app) bool { return c.when == nil || c.when(a) }

// in says that the app is in a mode.
func in(modes ...mode) func(*app) bool {
	return func(a *app) bool { return slices.Contains(modes, a.mode) }
}

// does makes a command of what needs no waiting.
func does(do func(*app)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd { do(a); return nil }
}

func comparing(a *app) bool { return a.mode == exploring && len(a.stage.lanes) > 1 }

func onPlot(a *app) bool { return a.mode == exploring && a.panel.focus != onFields }

var commands []command

func init() {
	commands = slices.Concat(runCommands, settingCommands, showCommands, compareCommands, keepCommands, maskCommands, appCommands)
}

var runCommands = []command{
	{[]string{"space"}, "space", "run or pause", "Run", true, in(exploring), does((*app).togglePlay)},
	{[]string{"."}, ".", "one step", "Run", true, in(exploring), does((*app).stepOnce)},
	{[]string{"["}, "[ ]", "a step back, a step forth", "Run", false, in(exploring), does(func(a *app) { a.scrub(a.stage.shown - 1) })},
	{[]string{"]"}, "", "", "", false, in(exploring), does(func(a *app) { a.scrub(a.stage.shown + 1) })},
	{[]string{"home"}, "home end", "the first step, the newest", "Run", false, in(exploring), does(func(a *app) { a.scrub(0) })},
	{[]string{"end"}, "", "", "", false, in(exploring), does(func(a *app) { a.scrub(a.stage.newest()) })},
	{[]string{"r"}, "r", "again, same seed", "Run", true, in(exploring), does((*app).restart)},
	{[]string{"n"}, "n", "again, new seed", "Run", true, in(exploring), does((*app).reseed)},
	{[]string{"b"}, "b", "branch from this step", "Run", false, in(exploring), does((*app).branch)},
}

var settingCommands = []command{
	{[]string{"up", "k"}, "↑ ↓", "choose a setting", "Settings", false, in(exploring), does(func(a *app) { a.arrow(0, -1, false) })},
	{[]string{"down", "j"}, "", "", "", false, in(exploring), does(func(a *app) { a.arrow(0, 1, false) })},
	{[]string{"left", "h"}, "← →", "change it", "Settings", true, in(exploring), does(func(a *app) { a.arrow(-1, 0, false) })},
	{[]string{"right", "l"}, "", "", "", false, in(exploring), does(func(a *app) { a.arrow(1, 0, false) })},
	{[]string{"shift+left"}, "shift ← →", "change it by ten", "Settings", false, in(exploring), does(func(a *app) { a.arrow(-1, 0, true) })},
	{[]string{"shift+right"}, "", "", "", false, in(exploring), does(func(a *app) { a.arrow(1, 0, true) })},
	{[]string{"shift+up"}, "shift ↑ ↓", "move a keyframe far", "Settings", false, onPlot, does(func(a *app) { a.arrow(0, -1, true) })},
	{[]string{"shift+down"}, "", "", "", false, onPlot, does(func(a *app) { a.arrow(0, 1, true) })},
	{[]string{"tab"}, "tab", "to the plots and back", "Settings", false, in(exploring), does((*app).nextFocus)},
	{[]string{"a"}, "a", "add a keyframe", "Settings", false, onPlot, does(func(a *app) {
		a.edit(func(s schedule.Schedule) schedule.Schedule {
			s, a.panel.key = plot.Add(s, max(0, a.panel.key))
			return s
		})
	})},
	{[]string{"delete", "backspace"}, "delete", "take a keyframe out", "Settings", false, onPlot, does(func(a *app) {
		a.edit(func(s schedule.Schedule) schedule.Schedule { return plot.Delete(s, a.panel.key) })
		a.panel.key = max(0, a.panel.key-1)
	})},
}

var showCommands = []command{
	{[]string{"z", "enter"}, "z", "one picture or all", "Show", true, func(a *app) bool { return a.mode == exploring && len(a.stage.lanes) == 1 }, does((*app).toggleZoom)},
	{[]string{",", "<"}, ", ;", "the picture before, the next", "Show", false, func(a *app) bool { return a.mode == exploring && a.zoom >= 0 }, does(func(a *app) { a.zoomTo(a.zoom - 1) })},
	{[]string{";", ">"}, "", "", "", false, func(a *app) bool { return a.mode == exploring && a.zoom >= 0 }, does(func(a *app) { a.zoomTo(a.zoom + 1) })},
	{[]string{"t"}, "t", "tokens that changed", "Show", false, in(exploring), does(func(a *app) { a.toggleLook(changedTokens) })},
	{[]string{"c"}, "c", "confidence as heat", "Show", false, in(exploring), does(func(a *app) { a.toggleLook(confidence) })},
	{[]string{"\\"}, "\\", "put the panel away", "Show", false, in(exploring), does(func(a *app) { a.noPanel = !a.noPanel; a.relayout() })},
	{[]string{"ctrl+l"}, "ctrl+l", "draw the screen anew", "Show", false, nil, func(a *app) tea.Cmd { a.relayout(); return tea.ClearScreen }},
}

var compareCommands = []command{
	{[]string{"x"}, "x", "compare with a copy", "Compare", false, in(exploring), does((*app).compare)},
	{[]string{"w"}, "w", "sweep one setting", "Compare", false, in(exploring), func(a *app) tea.Cmd {
		return a.ask("sweep", "temperature end 0.4 to 1.0 in 4", func(text string) tea.Cmd { a.sweep(text); return nil })
	}},
	{[]string{"}"}, "{ }", "the panel's side", "Compare", true, comparing, does(func(a *app) { a.nextLane(1) })},
	{[]string{"{"}, "", "", "", false, comparing, does(func(a *app) { a.nextLane(-1) })},
	{[]string{"enter"}, "enter", "go on with this side", "Compare", true, comparing, does((*app).pick)},
	{[]string{"X"}, "X", "take this side away", "Compare", false, comparing, does((*app).dropLane)},
}

var appCommands = []command{
	{[]string{"o"}, "o", "open a picture", "App", false, in(exploring, masking), (*app).chooseFile},
	{[]string{":", "ctrl+p"}, ":", "every command", "App", false, nil, (*app).choose},
	{[]string{"?"}, "?", "all keys", "App", true, nil, does(func(a *app) { a.cover(helpSheet) })},
	{[]string{"q"}, "q", "quit", "App", true, nil, (*app).quit},
}

// quit leaves once the terminal has nothing more to say.
func (a *app) quit() tea.Cmd {
	return func() tea.Msg { a.screen.Quiet(); return tea.Quit() }
}

// reseed begins anew with a seed of its own, the same for all lanes.
func (a *app) reseed() {
	seed := newSeed()
	for i := range a.stage.lanes {
		a.stage.lanes[i].settings.Seed = seed
	}
	a.relabel()
	a.restart()
}

func (a *app) toggleLook(l look) {
	if a.look == l {
		l = plain
	}
	a.look = l
	a.redraw()
}

func (a *app) toggleZoom() {
	if a.zoom >= 0 {
		a.zoomTo(-1)
	} else {
		a.zoomTo(0)
	}
}

func (a *app) zoomTo(i int) {
	if i >= 0 {
		i = (i + a.panel.samples) % a.panel.samples
	}
	a.zoom = i
	a.relayout()
}

// keyLine is the line at the bottom: the keys that matter most here, and at its
// end, whatever the width, where the others are.
func (a *app) keyLine() string {
	if !a.hinted {
		return fill(a.theme.accent.Render(" space pauses, ← → changes the setting chosen, ? shows all keys"), a.width)
	}
	var special, here, always []key.Binding
	for _, c := range commands {
		if !c.short || !c.applies(a) {
			continue
		}
		binding := key.NewBinding(key.WithKeys(c.keys...), key.WithHelp(c.label, c.help))
		switch c.group {
		case "App":
			always = append(always, binding)
		case "Compare", "Mask": // meant for what is on show alone, so they come first
			special = append(special, binding)
		default:
			here = append(here, binding)
		}
	}
	a.help.SetWidth(0)
	right := a.help.ShortHelpView(always)
	a.help.SetWidth(max(1, a.width-lipgloss.Width(right)-3))
	left := " " + a.help.ShortHelpView(append(special, here...))
	return fill(left, a.width-lipgloss.Width(right)-1) + right + " "
}

// helpView lists every key that means something here, by group, in columns.
func (a *app) helpView(area graphics.Rect) string {
	var groups []string
	byGroup := map[string][]command{}
	widest := 0
	for _, c := range commands {
		if c.label == "" || !c.applies(a) {
			continue
		}
		if byGroup[c.group] == nil {
			groups = append(groups, c.group)
		}
		byGroup[c.group] = append(byGroup[c.group], c)
		widest = max(widest, lipgloss.Width(c.label))
	}
	var blocks [][]string
	for _, g := range groups {
		block := []string{" " + a.theme.title.Render(g)}
		for _, c := range byGroup[g] {
			block = append(block, "  "+a.theme.text.Render(fill(c.label, widest+2))+a.theme.dim.Render(c.help))
		}
		blocks = append(blocks, block)
	}
	return columns(blocks, area)
}

// columnWidth is what a line of help is comfortable in.
const columnWidth = 40

// columns lays blocks of lines out in columns, whole where they fit: with space
// between them if there is some, split if there is none.
func columns(blocks [][]string, area graphics.Rect) string {
	n := max(1, area.Cols/columnWidth)
	for _, between := range []int{1, 0} {
		cols := [][]string{nil}
		for _, block := range blocks {
			c := len(cols) - 1
			if len(cols[c]) > 0 && len(cols[c])+between+len(block) > area.Rows {
				cols = append(cols, nil)
				c++
			}
			if len(cols[c]) > 0 {
				cols[c] = append(cols[c], make([]string, between)...)
			}
			cols[c] = append(cols[c], block...)
		}
		if len(cols) <= n {
			return beside(cols, area)
		}
	}
	all := slices.Concat(blocks...)
	return beside(slices.Collect(slices.Chunk(all, max(1, area.Rows))), area)
}

// beside joins columns of lines.
func beside(cols [][]string, area graphics.Rect) string {
	width := min(area.Cols/len(cols), columnWidth+14)
	rows := 0
	for _, c := range cols {
		rows = max(rows, len(c))
	}
	out := make([]string, min(rows, area.Rows))
	for y := range out {
		for _, c := range cols {
			line := ""
			if y < len(c) {
				line = c[y]
			}
			out[y] += fill(line, width)
		}
	}
	return strings.Join(out, "\n")
}
