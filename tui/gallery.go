package tui

import (
	"errors"
	"fmt"
	"image"

	tea "charm.land/bubbletea/v2"

	"sundae/decoder"
	"sundae/tui/session"
)

// keep adds the samples of a step to the gallery. It returns how many are new, and the command that makes their
// thumbnails.
func (a *app) keep(step int) (int, tea.Cmd) {
	var cmds []tea.Cmd
	added := a.gallery.Keep(&a.stage, step)
	for _, e := range added {
		cmds = append(cmds, a.saver().thumbnail(e))
	}
	if a.mode == browsing {
		a.relayout()
	}
	return len(added), tea.Batch(cmds...)
}

// keepShown adds the samples of the step shown.
func (a *app) keepShown() tea.Cmd {
	n, cmd := a.keep(a.stage.Shown)
	switch n {
	case 0:
		a.say("Nothing to add: this step is noise, or in the gallery already")
	case 1:
		a.say("Added 1 image to the gallery")
	default:
		a.say(fmt.Sprintf("Added %d images to the gallery", n))
	}
	return cmd
}

// thumbMsg is the thumbnail of an entry.
type thumbMsg struct {
	number int
	image  *image.RGBA
	err    error
}

// thumbnail makes the thumbnail of an entry.
func (s saver) thumbnail(e session.Entry) tea.Cmd {
	return func() tea.Msg {
		img, err := s.decode(e.Shot)
		if err != nil {
			return thumbMsg{err: fmt.Errorf("make a thumbnail for the gallery: %w", err)}
		}
		return thumbMsg{number: e.Number, image: decoder.Fit(img, min(session.ThumbSide, img.Rect.Dx()))}
	}
}

func (m thumbMsg) apply(a *app) tea.Cmd {
	if m.err != nil {
		a.fail(m.err)
		return nil
	}
	a.gallery.SetThumb(m.number, m.image)
	if a.mode == browsing {
		a.redraw()
	}
	return nil
}

// browse opens the gallery at its newest entry, or closes it.
func (a *app) browse() {
	switch {
	case a.mode == browsing:
		a.mode = exploring
	case len(a.gallery.Entries) == 0:
		a.fail(errors.New("the gallery is empty: it fills when a run reaches its last step"))
		return
	default:
		a.mode = browsing
		a.say("")
		a.gallery.Move(len(a.gallery.Entries))
	}
	a.relayout()
}

// turn moves through the gallery.
func (a *app) turn(by int) {
	page := a.gallery.First()
	a.gallery.Move(by)
	if a.gallery.First() != page {
		a.relayout()
	}
}

// removeEntry takes the selected entry out of the gallery, and closes an empty one.
func (a *app) removeEntry() {
	a.gallery.Remove()
	if len(a.gallery.Entries) == 0 {
		a.mode = exploring
	}
	a.relayout()
}

// revisit returns to the run of the selected entry, at its step.
func (a *app) revisit() {
	e := a.gallery.Current()
	a.mode, a.zoom, a.tiles = exploring, -1, nil
	starts := a.stage.Revisit(e)
	if a.stage.Samples > 1 {
		a.zoom = e.Sample
	}
	a.begin(starts)
	a.say("Returned to " + e.Label)
}
