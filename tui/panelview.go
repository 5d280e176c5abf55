package tui

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"sundae/tui/graphics"
	"sundae/tui/plot"
)

// panelLine is one line of the panel: a field, a heading, or a row of a plot.
type panelLine struct {
	field   int // -1 none
	heading string
	plot    focus // onFields: none
	row     int   // of the plot
}

// Heights of a plot, in lines.
const leastPlot, largestPlot = 2, 10

// panelLines lays the panel out in so many rows: each schedule's plot follows
// its fields, headings and space between the groups come where there is room, and
// where there is little some schedules have no plot, the one in focus last of all.
func (a *app) panelLines(rows int) []panelLine {
	free := rows - len(fields)
	groups := 1 + len(inOrder)
	airy := 2*groups - 1 // a heading each, a line between
	roomy := free >= airy+4*len(inOrder)
	if roomy {
		free -= airy
	}
	plotted := slices.Clone(inOrder[:max(0, min(free/leastPlot, len(inOrder)))])
	if n := len(plotted); n > 0 && a.panel.focus != onFields && !slices.Contains(plotted, a.panel.focus) {
		plotted[n-1] = a.panel.focus
	}
	each := min(free/max(1, len(plotted)), largestPlot)
	var out []panelLine
	last := focus(-1)
	for i, f := range fields {
		if f.part != last && roomy {
			if last >= 0 {
				out = append(out, panelLine{field: -1})
			}
			out = append(out, panelLine{field: -1, heading: heading(f.part)})
		}
		last = f.part
		out = append(out, panelLine{field: i})
		ends := i == len(fields)-1 || fields[i+1].part != f.part
		if ends && slices.Contains(plotted, f.part) {
			for row := range each {
				out = append(out, panelLine{field: -1, plot: f.part, row: row})
			}
		}
	}
	return out
}

// heading stands over a group of fields.
func heading(part focus) string {
	if part == onFields {
		return "Run"
	}
	name := schedules[part].name
	return strings.ToUpper(name[:1]) + name[1:]
}

// panelTop is the first of the panel's lines on screen: where they are more than
// fit, the selected one stays in view.
func (a *app) panelTop(rows int) int {
	lines := a.panelLines(rows)
	for i, l := range lines {
		if l.field == a.panel.field && i >= rows {
			return i - rows + 1
		}
	}
	return 0
}

// plotArea is where a schedule's plot is on screen; Rows 0 where there is no room.
func (a *app) plotArea(on focus) graphics.Rect {
	body := a.bodyArea()
	if a.panelHidden() {
		return graphics.Rect{}
	}
	area := graphics.Rect{X: body.X + body.Cols - panelWidth + 1, Cols: panelWidth - 2}
	for i, l := range a.panelLines(body.Rows) {
		if l.plot == on && on != onFields {
			if area.Rows == 0 {
				area.Y = body.Y + i
			}
			area.Rows++
		}
	}
	return area
}

// fieldAt is the field at a cell of the screen; -1 none.
func (a *app) fieldAt(x, y int) int {
	body := a.bodyArea()
	lines := a.panelLines(body.Rows)
	if i := y - body.Y + a.panelTop(body.Rows); !a.panelHidden() && x > body.Cols-panelWidth && y >= body.Y && i < len(lines) {
		return lines[i].field
	}
	return -1
}

// plotOf is a schedule as it is drawn.
func (a *app) plotOf(on focus) plot.Plot {
	l := &a.stage.lanes[a.stage.lane]
	s, _ := a.schedule(on)
	p := plot.Plot{
		Schedule: *s, Steps: l.settings.Steps, Current: min(a.stage.shown, len(l.frames)-1), Marks: l.marks, Selected: -1,
		Curve: a.theme.text, Past: a.theme.accent, Axis: a.theme.dim, Mark: a.theme.dim, Key: a.theme.selected,
	}
	for _, stat := range l.stats[:min(len(l.stats), l.settings.Steps)] {
		p.Taken = append(p.Taken, schedules[on].taken(stat))
	}
	if a.panel.focus == on {
		p.Selected = a.panel.key
	}
	return p
}

// panelView is the panel's lines.
func (a *app) panelView(rows int) string {
	plots := map[focus][]string{}
	for _, on := range inOrder {
		area := a.plotArea(on)
		plots[on] = strings.Split(a.plotOf(on).View(area.Cols, area.Rows), "\n")
	}
	var out []string
	lines := a.panelLines(rows)
	roomy := lines[0].heading != ""
	for _, l := range lines[a.panelTop(rows):] {
		switch {
		case l.field >= 0:
			out = append(out, a.fieldView(l.field, roomy))
		case l.plot != onFields:
			text := ""
			if l.row < len(plots[l.plot]) {
				text = plots[l.plot][l.row]
			}
			marker := " "
			if a.panel.focus == l.plot {
				marker = a.theme.accent.Render("▎")
			}
			out = append(out, marker+text)
		default:
			out = append(out, " "+a.theme.on.Render(l.heading))
		}
	}
	return strings.Join(out[:min(rows, len(out))], "\n")
}

// fieldView is a field's line: under its heading the name need not repeat it.
func (a *app) fieldView(i int, headed bool) string {
	f := fields[i]
	name, value := f.name, f.value(a, a.stage.lanes[a.stage.lane].settings)
	if _, short, ok := strings.Cut(name, " "); ok && headed && f.part != onFields {
		name = short
	}
	gap := strings.Repeat(" ", max(1, panelWidth-4-lipgloss.Width(name)-lipgloss.Width(value)))
	if i == a.panel.field && a.panel.focus == onFields {
		return a.theme.accent.Render(" › ") + a.theme.selected.Render(name) + gap + a.theme.selected.Render(value) + " "
	}
	return "   " + a.theme.dim.Render(name) + gap + a.theme.text.Render(value) + " "
}
