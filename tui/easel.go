package tui

import (
	"image"

	tea "charm.land/bubbletea/v2"

	"sundae/sampler"
	"sundae/tui/mask"
)

// easel is where a mask is worked on. To grow, fill or count one of a megapixel
// takes milliseconds, so it is done beside the app: Update notes down what is to be
// done, a command does all of it in order, and the mask comes back as a message.
type easel struct {
	editor *mask.Editor // the command's while one is under way
	todo   []func(*mask.Editor)
	busy   bool
	now    painted              // the newest mask; without pixels until the first has come
	then   []func(*app) tea.Cmd // wait until nothing is left to do
}

// painted is a mask as it was at a moment. Nobody changes it any more.
type painted struct {
	pixels *image.Gray
	tokens *sampler.Mask // what is really made anew
	anew   int           // how many of them are
}

// paintedMsg is the mask after some work on it.
type paintedMsg struct {
	editor *mask.Editor
	painted
	err error
}

// do notes down work on the mask; work begins it.
func (e *easel) do(work func(*mask.Editor)) { e.todo = append(e.todo, work) }

// work does what was noted down, in tokens of f×f pixels. It is nil when there is
// nothing to do, or when the command before has not come back.
func (e *easel) work(f int, rule sampler.Rule) tea.Cmd {
	if e.busy || len(e.todo) == 0 {
		return nil
	}
	editor, todo := e.editor, e.todo
	e.busy, e.todo = true, nil
	return func() tea.Msg {
		for _, do := range todo {
			do(editor)
		}
		msg := paintedMsg{editor: editor, painted: painted{pixels: editor.Pixels()}}
		msg.tokens, msg.err = editor.Tokens(f, rule)
		if msg.err == nil {
			msg.anew = msg.tokens.Count()
		}
		return msg
	}
}

// masked shows a change: the mask's once it is done, any other at once.
func (a *app) masked() tea.Cmd {
	if a.isError {
		a.say("")
	}
	cmd := a.masking.easel.work(a.Model.Downsample, a.rule())
	if !a.masking.easel.busy {
		a.redraw()
	}
	return cmd
}

// gotPainted shows the mask, and goes on with what came meanwhile.
func (a *app) gotPainted(msg paintedMsg) tea.Cmd {
	e := &a.masking.easel
	if msg.editor != e.editor {
		return nil // the mask of a picture that was left
	}
	e.busy = false
	if msg.err != nil {
		a.fail(msg.err)
	} else {
		e.now = msg.painted
	}
	if a.mode == masking {
		a.redraw()
	}
	if cmd := e.work(a.Model.Downsample, a.rule()); cmd != nil {
		return cmd
	}
	var cmds []tea.Cmd
	for _, do := range e.then {
		cmds = append(cmds, do(a))
	}
	e.then = nil
	return tea.Batch(cmds...)
}

// oncePainted does something with the mask when all that was done to it is in it.
func (a *app) oncePainted(do func(*app) tea.Cmd) tea.Cmd {
	e := &a.masking.easel
	if !e.busy {
		return do(a)
	}
	e.then = append(e.then, do)
	return nil
}
