package tui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"sundae/internal/bundle"
	"sundae/internal/progress"
	"sundae/sampler"
	"sundae/tui/graphics"
	"sundae/tui/inpaint"
	"sundae/tui/panel"
	"sundae/tui/session"
)

// View returns the screen as text. Images that are not text are drawn over it.
func (a *app) View() tea.View {
	v := tea.View{AltScreen: true, MouseMode: tea.MouseModeCellMotion, WindowTitle: "Sundae: " + a.Model.Name}
	switch {
	case a.layout.width == 0:
	case a.layout.tooSmall():
		v.Content = fmt.Sprintf("Too small: %d×%d, needs %d×%d", a.layout.width, a.layout.height, leastWidth, leastHeight)
	default:
		timeline := ""
		if a.mode == exploring {
			timeline = timelineView(&a.stage, a.theme, a.layout.timeline.Cols)
		}
		keys := keyLine(a.active(), a.help, a.layout.width)
		if !a.hinted {
			keys = fill(a.theme.accent.Render(" space pauses, ← → changes the selected setting, ? shows all keys"), a.layout.width)
		}
		v.Content = strings.Join([]string{a.titleLine(), a.body(), timeline, a.statusLines(), keys}, "\n")
	}
	return v
}

func (a *app) titleLine() string {
	m := a.Model
	left := " " + a.theme.title.Render("Sundae") + a.theme.dim.Render(fmt.Sprintf("  %s  %d×%d", m.Name, m.ImageSize, m.ImageSize))
	right := ""
	switch l := a.stage.Selected(); {
	case a.mode == masking:
		right = "inpainting " + a.canvas.Name
	case a.mode == browsing:
		right = a.gallery.Title()
	case len(a.stage.Lanes) > 1:
		right = fmt.Sprintf("comparing %d, panel shows %d: %s", len(a.stage.Lanes), a.stage.Lane+1, l.Label)
	default:
		right = fmt.Sprintf("%s  seed %d", session.ClassName(m.Classes, l.Settings.Class), l.Settings.Seed)
	}
	return spread(left, a.theme.dim.Render(right+" "), a.layout.width)
}

// spread puts two texts at the ends of a line; the right one is cut first.
func spread(left, right string, width int) string {
	right = ansi.Truncate(right, max(0, width-lipgloss.Width(left)-2), "…")
	gap := width - lipgloss.Width(left) - lipgloss.Width(right)
	return ansi.Truncate(left+strings.Repeat(" ", max(0, gap))+right, width, "")
}

// body returns the images, or the sheet that covers them, beside the panel.
func (a *app) body() string {
	area, side := a.layout.images, a.layout.panel
	var lines []string
	switch a.sheet {
	case helpSheet: // takes the panel's room as well
		area, side = a.layout.body, graphics.Rect{}
		lines = strings.Split(helpView(a.active(), a.theme, area), "\n")
	case paletteSheet:
		lines = a.palette.view(a.found(), a.theme, area)
	case fileSheet:
		lines = strings.Split(a.files.view(a.theme), "\n")
	default:
		lines = a.imageLines(area)
	}
	var settings []string
	switch {
	case side.Cols == 0:
	case a.mode == masking:
		settings = maskPanel(a.canvas, a.Model, a.theme)
	default:
		settings = a.panel.View(&a.stage, side, a.theme.panelStyles())
	}
	out := make([]string, a.layout.body.Rows)
	for y := range out {
		line := ""
		if y < len(lines) {
			line = lines[y]
		}
		out[y] = fill(line, area.Cols)
		if side.Cols > 0 {
			out[y] += a.theme.border.Render("│")
			if y < len(settings) {
				out[y] += fill(settings[y], side.Cols)
			}
		}
	}
	return strings.Join(out, "\n")
}

// fill cuts or pads a line to a width in cells.
func fill(line string, width int) string {
	if w := lipgloss.Width(line); w < width {
		return line + strings.Repeat(" ", width-w)
	} else if w > width {
		return ansi.Truncate(line, width, "")
	}
	return line
}

// imageLines lays out the text of the tiles. Their places and widths are known, so that no line needs to be measured.
func (a *app) imageLines(area graphics.Rect) []string {
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
	for _, t := range a.tiles {
		if frame, rect := t.shown.Frame, t.shown.Rect; frame.Text != "" {
			for row, text := range strings.Split(frame.Text, "\n") {
				put(rect.Y+row, rect.X, frame.Cols, text)
			}
		} else if t.area.Rows > 0 {
			put(t.area.Y+t.area.Rows/2, t.area.X, t.area.Cols, a.theme.dim.Render(centre("waiting for the first image", t.area.Cols)))
		}
		if t.label.Rows > 0 {
			put(t.label.Y, t.label.X, t.label.Cols, a.caption(t))
		}
	}
	out := make([]string, area.Rows)
	for y := range lines {
		out[y] = lines[y].String() + strings.Repeat(" ", max(0, area.Cols-ends[y]))
	}
	return out
}

// caption returns the line below a tile.
func (a *app) caption(t tile) string {
	var text string
	var selected bool
	if a.mode == browsing {
		text, selected = a.gallery.Entries[t.sample].Label, t.sample == a.gallery.Selected
	} else {
		text, selected = a.stage.Lanes[t.lane].Label, t.lane == a.stage.Lane
	}
	style, marker := a.theme.dim, ""
	if selected {
		style, marker = a.theme.selected, "› " // visible without colours, too
	}
	if over := lipgloss.Width(marker+text) - t.label.Cols; over > 0 {
		text = ansi.TruncateLeft(text, over+1, "…") // the value comes last
	}
	return style.Render(centre(marker+text, t.label.Cols))
}

func centre(text string, cols int) string {
	text = ansi.Truncate(text, cols, "…")
	left := (cols - lipgloss.Width(text)) / 2
	return strings.Repeat(" ", left) + text + strings.Repeat(" ", cols-left-lipgloss.Width(text))
}

// timelineColumn is the column of a step.
func timelineColumn(step, steps, cols int) int {
	return min(cols-1, step*(cols-1)/max(1, steps))
}

// timelineStep is the step nearest to a column.
func timelineStep(column, steps, cols int) int {
	return max(0, min(steps, (column*steps+(cols-1)/2)/max(1, cols-1)))
}

// timelineView is the line under the images: the steps of the run, how far it is, the step shown, and where settings
// changed.
func timelineView(s *session.Stage, styles theme, cols int) string {
	steps := s.Steps()
	taken, shown := timelineColumn(s.Newest(), steps, cols), timelineColumn(s.Shown, steps, cols)
	marked := map[int]bool{}
	for _, step := range s.Selected().Marks {
		marked[timelineColumn(step, steps, cols)] = true
	}
	var past, future strings.Builder
	for x := range cols {
		symbol, part := '━', &past
		if x > taken {
			symbol, part = '─', &future
		}
		switch {
		case x == shown:
			symbol = '●'
		case marked[x]:
			symbol = '┿'
		}
		part.WriteRune(symbol)
	}
	return " " + styles.accent.Render(past.String()) + styles.dim.Render(future.String())
}

// statusLines say where the run is and how long everything takes, in columns that stay where they are while the numbers
// change.
func (a *app) statusLines() string {
	width := a.layout.width
	first := ansi.Truncate(" "+join(a.theme, runStatus(&a.stage, a.theme)), width, "…")
	if a.prompt.active {
		return first + "\n" + fill(" "+a.prompt.input.View(), width)
	}
	second := " " + join(a.theme, a.costs())
	note := a.theme.accent.Render(a.note)
	if a.isError {
		note = a.theme.bad.Render(a.note)
	}
	switch {
	case a.note == "":
		second = ansi.Truncate(second, width, "…")
	case lipgloss.Width(a.note)+lipgloss.Width(second)+3 > width: // the note is more important
		second = ansi.Truncate(" "+note, width, "…")
	default:
		second = spread(second, note+" ", width)
	}
	return first + "\n" + second
}

// join joins the items of a status line.
func join(styles theme, items []string) string { return strings.Join(items, styles.dim.Render("  ")) }

// runStatus is the first status line: the step shown.
func runStatus(s *session.Stage, styles theme) []string {
	l := s.Selected()
	state := "paused "
	switch {
	case s.Done:
		state = "done   "
	case s.Playing:
		state = "running"
	}
	total := strconv.Itoa(l.Settings.Steps)
	items := []string{styles.accent.Render(fmt.Sprintf("%s %*d/%s", state, len(total), min(s.Shown, l.Last()), total))}
	if stat := l.Stat(s.Shown); stat != nil {
		items = append(items, stepItems(stat, s.Model.Latent.Tokens(), styles)...)
	}
	return items
}

// stepItems say what a step did.
func stepItems(stat *sampler.Stats, tokens int, styles theme) []string {
	changed := 0
	for _, n := range stat.Changed {
		changed += n
	}
	var items []string
	for _, one := range session.Schedules {
		if value := one.Taken(*stat); value > 0 || !one.Quiet {
			items = append(items, item(styles, one.Short, panel.Number(value)))
		}
	}
	return append(items,
		item(styles, "changed", fmt.Sprintf("%3d%%", 100*changed/max(1, len(stat.Changed)*tokens))),
		item(styles, "frozen", fmt.Sprintf("%d/%d", stat.Frozen, len(stat.Changed))),
		item(styles, "confidence", panel.Number(stat.Confidence)),
	)
}

// costs is the second status line: what takes how long, and what is painted over the images.
func (a *app) costs() []string {
	var items []string
	if stat := a.stage.Selected().Stat(a.stage.Shown); stat != nil {
		items = append(items, item(a.theme, "step", milliseconds(stat.Took)))
	}
	if left := a.stage.Left(); left >= shownLeft {
		items = append(items, item(a.theme, "left", fmt.Sprintf("%6s", progress.Duration(left))))
	}
	if a.decoded.Picture != nil {
		items = append(items, item(a.theme, "decode", milliseconds(a.decoded.Took)))
	}
	if a.drawn.Bytes > 0 {
		items = append(items, item(a.theme, string(a.Terminal.Protocol), milliseconds(a.drawn.Took)+" "+byteCount(a.drawn.Bytes)))
	}
	items = append(items, item(a.theme, "on", a.device))
	if a.look != plain {
		items = append(items, a.theme.accent.Render([]string{"", "changed tokens", "confidence"}[a.look]))
	}
	return items
}

func item(styles theme, name, value string) string {
	return styles.dim.Render(name+" ") + styles.text.Render(value)
}

// shownLeft is the least time left that is shown: of shorter runs one can wait for the end.
const shownLeft = 5 * time.Second

func milliseconds(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%5.1f s", d.Seconds())
	}
	return fmt.Sprintf("%4d ms", d.Milliseconds())
}

// byteCount writes a size in few characters, always the same number of them.
func byteCount(n int) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%4d B ", n)
	case n < 10_000_000:
		return fmt.Sprintf("%4d kB", n/1000)
	}
	return fmt.Sprintf("%4d MB", n/1_000_000)
}

// maskPanel is the panel while a mask is painted.
func maskPanel(c *inpaint.Canvas, m bundle.Manifest, styles theme) []string {
	action := "paint"
	if c.Erase {
		action = "erase"
	}
	rule := "any pixel masked"
	if c.Rule == sampler.All {
		rule = "all pixels masked"
	}
	line := func(name, value string) string {
		return "  " + styles.dim.Render(fill(name, 10)) + styles.text.Render(value)
	}
	n, total := c.Mask.Count, m.Latent.Tokens()
	return []string{
		" " + styles.title.Render("Mask"),
		line("tool", c.Tool.String()),
		line("action", action),
		line("brush", fmt.Sprintf("%d pixels", 2*c.Radius+1)),
		line("tokens", rule),
		line("", fmt.Sprintf("%d of %d masked", n, total)),
		line("", fmt.Sprintf("%d%% of the image", 100*n/total)),
		line("variants", strconv.Itoa(c.Variants)),
		"",
		styles.dim.Render("  The outline shows what will"),
		styles.dim.Render("  be sampled: whole tokens of"),
		styles.dim.Render(fmt.Sprintf("  %d×%d pixels.", m.Downsample, m.Downsample)),
	}
}
