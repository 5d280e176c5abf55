package tui

import (
	"fmt"
	"image"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
	"sundae/tui/mask"
)

func (a *app) saveMask(path string) tea.Cmd {
	if path == "" {
		return nil
	}
	return a.oncePainted(func(a *app) tea.Cmd {
		pixels := a.masking.easel.now.pixels
		return work{doing: "Saving the mask", parts: []func() error{func() error { return picture.Save(path, pixels) }},
			done: func() string { return "Saved " + path }}.start()
	})
}

// maskMsg is a mask read from disk.
type maskMsg struct {
	from   string      // its file, and what was done to it
	pixels *image.Gray // the model's size
	err    error
}

func (a *app) loadMask(path string) tea.Cmd {
	if path == "" {
		return nil
	}
	side := a.Model.ImageSize
	return func() tea.Msg {
		pixels, err := picture.LoadMask(path)
		if err != nil {
			return maskMsg{err: err}
		}
		msg := maskMsg{from: path, pixels: pixels}
		if size := pixels.Rect.Size(); size != image.Pt(side, side) {
			msg.pixels = picture.ScaleMask(pixels, image.Pt(side, side))
			msg.from += fmt.Sprintf(", scaled from %d×%d", size.X, size.Y)
		}
		return msg
	}
}

func (a *app) gotMask(msg maskMsg) tea.Cmd {
	if msg.err != nil {
		a.fail(msg.err)
		return nil
	}
	if a.mode != masking {
		return nil
	}
	a.masking.easel.do(func(e *mask.Editor) { e.Replace(msg.pixels) })
	cmd := a.masked()
	a.say("Loaded " + msg.from)
	return cmd
}
