package tui

import (
	"sundae/tui/graphics"
	"sundae/tui/panel"
)

// The smallest terminal that the app draws in, and the narrowest with a panel.
const (
	leastWidth, leastHeight = 40, 12
	leastForPanel           = 70
)

// linesAround is the number of lines that do not belong to the body: the title, the timeline, two lines of status and
// the keys.
const linesAround = 5

// layout is the screen, divided into rectangles.
type layout struct {
	width, height int           // of the screen; 0 while unknown
	body          graphics.Rect // images and panel
	images        graphics.Rect
	panel         graphics.Rect // Cols is 0 if it is hidden
	timeline      graphics.Rect
}

// newLayout divides a screen.
func newLayout(width, height int, withPanel bool) layout {
	l := layout{width: width, height: height}
	l.body = graphics.Rect{Y: 1, Cols: width, Rows: max(0, height-linesAround)}
	l.images = l.body
	if withPanel && width >= leastForPanel {
		l.panel = graphics.Rect{X: width - panel.Width, Y: l.body.Y, Cols: panel.Width, Rows: l.body.Rows}
		l.images.Cols -= panel.Width + 1 // and a border
	}
	l.timeline = graphics.Rect{X: 1, Y: l.body.Y + l.body.Rows, Cols: max(1, width-2), Rows: 1}
	return l
}

// stepAt is the step of the timeline at a column of the screen.
func (l layout) stepAt(x, steps int) int { return timelineStep(x-l.timeline.X, steps, l.timeline.Cols) }

func (l layout) tooSmall() bool { return l.width < leastWidth || l.height < leastHeight }
