package tui

import (
	"image"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sundae/tui/graphics"
	"sundae/tui/mask"
)

// The mouse paints. A terminal that can (mode 1016 of xterm, kitty, foot and
// others) is asked to tell where it is in pixels rather than cells while a mask
// is painted: a cell may cover tens of pixels of the picture.

// askMouse asks the terminal whether it tells of pixels, where pictures have any.
func (a *app) askMouse() tea.Cmd {
	if a.Terminal.Protocol == graphics.Blocks || a.Terminal.Protocol == "" || a.Terminal.CellWidth <= 0 || a.Terminal.CellHeight <= 0 {
		return nil
	}
	return tea.Raw(ansi.RequestModeMouseExtSgrPixel)
}

// toldMode takes the answer.
func (a *app) toldMode(msg tea.ModeReportMsg) {
	if msg.Mode == ansi.ModeMouseExtSgrPixel {
		a.masking.fine = msg.Value.IsSet() || msg.Value.IsReset()
	}
}

// maskMouse uses the tool where the mouse is: the left button paints, or erases
// when that was chosen, and the right one does the other.
func (a *app) maskMouse(msg tea.MouseMsg) tea.Cmd {
	m := &a.masking
	at := msg.Mouse()
	point, on := a.pixelAt(at.X, at.Y)
	switch msg.(type) {
	case tea.MouseWheelMsg:
		m.resize(map[tea.MouseButton]int{tea.MouseWheelUp: 1, tea.MouseWheelDown: -1}[at.Button])
	case tea.MouseClickMsg:
		if !on || at.Button != tea.MouseLeft && at.Button != tea.MouseRight {
			return nil
		}
		m.cursor, m.held = point, true
		m.paints = m.erase == (at.Button == tea.MouseRight)
		m.easel.do((*mask.Editor).Begin)
		m.press(m.paints)
	case tea.MouseMotionMsg:
		if !m.held {
			return nil
		}
		if m.tool == brush {
			m.stroke(m.cursor, point, m.paints)
		}
		m.cursor = point
	case tea.MouseReleaseMsg:
		if !m.held {
			return nil
		}
		if m.tool == rectangle && m.corner != nil && *m.corner != m.cursor {
			m.press(m.paints)
		}
		m.easel.do((*mask.Editor).End)
		m.held = false
	}
	return a.masked()
}

// pixelAt is the picture's pixel under the mouse, and whether it is on the
// picture; beyond it, the nearest one.
func (a *app) pixelAt(x, y int) (image.Point, bool) {
	if len(a.tiles) == 0 {
		return image.Point{}, false
	}
	r, w, h := a.tiles[0].area, 1, 1 // of a cell, in what the mouse counts
	shown := a.tiles[0].shown
	if shown.Frame.Cols > 0 {
		r = shown.Rect
		r.Cols, r.Rows = shown.Frame.Cols, shown.Frame.Rows
	}
	if a.screen.PixelMouse() {
		w, h = a.Terminal.CellWidth, a.Terminal.CellHeight
	}
	size := a.masking.picture.Rect.Size()
	to := func(at, from, length, pixels int) (int, bool) {
		length = max(1, length)
		off := 2*(at-from) + 1 // the middle, in halves
		return max(0, min(pixels-1, off*pixels/(2*length))), off > 0 && off < 2*length
	}
	px, onX := to(x, r.X*w, r.Cols*w, size.X)
	py, onY := to(y, r.Y*h, r.Rows*h, size.Y)
	return image.Pt(px, py), onX && onY
}
