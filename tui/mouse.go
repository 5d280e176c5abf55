package tui

import (
	"image"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sundae/tui/graphics"
)

// askPixelMouse asks the terminal whether its mouse can report pixels (mode 1016 of xterm, kitty, foot and others). That is
// used to paint a mask: a cell may cover tens of pixels of the image.
func askPixelMouse(t graphics.Terminal) tea.Cmd {
	if t.Protocol == graphics.Blocks || t.Protocol == "" || t.CellWidth <= 0 || t.CellHeight <= 0 {
		return nil
	}
	return tea.Raw(ansi.RequestModeMouseExtSgrPixel)
}

// wheel is the direction of a turn of the wheel: -1 is up, 1 is down.
func wheel(b tea.MouseButton) int {
	return map[tea.MouseButton]int{tea.MouseWheelUp: -1, tea.MouseWheelDown: 1}[b]
}

// mouse handles the mouse by what is under it.
func (a *app) mouse(msg tea.MouseMsg) tea.Cmd {
	if a.sheet != noSheet || a.prompt.active || a.layout.tooSmall() {
		return nil
	}
	at := msg.Mouse()
	switch a.mode {
	case masking:
		return a.maskMouse(msg)
	case browsing:
		switch msg.(type) {
		case tea.MouseWheelMsg:
			a.turn(wheel(at.Button))
		case tea.MouseClickMsg:
			a.clickThumb(at)
		}
		return nil
	}
	switch msg.(type) {
	case tea.MouseWheelMsg:
		a.scrub(a.stage.Shown + wheel(at.Button))
	case tea.MouseClickMsg:
		if at.Button == tea.MouseLeft {
			a.click(at)
		}
	case tea.MouseMotionMsg:
		switch {
		case a.panel.Dragging():
			a.apply(a.panel.Drag(&a.stage, a.layout.panel, at.X, at.Y))
		case at.Button == tea.MouseLeft && a.layout.timeline.Contains(at.X, at.Y):
			a.scrub(a.layout.stepAt(at.X, a.stage.Steps()))
		}
	case tea.MouseReleaseMsg:
		a.panel.Release()
	}
	return nil
}

// click handles the left button while exploring.
func (a *app) click(at tea.Mouse) {
	if values, ok := a.panel.Click(&a.stage, a.layout.panel, at.X, at.Y); ok {
		a.apply(values)
		return
	}
	if a.layout.timeline.Contains(at.X, at.Y) {
		a.scrub(a.layout.stepAt(at.X, a.stage.Steps()))
		return
	}
	i := a.tiles.at(at.X, at.Y)
	switch {
	case i < 0:
	case len(a.stage.Lanes) > 1:
		a.stage.Lane = a.tiles[i].lane
	case a.zoom >= 0:
		a.zoomTo(-1)
	case a.stage.Samples > 1:
		a.zoomTo(a.tiles[i].sample)
	}
}

// clickThumb selects the entry under the mouse; a click on the selected one returns to its run.
func (a *app) clickThumb(at tea.Mouse) {
	i := a.tiles.at(at.X, at.Y)
	switch {
	case i < 0 || at.Button != tea.MouseLeft:
	case a.tiles[i].sample == a.gallery.Selected:
		a.revisit()
	default:
		a.gallery.Selected = a.tiles[i].sample
	}
}

// maskMouse uses the tool where the mouse is: the left button paints, or erases if that was chosen, and the right button
// does the opposite.
func (a *app) maskMouse(msg tea.MouseMsg) tea.Cmd {
	if len(a.tiles) == 0 {
		return nil
	}
	cellWidth, cellHeight := 1, 1
	if a.screen.PixelMouse() {
		cellWidth, cellHeight = a.Terminal.CellWidth, a.Terminal.CellHeight
	}
	at := msg.Mouse()
	point, inside := a.tiles[0].pixelAt(at.X, at.Y, cellWidth, cellHeight, a.Model.ImageSize)
	switch msg.(type) {
	case tea.MouseWheelMsg:
		a.canvas.Resize(-wheel(at.Button))
	case tea.MouseClickMsg:
		if !inside || at.Button != tea.MouseLeft && at.Button != tea.MouseRight {
			return nil
		}
		a.canvas.Press(point, at.Button == tea.MouseRight)
	case tea.MouseMotionMsg:
		a.canvas.Drag(point)
	case tea.MouseReleaseMsg:
		a.canvas.Release()
	}
	return a.canvasChanged()
}

// pixelAt returns the pixel of a tile's image, which has side×side of them, at a position of the mouse, and whether it is
// inside; outside it returns the nearest one. The position is in units of which a cell has cellWidth×cellHeight.
func (t tile) pixelAt(x, y, cellWidth, cellHeight, side int) (image.Point, bool) {
	r := t.area
	if f := t.shown.Frame; f.Cols > 0 {
		r = graphics.Rect{X: t.shown.Rect.X, Y: t.shown.Rect.Y, Cols: f.Cols, Rows: f.Rows}
	}
	pixel := func(at, from, length int) (int, bool) {
		length = max(1, length)
		off := 2*(at-from) + 1 // the centre of a unit, in halves
		return max(0, min(side-1, off*side/(2*length))), off > 0 && off < 2*length
	}
	px, insideX := pixel(x, r.X*cellWidth, r.Cols*cellWidth)
	py, insideY := pixel(y, r.Y*cellHeight, r.Rows*cellHeight)
	return image.Pt(px, py), insideX && insideY
}
