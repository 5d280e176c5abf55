package tui

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
	"sundae/tui/loop"
)

var keepCommands = []command{
	{[]string{"s"}, "s", "save the pictures on show", "Keep", true, in(exploring, browsing), (*app).savePictures},
	{[]string{"S"}, "S", "save the run as a GIF", "Keep", false, in(exploring, browsing), func(a *app) tea.Cmd { return a.saveRun(".gif") }},
	{nil, "", "save the run as an animated PNG, in every colour", "Keep", false, in(exploring, browsing), func(a *app) tea.Cmd { return a.saveRun(".png") }},
	{[]string{"p"}, "p", "settings into a preset", "Keep", false, in(exploring), func(a *app) tea.Cmd {
		return a.ask("name of the preset", "", a.savePreset)
	}},
	{[]string{"+"}, "+", "this step into the gallery", "Keep", false, in(exploring), (*app).keepShown},
	{[]string{"g"}, "g", "gallery of this session", "Keep", false, in(exploring), does((*app).browse)},
	{[]string{"left", "h"}, "← → ↑ ↓", "choose a picture", "Gallery", false, in(browsing), does(func(a *app) { a.turn(-1) })},
	{[]string{"right", "l"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(1) })},
	{[]string{"up", "k"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(-a.row()) })},
	{[]string{"down", "j"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(a.row()) })},
	{[]string{"pgup"}, "pgup pgdn", "a page on", "Gallery", false, in(browsing), does(func(a *app) { a.turn(-galleryPage) })},
	{[]string{"pgdown"}, "", "", "", false, in(browsing), does(func(a *app) { a.turn(galleryPage) })},
	{[]string{"enter"}, "enter", "go back to its run, to branch or go on", "Gallery", true, in(browsing), does((*app).revisit)},
	{[]string{"m"}, "m", "paint a mask over it", "Gallery", true, in(browsing), (*app).paintOver},
	{[]string{"delete", "backspace"}, "delete", "take it out", "Gallery", false, in(browsing), does((*app).forget)},
	{[]string{"g", "esc"}, "esc", "leave the gallery", "Gallery", true, in(browsing), does((*app).browse)},
}

// work is something long, done part by part beside the app: after each part
// Update hears how far it is, and starts the next.
type work struct {
	doing string // "Saving the run"
	parts []func() error
	next  int
	done  func() string // what there is to say at the end
}

type workMsg struct {
	work
	err error
}

// start does the next part.
func (w work) start() tea.Cmd {
	return func() tea.Msg {
		err := w.parts[w.next]()
		w.next++
		return workMsg{w, err}
	}
}

// worked takes word of a part.
func (a *app) worked(msg workMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		a.fail(msg.err)
	case msg.next == len(msg.parts):
		a.say(msg.done())
	default:
		a.say(fmt.Sprintf("%s: %d of %d", msg.doing, msg.next, len(msg.parts)))
		return msg.start()
	}
	return nil
}

// finish is what is done to a decoded picture before it is kept: what was not
// made anew is laid back over it.
func (a *app) finish(from *base) func(*image.RGBA) *image.RGBA {
	if from == nil || !a.Mask.Composite {
		return func(p *image.RGBA) *image.RGBA { return p }
	}
	feather := a.Mask.Feather
	return func(p *image.RGBA) *image.RGBA { return from.composite(p, feather) }
}

// shot is one picture on show and the run that it is from.
type shot struct {
	lane   lane
	step   int
	sample int
	key    loop.Key // of its run; the zero run where the gallery has it from
	base   *base
}

// want asks for the picture at a step.
func (s shot) want(step int) loop.Want {
	step = min(step, len(s.lane.frames)-1) // a lane that ended early stays at its end
	key := s.key
	key.Step = step
	return loop.Want{Key: key, Tokens: s.lane.frames[step].Tokens[s.sample]}
}

// onShow lists the pictures on screen, or the one selected in the gallery.
func (a *app) onShow() []shot {
	if a.mode == browsing {
		e := a.gallery.entries[a.gallery.selected]
		return []shot{{lane: e.lane, step: e.step, sample: e.sample, base: e.base}}
	}
	var all []shot
	for _, t := range a.tiles {
		l := a.stage.lanes[t.lane]
		if f := l.frame(a.stage.shown); f == nil || t.sample >= len(f.Tokens) {
			continue
		}
		key := loop.Key{Run: a.stage.run, Lane: t.lane, Sample: t.sample}
		all = append(all, shot{l, min(a.stage.shown, len(l.frames)-1), t.sample, key, a.stage.base})
	}
	return all
}

// savePictures writes the pictures on show, each with its settings inside.
func (a *app) savePictures() tea.Cmd {
	shots := a.onShow()
	if len(shots) == 0 {
		a.fail(errNothing)
		return nil
	}
	ctx, folder := a.ctx, a.Folder
	var paths []string
	w := work{doing: "Saving pictures", done: func() string {
		if len(paths) == 1 {
			return "Saved " + paths[0]
		}
		return fmt.Sprintf("Saved %d pictures in %s", len(paths), folder)
	}}
	for _, s := range shots {
		finish, texts := a.finish(s.base), a.texts(s)
		name := fmt.Sprintf("sample-%d-%04d", s.lane.settings.Seed, s.sample)
		if s.step < s.lane.settings.Steps {
			name += fmt.Sprintf("-step-%d", s.step)
		}
		w.parts = append(w.parts, func() error {
			p, err := a.loop.Picture(ctx, s.want(s.step))
			if err != nil {
				return fmt.Errorf("decode the picture to save: %w", err)
			}
			path, err := newFile(folder, name, ".png")
			if err != nil {
				return err
			}
			paths = append(paths, path)
			return picture.Save(path, finish(p), texts...)
		})
	}
	a.say(w.doing)
	return w.start()
}

var errNothing = errors.New("there is no picture to save yet")

// newFile is a path in the folder, made if need be, where there is no file yet.
func newFile(folder, name, ext string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("make the folder for what is saved: %w", err)
	}
	for i := 1; ; i++ {
		path := filepath.Join(folder, name+ext)
		if i > 1 {
			path = filepath.Join(folder, fmt.Sprintf("%s-%d%s", name, i, ext))
		}
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", fmt.Errorf("look for a free name: %w", err)
		}
	}
}
