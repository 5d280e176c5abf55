package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"

	"sundae/tui/graphics"
)

// The least terminal that the app draws in, and the least for the panel.
const (
	leastWidth, leastHeight = 40, 12
	leastForPanel           = 70
)

// The screen, from top to bottom: title, body (pictures and panel), timeline, two
// lines of status, one of keys.
const linesAround = 5

func (a *app) tooSmall() bool { return a.width < leastWidth || a.height < leastHeight }

func (a *app) panelHidden() bool { return a.noPanel || a.width < leastForPanel || a.mode == browsing }

func (a *app) bodyArea() graphics.Rect {
	return graphics.Rect{X: 0, Y: 1, Cols: a.width, Rows: max(0, a.height-linesAround)}
}

// pictureArea is the body without the panel.
func (a *app) pictureArea() graphics.Rect {
	r := a.bodyArea()
	if !a.panelHidden() {
		r.Cols -= panelWidth + 1
	}
	return r
}

// View draws the screen as text; pictures that are more than text are drawn over it.
func (a *app) View() tea.View {
	v := tea.View{AltScreen: true, MouseMode: tea.MouseModeCellMotion, WindowTitle: "Sundae: " + a.Model.Name}
	switch {
	case a.width == 0:
		v.Content = ""
	case a.tooSmall():
		v.Content = fmt.Sprintf("Too small: %d×%d, needs %d×%d", a.width, a.height, leastWidth, leastHeight)
	default:
		v.Content = strings.Join([]string{a.titleLine(), a.body(), a.timelineView(), a.statusLines(), a.keyLine()}, "\n")
	}
	return v
}

func (a *app) titleLine() string {
	s := a.stage.lanes[a.stage.lane].settings
	m := a.Model
	left := " " + a.theme.title.Render("Sundae") + a.theme.dim.Render(fmt.Sprintf("  %s  %d×%d", m.Name, m.ImageSize, m.ImageSize))
	right := ""
	switch {
	case a.mode == masking:
		right = a.maskTitle()
	case a.mode == browsing:
		right = a.gallery.title()
	case len(a.stage.lanes) > 1:
		right = fmt.Sprintf("comparing %d, panel shows %d: %s", len(a.stage.lanes), a.stage.lane+1, a.stage.lanes[a.stage.lane].label)
	default:
		right = fmt.Sprintf("%s  seed %d", className(m.Classes, s.Class), s.Seed)
	}
	return a.spread(left, a.theme.dim.Render(right+" "))
}

// spread puts two texts at the ends of a line; the right one is cut first.
func (a *app) spread(left, right string) string {
	right = ansi.Truncate(right, max(0, a.width-lipgloss.Width(left)-2), "…")
	gap := a.width - lipgloss.Width(left) - lipgloss.Width(right)
	return ansi.Truncate(left+strings.Repeat(" ", max(0, gap))+right, a.width, "")
}

// body is the pictures, or the sheet that covers them, beside the panel.
func (a *app) body() string {
	room := a.bodyArea()
	area, alone := a.pictureArea(), a.panelHidden()
	if a.sheet == helpSheet {
		area, alone = room, true
	}
	var lines []string
	switch a.sheet {
	case helpSheet:
		lines = strings.Split(a.helpView(area), "\n")
	case commandSheet:
		lines = strings.Split(a.paletteView(area), "\n")
	case fileSheet:
		lines = strings.Split(a.fileView(area), "\n")
	default:
		lines = a.pictureLines(area)
	}
	var panel []string
	if !alone {
		if a.mode == masking {
			panel = strings.Split(a.maskPanel(room.Rows), "\n")
		} else {
			panel = strings.Split(a.panelView(room.Rows), "\n")
		}
	}
	var out strings.Builder
	for y := range room.Rows {
		line := ""
		if y < len(lines) {
			line = lines[y]
		}
		out.WriteString(fill(line, area.Cols))
		if !alone {
			out.WriteString(a.theme.border.Render("│"))
			if y < len(panel) {
				out.WriteString(fill(panel[y], panelWidth))
			}
		}
		if y < room.Rows-1 {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// fill cuts or widens a line to width cells.
func fill(line string, width int) string {
	if w := lipgloss.Width(line); w < width {
		return line + strings.Repeat(" ", width-w)
	} else if w > width {
		return ansi.Truncate(line, width, "")
	}
	return line
}

// pictureLines lays the tiles' text out; x and width of each are known, so no
// line is measured.
func (a *app) pictureLines(area graphics.Rect) []string {
	lines := make([]strings.Builder, area.Rows)
	ends := make([]int, area.Rows) // cells written so far
	put := func(y, x, cols int, text string) {
		y -= area.Y
		if y < 0 || y >= area.Rows || x < ends[y] {
			return
		}
		lines[y].WriteString(strings.Repeat(" ", x-ends[y]))
		lines[y].WriteString(text)
		ends[y] = x + cols
	}
	for i, t := range a.tiles {
		if t.shown.Frame.Text != "" {
			for row, text := range strings.Split(t.shown.Frame.Text, "\n") {
				put(t.shown.Rect.Y+row, t.shown.Rect.X, t.shown.Frame.Cols, text)
			}
		} else if t.area.Rows > 0 {
			waiting := "waiting for the first picture"
			put(t.area.Y+t.area.Rows/2, t.area.X, t.area.Cols, a.theme.dim.Render(centre(waiting, t.area.Cols)))
		}
		if t.label.Rows > 0 {
			label, style, marker := a.tileLabel(i), a.theme.dim, ""
			if a.tileSelected(i) {
				style, marker = a.theme.selected, "› " // told apart without colours, too
			}
			if over := lipgloss.Width(marker+label) - t.label.Cols; over > 0 {
				label = ansi.TruncateLeft(label, over+1, "…") // what differs comes last
			}
			label = marker + label
			put(t.label.Y, t.label.X, t.label.Cols, style.Render(centre(label, t.label.Cols)))
		}
	}
	out := make([]string, area.Rows)
	for y := range lines {
		out[y] = lines[y].String() + strings.Repeat(" ", max(0, area.Cols-ends[y]))
	}
	return out
}

func centre(text string, cols int) string {
	text = ansi.Truncate(text, cols, "…")
	left := (cols - lipgloss.Width(text)) / 2
	return strings.Repeat(" ", left) + text + strings.Repeat(" ", cols-left-lipgloss.Width(text))
}

func (a *app) tileLabel(i int) string {
	if a.mode == browsing {
		return a.gallery.label(a.tiles[i].sample)
	}
	return a.stage.lanes[a.tiles[i].lane].label
}

func (a *app) tileSelected(i int) bool {
	if a.mode == browsing {
		return a.tiles[i].sample == a.gallery.selected
	}
	return len(a.stage.lanes) > 1 && a.tiles[i].lane == a.stage.lane
}

// statusLines say where the run is and what everything costs, in columns that
// keep their place while the numbers change.
func (a *app) statusLines() string {
	l := &a.stage.lanes[a.stage.lane]
	state := "paused "
	switch {
	case a.ended():
		state = "done   "
	case a.stage.playing:
		state = "running"
	}
	total := strconv.Itoa(l.settings.Steps)
	items := []string{a.theme.accent.Render(fmt.Sprintf("%s %*d/%s", state, len(total), min(a.stage.shown, max(0, len(l.frames)-1)), total))}
	costs := []string{}
	item := func(to *[]string, name, value string) {
		*to = append(*to, a.theme.dim.Render(name+" ")+a.theme.text.Render(value))
	}
	if stat := l.stat(a.stage.shown); stat != nil {
		changed := 0
		for _, n := range stat.Changed {
			changed += n
		}
		share := 100 * changed / max(1, len(stat.Changed)*a.Model.Latent.Tokens())
		item(&items, "temp", number(stat.Temperature))
		item(&items, "prop", number(stat.Proportion))
		if stat.Renoise > 0 {
			item(&items, "corr", number(stat.Renoise))
		}
		item(&items, "changed", fmt.Sprintf("%3d%%", share))
		item(&items, "frozen", fmt.Sprintf("%d/%d", stat.Frozen, len(stat.Changed)))
		item(&items, "confidence", number(stat.Confidence))
		item(&costs, "step", milliseconds(stat.Took))
	}
	if a.decode.Picture != nil {
		item(&costs, "decode", milliseconds(a.decode.Took))
	}
	if a.drawing.Bytes > 0 {
		item(&costs, string(a.Terminal.Protocol), fmt.Sprintf("%s %s", milliseconds(a.drawing.Took), byteCount(a.drawing.Bytes)))
	}
	item(&costs, "on", a.Prior.Device())
	if a.look != plain {
		costs = append(costs, a.theme.accent.Render([]string{"", "changed tokens", "confidence"}[a.look]))
	}
	first := ansi.Truncate(" "+strings.Join(items, a.theme.dim.Render("  ")), a.width, "…")
	note := a.theme.accent.Render(a.note)
	if a.isError {
		note = a.theme.bad.Render(a.note)
	}
	if a.prompt.active {
		return first + "\n" + a.promptView()
	}
	second := " " + strings.Join(costs, a.theme.dim.Render("  "))
	if a.note == "" {
		return first + "\n" + ansi.Truncate(second, a.width, "…")
	}
	if lipgloss.Width(a.note)+lipgloss.Width(second)+3 > a.width {
		return first + "\n" + ansi.Truncate(" "+note, a.width, "…") // what was said comes first
	}
	return first + "\n" + a.spread(second, note+" ")
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%4d ms", d.Milliseconds()) }

// byteCount is a size in few characters, always as wide.
func byteCount(n int) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%4d B ", n)
	case n < 10_000_000:
		return fmt.Sprintf("%4d kB", n/1000)
	}
	return fmt.Sprintf("%4d MB", n/1_000_000)
}
