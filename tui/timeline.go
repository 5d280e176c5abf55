package tui

import (
	"strings"

	"sundae/tui/graphics"
)

// The timeline is one line under the pictures: the steps of the run, how far it
// is, the step on show, and where settings changed. A click goes to a step.

func (a *app) timelineArea() graphics.Rect {
	body := a.bodyArea()
	return graphics.Rect{X: 1, Y: body.Y + body.Rows, Cols: max(1, a.width-2), Rows: 1}
}

// timelineColumn is where a step stands, from 0.
func timelineColumn(step, steps, cols int) int {
	return min(cols-1, step*(cols-1)/max(1, steps))
}

// timelineStep is the step nearest to a column.
func timelineStep(column, steps, cols int) int {
	return max(0, min(steps, (column*steps+(cols-1)/2)/max(1, cols-1)))
}

func (a *app) timelineView() string {
	if a.mode != exploring {
		return ""
	}
	cols := a.timelineArea().Cols
	l := &a.stage.lanes[a.stage.lane]
	steps := max(l.settings.Steps, a.stage.newest())
	taken := timelineColumn(a.stage.newest(), steps, cols)
	shown := timelineColumn(a.stage.shown, steps, cols)
	marked := map[int]bool{}
	for _, step := range l.marks {
		marked[timelineColumn(step, steps, cols)] = true
	}
	// Runs of one style are drawn as one: 250 cells need not be 250 sequences.
	var out, run strings.Builder
	past := true
	flush := func() {
		if run.Len() > 0 {
			style := a.theme.dim
			if past {
				style = a.theme.accent
			}
			out.WriteString(style.Render(run.String()))
			run.Reset()
		}
	}
	for x := range cols {
		if before := x <= taken; before != past {
			flush()
			past = before
		}
		switch {
		case x == shown:
			run.WriteString("●")
		case marked[x]:
			run.WriteString("┿")
		case past:
			run.WriteString("━")
		default:
			run.WriteString("─")
		}
	}
	flush()
	return " " + out.String()
}
