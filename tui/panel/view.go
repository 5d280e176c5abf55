package panel

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/panel/plot"
	"sundae/tui/session"
)

// Width of the panel, in cells.
const Width = 32

// Styles of the panel.
type Styles struct {
	Text, Dim, Accent, Selected, Heading lipgloss.Style
}

// plotOf returns the plot of a schedule of the selected lane, with the values that its steps had.
func plotOf(s *session.Stage, on Focus, values schedule.Schedule) plot.Plot {
	l := s.Selected()
	steps := l.Settings.Steps
	p := plot.Plot{Schedule: values, Steps: steps, Current: min(s.Shown, l.Last()), Marks: l.Marks, Selected: -1}
	for _, stat := range l.Stats[:min(len(l.Stats), steps)] {
		p.Taken = append(p.Taken, one(on).Taken(stat))
	}
	return p
}

// line is one line of the panel: a field, a heading, or a row of a plot.
type line struct {
	field   int // -1 if none
	heading string
	plot    Focus // Fields if none
	row     int   // of the plot
}

// The heights of a plot in lines.
const leastPlot, largestPlot = 2, 10

// lines lays the panel out in so many rows. The plot of a schedule follows its fields. Headings and space between groups
// come where there is room; where there is little, some schedules have no plot, the one in focus last of all.
func (p *Panel) lines(rows int) []line {
	all := fields()
	free := rows - len(all)
	groups := 1 + len(session.Schedules)
	spacing := 2*groups - 1 // a heading each, a line between them
	roomy := free >= spacing+4*len(session.Schedules)
	if roomy {
		free -= spacing
	}
	var plotted []Focus
	for i := range max(0, min(free/leastPlot, len(session.Schedules))) {
		plotted = append(plotted, Focus(i+1))
	}
	if n := len(plotted); n > 0 && p.Focus != Fields && !slices.Contains(plotted, p.Focus) {
		plotted[n-1] = p.Focus
	}
	each := min(free/max(1, len(plotted)), largestPlot)
	var out []line
	last := Focus(-1)
	for i, f := range all {
		if f.part != last && roomy {
			if last >= 0 {
				out = append(out, line{field: -1})
			}
			out = append(out, line{field: -1, heading: heading(f.part)})
		}
		last = f.part
		out = append(out, line{field: i})
		ends := i == len(all)-1 || all[i+1].part != f.part
		if ends && slices.Contains(plotted, f.part) {
			for row := range each {
				out = append(out, line{field: -1, plot: f.part, row: row})
			}
		}
	}
	return out
}

// heading returns the heading of a group of fields.
func heading(part Focus) string {
	if part == Fields {
		return "Run"
	}
	name := one(part).Name
	return strings.ToUpper(name[:1]) + name[1:]
}

// top is the first of the lines on screen: the selected one stays in view.
func (p *Panel) top(lines []line, rows int) int {
	for i, l := range lines {
		if l.field == p.Field && i >= rows {
			return i - rows + 1
		}
	}
	return 0
}

// plotArea returns where the plot of a schedule is, in a panel that lies in area. Its Rows are 0 if it has no plot.
func (p *Panel) plotArea(area graphics.Rect, on Focus) graphics.Rect {
	at := graphics.Rect{X: area.X + 1, Cols: max(0, area.Cols-2)}
	for i, l := range p.lines(area.Rows) {
		if l.plot == on && on != Fields && area.Cols > 0 {
			if at.Rows == 0 {
				at.Y = area.Y + i
			}
			at.Rows++
		}
	}
	return at
}

// fieldAt returns the field at a cell of the screen, -1 if there is none.
func (p *Panel) fieldAt(area graphics.Rect, x, y int) int {
	if !area.Contains(x, y) {
		return -1
	}
	lines := p.lines(area.Rows)
	if i := y - area.Y + p.top(lines, area.Rows); i < len(lines) {
		return lines[i].field
	}
	return -1
}

// View returns the lines of a panel that lies in area, for the selected lane of a stage.
func (p *Panel) View(s *session.Stage, area graphics.Rect, styles Styles) []string {
	values := valuesOf(s)
	plots := map[Focus][]string{}
	for i := range session.Schedules {
		on := Focus(i + 1)
		drawn := plotOf(s, on, *values.schedule(on))
		drawn.Curve, drawn.Past, drawn.Axis, drawn.Mark, drawn.Key = styles.Text, styles.Accent, styles.Dim, styles.Dim, styles.Selected
		if p.Focus == on {
			drawn.Selected = p.Key
		}
		at := p.plotArea(area, on)
		plots[on] = strings.Split(drawn.View(at.Cols, at.Rows), "\n")
	}
	lines := p.lines(area.Rows)
	roomy := lines[0].heading != ""
	var out []string
	for _, l := range lines[p.top(lines, area.Rows):] {
		switch {
		case l.field >= 0:
			out = append(out, p.fieldView(values, l.field, roomy, styles))
		case l.plot != Fields:
			text := ""
			if l.row < len(plots[l.plot]) {
				text = plots[l.plot][l.row]
			}
			marker := " "
			if p.Focus == l.plot {
				marker = styles.Accent.Render("▎")
			}
			out = append(out, marker+text)
		default:
			out = append(out, " "+styles.Heading.Render(l.heading))
		}
	}
	return out[:min(area.Rows, len(out))]
}

// fieldView returns the line of a field. Under a heading its name need not repeat the heading.
func (p *Panel) fieldView(values Values, i int, headed bool, styles Styles) string {
	f := fields()[i]
	name, value := f.name, f.value(values)
	if _, short, ok := strings.Cut(name, " "); ok && headed && f.part != Fields {
		name = short
	}
	gap := strings.Repeat(" ", max(1, Width-4-lipgloss.Width(name)-lipgloss.Width(value)))
	if i == p.Field && p.Focus == Fields {
		return styles.Accent.Render(" › ") + styles.Selected.Render(name) + gap + styles.Selected.Render(value) + " "
	}
	return "   " + styles.Dim.Render(name) + gap + styles.Text.Render(value) + " "
}
