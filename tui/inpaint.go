package tui

import (
	"errors"
	"fmt"
	"image"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
	"sundae/tui/inpaint"
	"sundae/tui/session"
)

// sourceMsg is an image to paint a mask over.
type sourceMsg struct {
	name   string
	tokens []uint16
	image  *image.RGBA
	err    error
}

// source decodes a sample to paint a mask over.
func (s saver) source(shot session.Shot, name string) tea.Cmd {
	return func() tea.Msg {
		img, err := s.decode(shot)
		if err != nil {
			return sourceMsg{err: fmt.Errorf("decode %s: %w", name, err)}
		}
		return sourceMsg{name: name, tokens: shot.Tokens(), image: img}
	}
}

func (m sourceMsg) apply(a *app) tea.Cmd {
	if m.err != nil {
		a.fail(m.err)
		return nil
	}
	a.canvas.Open(m.name, m.tokens, m.image, a.stage.Samples)
	return a.enterMask("Paint the area to inpaint with mouse or keys, then press enter")
}

// maskShown opens the first image of the selected lane, at the step shown.
func (a *app) maskShown() tea.Cmd {
	if len(a.tiles) == 0 {
		return nil
	}
	t := a.tiles[0]
	for _, other := range a.tiles {
		if other.lane == a.stage.Lane {
			t = other
			break
		}
	}
	shot, ok := a.stage.Shot(t.lane, t.sample)
	if !ok {
		a.fail(errors.New("there is no image to inpaint yet"))
		return nil
	}
	return a.saver().source(shot, fmt.Sprintf("sample %d, step %d", t.sample+1, shot.Step))
}

func (a *app) enterMask(note string) tea.Cmd {
	if a.stage.Playing {
		a.togglePlay()
	}
	a.mode = masking
	a.screen.SetPixelMouse(a.pixelMouse)
	a.relayout()
	cmd := a.canvasChanged()
	a.say(note)
	return cmd
}

func (a *app) leaveMask() tea.Cmd {
	a.canvas.Close()
	a.mode = exploring
	a.screen.SetPixelMouse(false)
	a.relayout()
	a.say("")
	return editing(a.canvas)
}

// runMask starts a run that samples the masked tokens.
func (a *app) runMask() tea.Cmd {
	return a.onceEdited(func() tea.Cmd {
		c := a.canvas
		switch {
		case a.mode != masking:
			return nil // cancelled meanwhile
		case c.Mask.Count == 0:
			a.fail(errors.New("the mask is empty: paint with space or the mouse"))
			return nil
		}
		a.stage.Inpaint(session.NewBase(c.Name, c.Tokens, c.Image, c.Mask.Pixels, c.Mask.Tokens, c.Rule), c.Variants)
		note := fmt.Sprintf("Inpainting %d of %d tokens of %s; e edits the mask", c.Mask.Count, len(c.Mask.Tokens.Masked), c.Name)
		cmd := a.leaveMask()
		a.lanesChanged()
		a.say(note)
		return cmd
	})
}

// editedMsg is the result of work on the canvas.
type editedMsg inpaint.Result

// editing returns the command that does the canvas's work, nil if there is none.
func editing(c *inpaint.Canvas) tea.Cmd {
	work := c.Work()
	if work == nil {
		return nil
	}
	return func() tea.Msg { return editedMsg(work()) }
}

// canvasChanged shows a change of the canvas: a change of the mask when its work is done, any other at once.
func (a *app) canvasChanged() tea.Cmd {
	if a.isError {
		a.say("")
	}
	cmd := editing(a.canvas)
	if !a.canvas.Busy() {
		a.redraw()
	}
	return cmd
}

// apply shows the mask, and continues with the edits that were made meanwhile.
func (m editedMsg) apply(a *app) tea.Cmd {
	ok, err := a.canvas.Finish(inpaint.Result(m))
	if !ok {
		return nil
	}
	if err != nil {
		a.fail(err)
	}
	if a.mode == masking {
		a.redraw()
	}
	if cmd := editing(a.canvas); cmd != nil {
		return cmd
	}
	var cmds []tea.Cmd
	for _, do := range a.edited {
		cmds = append(cmds, do())
	}
	a.edited = nil
	return tea.Batch(cmds...)
}

// onceEdited does something when all edits of the mask are done.
func (a *app) onceEdited(do func() tea.Cmd) tea.Cmd {
	if !a.canvas.Busy() {
		return do()
	}
	a.edited = append(a.edited, do)
	return nil
}

// saveMask writes a mask; without a path it does nothing.
func saveMask(path string, pixels *image.Gray) tea.Cmd {
	if path == "" {
		return nil
	}
	return job{
		doing: "Saving the mask",
		parts: []func() error{func() error { return picture.Save(path, pixels) }},
		done:  func() string { return "Saved " + path },
	}.start()
}

// maskMsg is a mask that was read from a file.
type maskMsg struct {
	from   string      // the file, and how the mask was changed
	pixels *image.Gray // has the model's size
	err    error
}

// loadMask reads a mask and scales it to side×side pixels; without a path it does nothing.
func loadMask(path string, side int) tea.Cmd {
	if path == "" {
		return nil
	}
	return func() tea.Msg {
		pixels, err := picture.LoadMask(path)
		if err != nil {
			return maskMsg{err: err}
		}
		m := maskMsg{from: path, pixels: pixels}
		if size := pixels.Rect.Size(); size != image.Pt(side, side) {
			m.pixels = picture.ScaleMask(pixels, image.Pt(side, side))
			m.from += fmt.Sprintf(", scaled from %d×%d", size.X, size.Y)
		}
		return m
	}
}

func (m maskMsg) apply(a *app) tea.Cmd {
	if m.err != nil {
		a.fail(m.err)
		return nil
	}
	if a.mode != masking {
		return nil
	}
	a.canvas.Replace(m.pixels)
	cmd := a.canvasChanged()
	a.say("Loaded " + m.from)
	return cmd
}
