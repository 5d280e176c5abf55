package tui

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"sync"

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
	easel   easel

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
		return a.masked()
	}
}

func inpainting(a *app) bool { return a.mode == exploring && a.stage.base != nil }

var maskCommands = []command{
	{[]string{"m"}, "m", "paint a mask over it", "Mask", false, in(exploring), (*app).maskShown},
	{[]string{"e"}, "e", "change the mask", "Mask", true, inpainting, (*app).changeMask},
	{[]string{"M"}, "M", "leave the picture, sample from noise again", "Mask", false, inpainting, does(func(a *app) {
		a.stage.base = nil
		a.restart()
	})},
	{[]string{"space"}, "space", "paint, or set a corner", "Mask", true, in(masking), painting(func(m *maskMode) { m.press(!m.erase) })},
	{[]string{"enter"}, "enter", "make it anew", "Mask", true, in(masking), (*app).runMask},
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
	{[]string{"]"}, "[ ]", "shrink, grow the mask", "Mask", false, in(masking), painting((*maskMode).grow)},
	{[]string{"["}, "", "", "", false, in(masking), painting((*maskMode).shrink)},
	{[]string{"i"}, "i", "invert", "Mask", false, in(masking), painting(func(m *maskMode) { m.easel.do((*mask.Editor).Invert) })},
	{[]string{"c"}, "c", "clear", "Mask", false, in(masking), painting(func(m *maskMode) { m.easel.do((*mask.Editor).Clear) })},
	{[]string{"u"}, "u", "undo", "Mask", true, in(masking), painting(func(m *maskMode) { m.easel.do(func(e *mask.Editor) { e.Undo() }) })},
	{[]string{"U", "ctrl+r"}, "U", "redo", "Mask", false, in(masking), painting(func(m *maskMode) { m.easel.do(func(e *mask.Editor) { e.Redo() }) })},
	{[]string{"a"}, "a", "any pixel of a token, or all", "Mask", false, in(masking), (*app).otherRule},
	{[]string{"v"}, "v V", "more variants, fewer", "Mask", false, in(masking), painting(func(m *maskMode) { m.variants = min(most, m.variants+1) })},
	{[]string{"V"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.variants = max(1, m.variants-1) })},
	{[]string{"s"}, "s", "save the mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("save the mask as", "mask.png", a.saveMask)
	}},
	{[]string{"d"}, "d", "load a mask from disk", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("load the mask", "mask.png", a.loadMask)
	}},
	{[]string{"esc"}, "esc", "back without a mask", "Mask", true, in(masking), (*app).leaveMask},
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
func (a *app) gotBase(msg baseMsg) tea.Cmd {
	if msg.err != nil {
		a.fail(msg.err)
		return nil
	}
	a.masking.paintOver(msg, a.Model.ImageSize)
	return a.enterMask("Paint what is to be made anew, with mouse or keys, then enter")
}

// paintOver takes another picture, and an empty mask unless its tokens are the same.
func (m *maskMode) paintOver(over baseMsg, side int) {
	if m.easel.editor == nil {
		m.radius, m.cursor = max(1, side/16), image.Pt(side/2, side/2)
	}
	if m.easel.editor == nil || !slices.Equal(m.tokens, over.tokens) {
		m.easel = easel{editor: mask.New(side)}
	}
	m.name, m.tokens, m.picture = over.name, over.tokens, over.picture
}

// changeMask goes back to the mask of the run on show.
func (a *app) changeMask() tea.Cmd {
	m, b := &a.masking, a.stage.base
	m.paintOver(baseMsg{tokens: b.tokens, picture: b.picture, name: b.name}, a.Model.ImageSize)
	m.easel.do(func(e *mask.Editor) { e.Replace(b.pixels) }) // nothing, if it is the one that was painted
	return a.enterMask("Change the mask, then enter")
}

func (a *app) enterMask(say string) tea.Cmd {
	if a.stage.playing {
		a.togglePlay()
	}
	m := &a.masking
	m.corner, m.held, m.variants = nil, false, a.panel.samples
	m.easel.do(func(*mask.Editor) {}) // to be counted
	a.mode = masking
	a.screen.SetPixelMouse(m.fine)
	a.relayout()
	cmd := a.masked()
	a.say(say)
	return cmd
}

func (a *app) leaveMask() tea.Cmd {
	a.masking.easel.do((*mask.Editor).End)
	a.mode = exploring
	a.screen.SetPixelMouse(false)
	a.relayout()
	a.say("")
	return a.masking.easel.work(a.Model.Downsample, a.rule())
}

func (a *app) rule() sampler.Rule {
	if a.Mask.Rule == string(sampler.All) {
		return sampler.All
	}
	return sampler.Any
}

func (a *app) otherRule() tea.Cmd {
	if a.rule() == sampler.Any {
		a.Mask.Rule = string(sampler.All)
	} else {
		a.Mask.Rule = string(sampler.Any)
	}
	a.masking.easel.do(func(*mask.Editor) {}) // to be counted
	return a.masked()
}

// runMask samples what is masked, as many variants as the panel has samples.
func (a *app) runMask() tea.Cmd {
	return a.oncePainted(func(a *app) tea.Cmd {
		if a.mode != masking {
			return nil // left meanwhile
		}
		now := a.masking.easel.now
		if now.anew == 0 {
			a.fail(errors.New("no token is masked yet: paint with space or the mouse"))
			return nil
		}
		return a.inpaint(now)
	})
}

// inpaint begins a run that makes a mask anew.
func (a *app) inpaint(made painted) tea.Cmd {
	m := &a.masking
	a.stage.base = &base{
		name: m.name, tokens: m.tokens, picture: m.picture,
		pixels: made.pixels, rule: a.rule(), mask: made.tokens,
		region: sync.OnceValue(func() *image.Gray { return made.tokens.Region(made.pixels) }),
	}
	a.stage.lanes = a.stage.lanes[a.stage.lane : a.stage.lane+1 : a.stage.lane+1]
	a.stage.lane = 0
	cmd := a.leaveMask()
	a.zoom, a.tiles = -1, nil
	a.panel.samples = m.variants
	a.relabel()
	a.restart()
	a.say(fmt.Sprintf("Making %d of %d tokens of %s anew; e changes the mask", made.anew, len(made.tokens.Masked), m.name))
	return cmd
}

// composite lays what was not made anew back over a picture.
func (b *base) composite(made *image.RGBA, feather float64) *image.RGBA {
	return picture.Compose(b.picture, made, b.region(), feather)
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
	m.stroke(from, m.cursor, !m.erase)
}

// stroke paints or erases with the brush.
func (m *maskMode) stroke(from, to image.Point, paint bool) {
	radius := m.radius
	m.easel.do(func(e *mask.Editor) { e.Stroke(from, to, radius, paint) })
}

func (m *maskMode) grow() {
	by := m.nudge()
	m.easel.do(func(e *mask.Editor) { e.Grow(by) })
}

func (m *maskMode) shrink() {
	by := m.nudge()
	m.easel.do(func(e *mask.Editor) { e.Shrink(by) })
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
		m.stroke(m.cursor, m.cursor, paint)
	case bucket:
		at := m.cursor
		m.easel.do(func(e *mask.Editor) { e.Fill(at, paint) })
	case rectangle:
		if m.corner == nil {
			corner := m.cursor
			m.corner = &corner
			return
		}
		r := m.rectangle()
		m.easel.do(func(e *mask.Editor) { e.Rectangle(r, paint) })
		m.corner = nil
	}
}

// rectangle lies between the corner and the cursor, both inside.
func (m *maskMode) rectangle() image.Rectangle {
	r := image.Rectangle{*m.corner, m.cursor}.Canon()
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}
