package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"sundae/tui/graphics"
	"sundae/tui/inpaint"
	"sundae/tui/panel"
	"sundae/tui/session"
)

// command is something the user can do. One table of commands handles keys, writes the help and fills the palette, so
// that they cannot disagree.
type command struct {
	keys  []string // as Bubble Tea names them; none: in the palette only
	label string   // the keys as the help writes them; "" if another command's label covers them
	help  string   // what it does, in a few words
	group string   // its heading in the help
	short bool     // shown in the key line at the bottom
	when  func(*app) bool
	do    func(*app) tea.Cmd
}

func (c command) has(pressed string) bool { return slices.Contains(c.keys, pressed) }

func (c command) applies(a *app) bool { return c.when == nil || c.when(a) }

// in says that the app is in one of some modes.
func in(modes ...mode) func(*app) bool {
	return func(a *app) bool { return slices.Contains(modes, a.mode) }
}

// comparing says that several lanes are shown.
func comparing(a *app) bool { return a.mode == exploring && len(a.stage.Lanes) > 1 }

// single says that one lane is shown.
func single(a *app) bool { return a.mode == exploring && len(a.stage.Lanes) == 1 }

// zoomed says that one image is shown alone.
func zoomed(a *app) bool { return a.mode == exploring && a.zoom >= 0 }

// onPlot says that a plot has the focus.
func onPlot(a *app) bool { return a.mode == exploring && a.panel.Focus != panel.Fields }

// inpainting says that the run inpaints an image.
func inpainting(a *app) bool { return a.mode == exploring && a.stage.Base != nil }

// does makes a command of what is done at once.
func does(do func(*app)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd { do(a); return nil }
}

// arrow makes a command of an arrow key in the panel.
func arrow(dx, dy int, far bool) func(*app) tea.Cmd {
	return does(func(a *app) { a.apply(a.panel.Arrow(&a.stage, dx, dy, far)) })
}

// edit makes a command of what changes the mask.
func edit(do func(*inpaint.Canvas)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd { do(a.canvas); return a.canvasChanged() }
}

// newCommands returns the table of commands. Where several have a key in common, the first that applies counts.
func newCommands() []command {
	return slices.Concat(runCommands(), settingCommands(), showCommands(), compareCommands(), keepCommands(), galleryCommands(), maskCommands(), appCommands())
}

func runCommands() []command {
	return []command{
		{[]string{"space"}, "space", "run or pause", "Run", true, in(exploring), does((*app).togglePlay)},
		{[]string{"."}, ".", "one step", "Run", true, in(exploring), does(func(a *app) { a.stage.StepOnce(); a.loop.Step() })},
		{[]string{"["}, "[ ]", "previous step, next step", "Run", false, in(exploring), does(func(a *app) { a.scrub(a.stage.Shown - 1) })},
		{[]string{"]"}, "", "", "", false, in(exploring), does(func(a *app) { a.scrub(a.stage.Shown + 1) })},
		{[]string{"home"}, "home end", "first step, newest step", "Run", false, in(exploring), does(func(a *app) { a.scrub(0) })},
		{[]string{"end"}, "", "", "", false, in(exploring), does(func(a *app) { a.scrub(a.stage.Newest()) })},
		{[]string{"r"}, "r", "restart, same seed", "Run", true, in(exploring), does((*app).restart)},
		{[]string{"n"}, "n", "restart, new seed", "Run", true, in(exploring), does(func(a *app) { a.stage.SetSeed(newSeed()); a.restart() })},
		{[]string{"b"}, "b", "branch from this step", "Run", false, in(exploring), does((*app).branch)},
	}
}

func settingCommands() []command {
	return []command{
		{[]string{"up", "k"}, "↑ ↓", "select a setting", "Settings", false, in(exploring), arrow(0, -1, false)},
		{[]string{"down", "j"}, "", "", "", false, in(exploring), arrow(0, 1, false)},
		{[]string{"left", "h"}, "← →", "change it", "Settings", true, in(exploring), arrow(-1, 0, false)},
		{[]string{"right", "l"}, "", "", "", false, in(exploring), arrow(1, 0, false)},
		{[]string{"shift+left"}, "shift ← →", "change it by ten", "Settings", false, in(exploring), arrow(-1, 0, true)},
		{[]string{"shift+right"}, "", "", "", false, in(exploring), arrow(1, 0, true)},
		{[]string{"shift+up"}, "shift ↑ ↓", "move a keyframe far", "Settings", false, onPlot, arrow(0, -1, true)},
		{[]string{"shift+down"}, "", "", "", false, onPlot, arrow(0, 1, true)},
		{[]string{"tab"}, "tab", "next plot, back to settings", "Settings", false, in(exploring), does(func(a *app) { a.panel.NextFocus() })},
		{[]string{"a"}, "a", "add a keyframe", "Settings", false, onPlot, does(func(a *app) { a.apply(a.panel.AddKey(&a.stage)) })},
		{[]string{"delete", "backspace"}, "delete", "delete the keyframe", "Settings", false, onPlot, does(func(a *app) { a.apply(a.panel.DeleteKey(&a.stage)) })},
	}
}

func showCommands() []command {
	return []command{
		{[]string{"z", "enter"}, "z", "one image or all", "Show", true, single, does(func(a *app) {
			if a.zoom >= 0 {
				a.zoomTo(-1)
			} else {
				a.zoomTo(0)
			}
		})},
		{[]string{",", "<"}, ", ;", "previous image, next image", "Show", false, zoomed, does(func(a *app) { a.zoomTo(a.zoom - 1) })},
		{[]string{";", ">"}, "", "", "", false, zoomed, does(func(a *app) { a.zoomTo(a.zoom + 1) })},
		{[]string{"t"}, "t", "mark changed tokens", "Show", false, in(exploring), does(func(a *app) { a.toggleLook(changedTokens) })},
		{[]string{"c"}, "c", "confidence heat map", "Show", false, in(exploring), does(func(a *app) { a.toggleLook(confidence) })},
		{[]string{"\\"}, "\\", "hide or show the panel", "Show", false, in(exploring), does(func(a *app) { a.hidePanel = !a.hidePanel; a.relayout() })},
		{[]string{"ctrl+l"}, "ctrl+l", "redraw the screen", "Show", false, nil, func(a *app) tea.Cmd { a.relayout(); return tea.ClearScreen }},
	}
}

func compareCommands() []command {
	return []command{
		{[]string{"x"}, "x", "compare with a copy", "Compare", false, in(exploring), does(func(a *app) {
			if err := a.stage.Compare(); err != nil {
				a.fail(err)
				return
			}
			a.lanesChanged()
			a.say("Change a setting: it applies to this side only")
		})},
		{[]string{"w"}, "w", "sweep one setting", "Compare", false, in(exploring), func(a *app) tea.Cmd {
			return a.prompt.ask("sweep", "temperature end 0.4 to 1.0 in 4", func(text string) tea.Cmd {
				if err := a.stage.Sweep(text); err != nil {
					a.fail(err)
					return nil
				}
				a.lanesChanged()
				a.say("Comparing " + text)
				return nil
			})
		}},
		{[]string{"}"}, "{ }", "select a side", "Compare", true, comparing, does(func(a *app) { a.stage.Select(1) })},
		{[]string{"{"}, "", "", "", false, comparing, does(func(a *app) { a.stage.Select(-1) })},
		{[]string{"enter"}, "enter", "continue with this side", "Compare", true, comparing, does((*app).pick)},
		{[]string{"X"}, "X", "remove this side", "Compare", false, comparing, does(func(a *app) { a.stage.Drop(); a.lanesChanged() })},
	}
}

func keepCommands() []command {
	return []command{
		{[]string{"s"}, "s", "save the images on screen", "Keep", true, in(exploring, browsing), func(a *app) tea.Cmd { return a.save(saver.images) }},
		{[]string{"S"}, "S", "save an animation (GIF)", "Keep", false, in(exploring, browsing), func(a *app) tea.Cmd { return a.save(saver.gif) }},
		{nil, "", "save an animation in full colour (animated PNG)", "Keep", false, in(exploring, browsing), func(a *app) tea.Cmd { return a.save(saver.apng) }},
		{[]string{"p"}, "p", "save a preset", "Keep", false, in(exploring), func(a *app) tea.Cmd {
			return a.prompt.ask("preset name", "", a.savePreset)
		}},
		{[]string{"+"}, "+", "add to the gallery", "Keep", false, in(exploring), (*app).keepShown},
		{[]string{"g"}, "g", "open the gallery", "Keep", false, in(exploring), does((*app).browse)},
	}
}

func galleryCommands() []command {
	return []command{
		{[]string{"left", "h"}, "← → ↑ ↓", "select an image", "Gallery", false, in(browsing), does(func(a *app) { a.turn(-1) })},
		{[]string{"right", "l"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(1) })},
		{[]string{"up", "k"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(-a.tiles.columns()) })},
		{[]string{"down", "j"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(a.tiles.columns()) })},
		{[]string{"pgup"}, "pgup pgdn", "previous page, next page", "Gallery", false, in(browsing), does(func(a *app) { a.turn(-session.PageSize) })},
		{[]string{"pgdown"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(session.PageSize) })},
		{[]string{"enter"}, "enter", "return to its run", "Gallery", true, in(browsing), does((*app).revisit)},
		{[]string{"m"}, "m", "inpaint it", "Gallery", true, in(browsing), func(a *app) tea.Cmd {
			e := a.gallery.Current()
			return a.saver().source(e.Shot, e.Label)
		}},
		{[]string{"delete", "backspace"}, "delete", "remove it", "Gallery", false, in(browsing), does((*app).removeEntry)},
		{[]string{"g", "esc"}, "esc", "close the gallery", "Gallery", true, in(browsing), does((*app).browse)},
	}
}

func maskCommands() []command {
	return []command{
		{[]string{"m"}, "m", "inpaint this image", "Mask", false, in(exploring), (*app).maskShown},
		{[]string{"e"}, "e", "edit the mask", "Mask", true, inpainting, func(a *app) tea.Cmd {
			b := a.stage.Base
			a.canvas.Open(b.Name, b.Tokens, b.Image, a.stage.Samples)
			a.canvas.Replace(b.Pixels)
			return a.enterMask("Edit the mask, then press enter")
		}},
		{[]string{"M"}, "M", "sample from noise again", "Mask", false, inpainting, does(func(a *app) { a.stage.Base = nil; a.restart() })},
		{[]string{"space"}, "space", "paint, or set a corner", "Mask", true, in(masking), edit((*inpaint.Canvas).Apply)},
		{[]string{"enter"}, "enter", "inpaint", "Mask", true, in(masking), (*app).runMask},
		{[]string{"left", "h"}, "← ↑ ↓ →", "move the cursor", "Mask", false, in(masking), edit(func(c *inpaint.Canvas) { c.Move(-1, 0) })},
		{[]string{"right", "l"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Move(1, 0) })},
		{[]string{"up", "k"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Move(0, -1) })},
		{[]string{"down", "j"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Move(0, 1) })},
		{[]string{"shift+left", "H"}, "shift ← →", "move and paint", "Mask", false, in(masking), edit(func(c *inpaint.Canvas) { c.MovePainting(-1, 0) })},
		{[]string{"shift+right", "L"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.MovePainting(1, 0) })},
		{[]string{"shift+up", "K"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.MovePainting(0, -1) })},
		{[]string{"shift+down", "J"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.MovePainting(0, 1) })},
		{[]string{"b"}, "b r f", "brush, rectangle, fill", "Mask", true, in(masking), edit(func(c *inpaint.Canvas) { c.Choose(inpaint.Brush) })},
		{[]string{"r"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Choose(inpaint.Rectangle) })},
		{[]string{"f"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Choose(inpaint.Fill) })},
		{[]string{"e"}, "e", "erase or paint", "Mask", true, in(masking), edit(func(c *inpaint.Canvas) { c.Erase = !c.Erase })},
		{[]string{"-", "_"}, "- +", "brush size", "Mask", false, in(masking), edit(func(c *inpaint.Canvas) { c.Resize(-1) })},
		{[]string{"+", "="}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Resize(1) })},
		{[]string{"["}, "[ ]", "shrink, grow the mask", "Mask", false, in(masking), edit((*inpaint.Canvas).Shrink)},
		{[]string{"]"}, "", "", "", false, in(masking), edit((*inpaint.Canvas).Grow)},
		{[]string{"i"}, "i", "invert", "Mask", false, in(masking), edit((*inpaint.Canvas).Invert)},
		{[]string{"c"}, "c", "clear", "Mask", false, in(masking), edit((*inpaint.Canvas).Clear)},
		{[]string{"u"}, "u", "undo", "Mask", true, in(masking), edit((*inpaint.Canvas).Undo)},
		{[]string{"U", "ctrl+r"}, "U", "redo", "Mask", false, in(masking), edit((*inpaint.Canvas).Redo)},
		{[]string{"a"}, "a", "rule: any pixel, or all", "Mask", false, in(masking), edit((*inpaint.Canvas).ToggleRule)},
		{[]string{"v"}, "v V", "more variants, fewer", "Mask", false, in(masking), edit(func(c *inpaint.Canvas) { c.Variants = min(session.MaxSamples, c.Variants+1) })},
		{[]string{"V"}, "", "", "", false, in(masking), edit(func(c *inpaint.Canvas) { c.Variants = max(1, c.Variants-1) })},
		{[]string{"s"}, "s", "save the mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
			return a.prompt.ask("save the mask as", "mask.png", func(path string) tea.Cmd {
				return a.onceEdited(func() tea.Cmd { return saveMask(path, a.canvas.Mask.Pixels) })
			})
		}},
		{[]string{"d"}, "d", "load a mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
			return a.prompt.ask("load the mask from", "mask.png", func(path string) tea.Cmd { return loadMask(path, a.Model.ImageSize) })
		}},
		{[]string{"esc"}, "esc", "cancel", "Mask", true, in(masking), (*app).leaveMask},
	}
}

func appCommands() []command {
	return []command{
		{[]string{"o"}, "o", "open an image", "App", false, in(exploring, masking), func(a *app) tea.Cmd {
			a.cover(fileSheet)
			return a.files.open(a.layout.images)
		}},
		{[]string{":", "ctrl+p"}, ":", "all commands", "App", false, nil, func(a *app) tea.Cmd {
			a.cover(paletteSheet)
			return a.palette.open()
		}},
		{[]string{"?"}, "?", "all keys", "App", true, nil, does(func(a *app) { a.cover(helpSheet) })},
		{[]string{"q"}, "q", "quit", "App", true, nil, (*app).quit},
	}
}

// active are the commands that apply now.
func (a *app) active() []command {
	return slices.DeleteFunc(slices.Clone(a.commands), func(c command) bool { return !c.applies(a) })
}

// keyLine is the line at the bottom: the keys that matter most, and at its end, at any width, where the others are found.
func keyLine(active []command, m help.Model, width int) string {
	var special, general, always []key.Binding
	for _, c := range active {
		if !c.short {
			continue
		}
		binding := key.NewBinding(key.WithKeys(c.keys...), key.WithHelp(c.label, c.help))
		switch c.group {
		case "App":
			always = append(always, binding)
		case "Compare", "Mask": // only apply to what is shown, so they come first
			special = append(special, binding)
		default:
			general = append(general, binding)
		}
	}
	m.SetWidth(0)
	right := m.ShortHelpView(always)
	m.SetWidth(max(1, width-lipgloss.Width(right)-3))
	left := " " + m.ShortHelpView(append(special, general...))
	return fill(left, width-lipgloss.Width(right)-1) + right + " "
}

// helpView lists every key by group, in columns.
func helpView(active []command, styles theme, area graphics.Rect) string {
	var groups []string
	byGroup := map[string][]command{}
	widest := 0
	for _, c := range active {
		if c.label == "" {
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
		block := []string{" " + styles.title.Render(g)}
		for _, c := range byGroup[g] {
			block = append(block, "  "+styles.text.Render(fill(c.label, widest+2))+styles.dim.Render(c.help))
		}
		blocks = append(blocks, block)
	}
	return columns(blocks, area)
}

// columnWidth is a comfortable width for a line of help.
const columnWidth = 40

// columns lays out blocks of lines in columns, whole where they fit: with space between them if there is room, split if
// there is too little.
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
