package tui

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/tui/loop"
	"sundae/tui/mask"
)

// maskMode is a picture with a mask being painted over it.
type maskMode struct {
	name    string // what the picture is
	tokens  []uint16
	picture *image.RGBA // the model's size
	editor  *mask.Editor
	reduced *sampler.Mask // what is really made anew; nil after a change

	tool     tool
	erase    bool
	radius   int          // of the brush, pixels
	cursor   image.Point  // pixels
	corner   *image.Point // the rectangle's first, once it is set
	variants int          // to make

	fine   bool // the mouse can tell where it is in pixels
	held   bool // its button is down
	paints bool // and paints, rather than erases
}

// tool is what the mouse or space does.
type tool int

const (
	brush tool = iota
	rectangle
	bucket
)

var toolNames = []string{"brush", "rectangle", "fill"}

// painting makes a command of what changes the mask.
func painting(do func(*maskMode)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd {
		do(&a.masking)
		a.masked()
		return nil
	}
}

func inpainting(a *app) bool { return a.mode == exploring && a.stage.base != nil }

var maskCommands = []command{
	{[]string{"m"}, "m", "paint a mask over it", "Mask", false, in(exploring), (*app).maskShown},
	{[]string{"e"}, "e", "change the mask", "Mask", true, inpainting, does((*app).changeMask)},
	{[]string{"M"}, "M", "leave the picture, sample from noise again", "Mask", false, inpainting, does(func(a *app) {
		a.stage.base = nil
		a.restart()
	})},
	{[]string{"space"}, "space", "paint, or set a corner", "Mask", true, in(masking), painting(func(m *maskMode) { m.press(!m.erase) })},
	{[]string{"enter"}, "enter", "make it anew", "Mask", true, in(masking), does((*app).runMask)},
	{[]string{"left", "h"}, "← ↑ ↓ →", "move the cursor", "Mask", false, in(masking), painting(func(m *maskMode) { m.move(-1, 0) })},
	{[]string{"right", "l"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(1, 0) })},
	{[]string{"up", "k"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(0, -1) })},
	{[]string{"down", "j"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(0, 1) })},
	{[]string{"shift+left", "H"}, "shift ← →", "paint along", "Mask", false, in(masking), painting(func(m *maskMode) { m.along(-1, 0) })},
	{[]string{"shift+right", "L"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.along(1, 0) })},
	{[]string{"shift+up", "K"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.along(0, -1) })},
	{[]string{"shift+down", "J"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.along(0, 1) })},
	{[]string{"b"}, "b r f", "brush, rectangle, fill", "Mask", true, in(masking), painting(func(m *maskMode) { m.choose(brush) })},
	{[]string{"r"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.choose(rectangle) })},
	{[]string{"f"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.choose(bucket) })},
	{[]string{"e"}, "e", "erase, or paint", "Mask", true, in(masking), painting(func(m *maskMode) { m.erase = !m.erase })},
	{[]string{"-", "_"}, "- +", "size of the brush", "Mask", false, in(masking), painting(func(m *maskMode) { m.resize(-1) })},
	{[]string{"+", "="}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.resize(1) })},
	{[]string{"]"}, "[ ]", "shrink, grow the mask", "Mask", false, in(masking), painting(func(m *maskMode) { m.editor.Grow(m.nudge()) })},
	{[]string{"["}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.editor.Shrink(m.nudge()) })},
	{[]string{"i"}, "i", "invert", "Mask", false, in(masking), painting(func(m *maskMode) { m.editor.Invert() })},
	{[]string{"c"}, "c", "clear", "Mask", false, in(masking), painting(func(m *maskMode) { m.editor.Clear() })},
	{[]string{"u"}, "u", "undo", "Mask", true, in(masking), painting(func(m *maskMode) { m.editor.Undo() })},
	{[]string{"U", "ctrl+r"}, "U", "redo", "Mask", false, in(masking), painting(func(m *maskMode) { m.editor.Redo() })},
	{[]string{"a"}, "a", "any pixel of a token, or all", "Mask", false, in(masking), does((*app).otherRule)},
	{[]string{"v"}, "v V", "more variants, fewer", "Mask", false, in(masking), painting(func(m *maskMode) { m.variants = min(most, m.variants+1) })},
	{[]string{"V"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.variants = max(1, m.variants-1) })},
	{[]string{"s"}, "s", "save the mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("save the mask as", "mask.png", a.saveMask)
	}},
	{[]string{"d"}, "d", "load a mask from disk", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("load the mask", "mask.png", a.loadMask)
	}},
	{[]string{"esc"}, "esc", "back without a mask", "Mask", true, in(masking), does((*app).leaveMask)},
}

// maskShown begins a mask over the first picture on show, at the step on show.
func (a *app) maskShown() tea.Cmd {
	if len(a.tiles) == 0 {
		return nil
	}
	t := a.tiles[0]
	for _, other := range a.tiles {
		if other.lane == a.stage.lane {
			t = other
			break
		}
	}
	l := &a.stage.lanes[t.lane]
	f := l.frame(a.stage.shown)
	if f == nil || t.sample >= len(f.Tokens) {
		a.fail(errors.New("there is no picture to paint over yet"))
		return nil
	}
	step := min(a.stage.shown, len(l.frames)-1)
	want := loop.Want{Key: loop.Key{Run: a.stage.run, Lane: t.lane, Sample: t.sample, Step: step}, Tokens: f.Tokens[t.sample]}
	ctx, finish, name := a.ctx, a.finish(a.stage.base), fmt.Sprintf("sample %d, step %d", t.sample+1, step)
	return func() tea.Msg {
		made, err := a.loop.Picture(ctx, want)
		if err != nil {
			return baseMsg{err: fmt.Errorf("decode the picture to paint over: %w", err)}
		}
		return baseMsg{tokens: want.Tokens, picture: finish(made), name: name}
	}
}

// gotBase begins painting over a picture. What was painted over the same one
// before is there again.
func (a *app) gotBase(msg baseMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	m, side := &a.masking, a.Model.ImageSize
	if m.editor == nil {
		m.radius, m.cursor = max(1, side/16), image.Pt(side/2, side/2)
	}
	if m.editor == nil || !slices.Equal(m.tokens, msg.tokens) {
		m.editor = mask.New(side)
	}
	m.name, m.tokens, m.picture = msg.name, msg.tokens, msg.picture
	a.enterMask("Paint what is to be made anew, with mouse or keys, then enter")
}

// changeMask goes back to the mask of the run on show.
func (a *app) changeMask() {
	m, b := &a.masking, a.stage.base
	if m.editor == nil || !slices.Equal(m.tokens, b.tokens) { // from the gallery
		a.gotBase(baseMsg{tokens: b.tokens, picture: b.picture, name: b.name})
	}
	m.name, m.picture = b.name, b.picture
	if !bytes.Equal(m.editor.Pixels().Pix, b.pixels.Pix) {
		m.editor.Replace(b.pixels)
	}
	a.enterMask("Change the mask, then enter")
}

func (a *app) enterMask(say string) {
	if a.stage.playing {
		a.togglePlay()
	}
	m := &a.masking
	m.corner, m.held, m.reduced, m.variants = nil, false, nil, a.panel.samples
	a.mode = masking
	a.screen.tellPixels(m.fine)
	a.relayout()
	a.say(say)
}

func (a *app) leaveMask() {
	a.masking.editor.End()
	a.mode = exploring
	a.screen.tellPixels(false)
	a.relayout()
	a.say("")
}

// masked draws the mask again after a change.
func (a *app) masked() {
	a.masking.reduced = nil
	if a.isError {
		a.say("")
	}
	a.redraw()
}

// reduce is the mask by whole tokens, as the rule has it.
func (a *app) reduce() *sampler.Mask {
	m := &a.masking
	if m.reduced == nil {
		var err error
		if m.reduced, err = m.editor.Tokens(a.Model.Downsample, a.rule()); err != nil {
			a.fail(err)
			m.reduced = &sampler.Mask{Height: a.Model.Latent.Height, Width: a.Model.Latent.Width, Anew: make([]bool, a.Model.Latent.Tokens())}
		}
	}
	return m.reduced
}

func (a *app) rule() sampler.Rule {
	if a.Mask.Rule == string(sampler.All) {
		return sampler.All
	}
	return sampler.Any
}

func (a *app) otherRule() {
	if a.rule() == sampler.Any {
		a.Mask.Rule = string(sampler.All)
	} else {
		a.Mask.Rule = string(sampler.Any)
	}
	a.masked()
}

// anew counts the tokens that will be made anew.
func (a *app) anew() (n int) {
	for _, made := range a.reduce().Anew {
		if made {
			n++
		}
	}
	return n
}

// runMask samples what is masked, as many variants as the panel has samples.
func (a *app) runMask() {
	m := &a.masking
	if a.anew() == 0 {
		a.fail(errors.New("no token is masked yet: paint with space or the mouse"))
		return
	}
	pixels := m.editor.Pixels()
	a.stage.base = &base{
		name: m.name, tokens: m.tokens, picture: m.picture, pixels: pixels,
		rule: a.rule(), mask: a.reduce(), region: a.reduce().Region(pixels),
	}
	a.stage.lanes = a.stage.lanes[a.stage.lane : a.stage.lane+1 : a.stage.lane+1]
	a.stage.lane = 0
	a.leaveMask()
	a.zoom, a.tiles = -1, nil
	a.panel.samples = m.variants
	a.relabel()
	a.restart()
	a.say(fmt.Sprintf("Making %d of %d tokens of %s anew; e changes the mask", a.anew(), len(a.reduce().Anew), m.name))
}

// composite lays what was not made anew back over a picture.
func (b *base) composite(made *image.RGBA, feather float64) *image.RGBA {
	return picture.Compose(b.picture, made, b.region, feather)
}

// move moves the cursor by half a brush, at least a pixel of a small screen.
func (m *maskMode) move(dx, dy int) {
	size := m.picture.Rect.Size()
	by := max(size.X/64, m.radius/2, 1)
	m.cursor = image.Pt(max(0, min(size.X-1, m.cursor.X+dx*by)), max(0, min(size.Y-1, m.cursor.Y+dy*by)))
}

// along moves the cursor and paints on its way.
func (m *maskMode) along(dx, dy int) {
	from := m.cursor
	m.move(dx, dy)
	m.editor.Stroke(from, m.cursor, m.radius, !m.erase)
}

func (m *maskMode) choose(t tool) { m.tool, m.corner = t, nil }

// resize makes the brush a quarter larger or smaller.
func (m *maskMode) resize(by int) {
	m.radius = max(1, min(m.picture.Rect.Dx()/2, m.radius+by*max(1, m.radius/4)))
}

// nudge is how far the mask grows or shrinks at a time.
func (m *maskMode) nudge() int { return max(1, m.picture.Rect.Dx()/128) }

// press uses the tool at the cursor, to paint or to erase.
func (m *maskMode) press(paint bool) {
	switch m.tool {
	case brush:
		m.editor.Stroke(m.cursor, m.cursor, m.radius, paint)
	case bucket:
		m.editor.Fill(m.cursor, paint)
	case rectangle:
		if m.corner == nil {
			corner := m.cursor
			m.corner = &corner
			return
		}
		m.editor.Rectangle(m.rectangle(), paint)
		m.corner = nil
	}
}

// rectangle lies between the corner and the cursor, both inside.
func (m *maskMode) rectangle() image.Rectangle {
	r := image.Rectangle{*m.corner, m.cursor}.Canon()
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}
