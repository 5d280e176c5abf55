package tui

import (
	tea "charm.land/bubbletea/v2"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/plot"
)

// mouse handles clicks, drags and the wheel where they happen.
func (a *app) mouse(msg tea.MouseMsg) tea.Cmd {
	if a.sheet != noSheet || a.prompt.active || a.tooSmall() {
		return nil
	}
	if a.mode == masking {
		return a.maskMouse(msg)
	}
	at := msg.Mouse()
	switch msg.(type) {
	case tea.MouseWheelMsg:
		by := map[tea.MouseButton]int{tea.MouseWheelUp: -1, tea.MouseWheelDown: 1}[at.Button]
		if a.mode == exploring {
			a.scrub(a.stage.shown + by)
		} else {
			a.turn(by)
		}
	case tea.MouseClickMsg:
		return a.click(at)
	case tea.MouseMotionMsg:
		switch {
		case a.panel.drag:
			a.dragKey(at)
		case a.mode == exploring && at.Button == tea.MouseLeft && inside(a.timelineArea(), at):
			a.goTo(at)
		}
	case tea.MouseReleaseMsg:
		a.panel.drag = false
	}
	return nil
}

func (a *app) click(at tea.Mouse) tea.Cmd {
	if a.mode == browsing && at.Button == tea.MouseLeft {
		a.clickThumb(at.X, at.Y)
	}
	if a.mode != exploring || at.Button != tea.MouseLeft {
		return nil
	}
	for _, on := range inOrder {
		if inside(a.plotArea(on), at) {
			a.grabKey(on, at)
			return nil
		}
	}
	if inside(a.timelineArea(), at) {
		a.goTo(at)
		return nil
	}
	if i := a.fieldAt(at.X, at.Y); i >= 0 {
		a.panel.focus, a.panel.field = onFields, i
		return nil
	}
	if i := a.tileAt(at.X, at.Y); i >= 0 {
		switch {
		case len(a.stage.lanes) > 1:
			a.stage.lane = a.tiles[i].lane
		case a.zoom >= 0:
			a.zoomTo(-1)
		case a.panel.samples > 1:
			a.zoomTo(a.tiles[i].sample)
		}
	}
	return nil
}

// goTo shows the step under the mouse.
func (a *app) goTo(at tea.Mouse) {
	area := a.timelineArea()
	steps := max(a.stage.lanes[a.stage.lane].settings.Steps, a.stage.newest())
	a.scrub(timelineStep(at.X-area.X, steps, area.Cols))
}

func inside(r graphics.Rect, at tea.Mouse) bool {
	return at.X >= r.X && at.X < r.X+r.Cols && at.Y >= r.Y && at.Y < r.Y+r.Rows
}

// grabKey takes the keyframe under the mouse, if there is one.
func (a *app) grabKey(on focus, at tea.Mouse) {
	a.panel.focus = on
	if s, _ := a.schedule(on); s.Curve != schedule.Keyframes {
		a.edit(func(s schedule.Schedule) schedule.Schedule { return s })
	}
	s, _ := a.schedule(on)
	p, area := a.plotOf(on), a.plotArea(on)
	point := p.Point(at.X-area.X, at.Y-area.Y, area.Cols, area.Rows)
	if i, near := plot.Nearest(*s, point, p.Top()); near {
		a.panel.key, a.panel.drag = i, true
	}
}

// dragKey moves the keyframe that is held.
func (a *app) dragKey(at tea.Mouse) {
	on := a.panel.focus
	_, top := a.schedule(on)
	p, area := a.plotOf(on), a.plotArea(on)
	to := p.Point(at.X-area.X, at.Y-area.Y, area.Cols, area.Rows)
	a.edit(func(s schedule.Schedule) schedule.Schedule {
		return plot.Move(s, min(a.panel.key, len(s.Keys)-1), to, top)
	})
}
