package tui

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

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

	tool   tool
	erase  bool
	radius int         // of the brush, pixels
	cursor image.Point // pixels
	corner *image.Point
	held   bool // a stroke of the mouse is under way
}

// tool is what the mouse or space does.
type tool int

const (
	brush tool = iota
	rectangle
	bucket
)

var toolNames = []string{"brush", "rectangle", "fill"}

// maskTint is the mask's colour over a picture.
var maskTint = color.RGBA{255, 70, 150, 255}

// painting makes a command of what changes the mask.
func painting(do func(*maskMode)) func(*app) tea.Cmd {
	return func(a *app) tea.Cmd {
		do(&a.masking)
		a.masked()
		return nil
	}
}

var maskCommands = []command{
	{[]string{"m"}, "m", "paint a mask over it", "Mask", false, in(exploring), (*app).maskShown},
	{[]string{"M"}, "M", "leave the picture, sample from noise again", "Mask", false, func(a *app) bool { return a.mode == exploring && a.stage.base != nil }, does(func(a *app) {
		a.stage.base = nil
		a.restart()
	})},
	{[]string{"enter"}, "enter", "make the mask anew", "Mask", true, in(masking), does((*app).runMask)},
	{[]string{"left", "h"}, "← ↑ ↓ →", "move the cursor", "Mask", false, in(masking), painting(func(m *maskMode) { m.move(-1, 0) })},
	{[]string{"right", "l"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(1, 0) })},
	{[]string{"up", "k"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(0, -1) })},
	{[]string{"down", "j"}, "", "", "", false, in(masking), painting(func(m *maskMode) { m.move(0, 1) })},
	{[]string{"space"}, "space", "paint here, or set a corner", "Mask", true, in(masking), painting((*maskMode).press)},
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
	{[]string{"a"}, "a", "tokens touched by any pixel, or only whole ones", "Mask", false, in(masking), does((*app).otherRule)},
	{[]string{"s"}, "s", "save the mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("save the mask as", "mask.png", a.saveMask)
	}},
	{[]string{"L"}, "L", "load a mask", "Mask", false, in(masking), func(a *app) tea.Cmd {
		return a.ask("load the mask", "mask.png", a.loadMask)
	}},
	{[]string{"esc"}, "esc", "back without a mask", "Mask", true, in(masking), does(func(a *app) {
		a.mode = exploring
		a.relayout()
	})},
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
	if a.stage.playing {
		a.togglePlay()
	}
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

// gotBase begins painting a mask over a picture.
func (a *app) gotBase(msg baseMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	side := a.Model.ImageSize
	a.masking = maskMode{
		name: msg.name, tokens: msg.tokens, picture: msg.picture, editor: mask.New(side),
		radius: max(1, side/16), cursor: image.Pt(side/2, side/2),
	}
	a.mode = masking
	a.relayout()
	a.say("Paint what is to be made anew, then enter")
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
		if m.reduced, err = sampler.FromPixels(m.editor.Pixels(), a.Model.Downsample, a.rule()); err != nil {
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
	a.stage.base = &base{tokens: m.tokens, picture: m.picture, pixels: pixels, mask: a.reduce(), region: a.reduce().Region(pixels)}
	a.stage.lanes = a.stage.lanes[a.stage.lane : a.stage.lane+1 : a.stage.lane+1]
	a.stage.lane = 0
	a.mode, a.zoom = exploring, -1
	a.tiles = nil
	a.relabel()
	a.restart()
	a.say(fmt.Sprintf("Making %d of %d tokens of %s anew; M leaves it", a.anew(), len(a.reduce().Anew), m.name))
}

// composite lays what was not made anew back over a picture.
func (b *base) composite(made *image.RGBA, feather float64) *image.RGBA {
	return picture.Compose(b.picture, made, b.region, feather)
}

func (a *app) saveMask(path string) tea.Cmd {
	pixels := a.masking.editor.Pixels()
	return work{doing: "Saving the mask", parts: []func() error{func() error { return picture.Save(path, pixels) }},
		done: func() string { return "Saved " + path }}.start()
}

// maskMsg is a mask read from disk.
type maskMsg struct {
	path   string
	pixels *image.Gray
	err    error
}

func (a *app) loadMask(path string) tea.Cmd {
	side := a.Model.ImageSize
	return func() tea.Msg {
		pixels, err := picture.LoadMask(path)
		if err != nil {
			return maskMsg{err: err}
		}
		return maskMsg{path: path, pixels: picture.ScaleMask(pixels, image.Pt(side, side))}
	}
}

func (a *app) gotMask(msg maskMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	if a.mode == masking {
		a.masking.editor.Replace(msg.pixels)
		a.masked()
		a.say("Loaded " + msg.path)
	}
}

// move moves the cursor by half a brush, at least a pixel of a small screen.
func (m *maskMode) move(dx, dy int) {
	size := m.picture.Rect.Size()
	by := max(size.X/64, m.radius/2, 1)
	m.cursor = image.Pt(max(0, min(size.X-1, m.cursor.X+dx*by)), max(0, min(size.Y-1, m.cursor.Y+dy*by)))
}

func (m *maskMode) choose(t tool) { m.tool, m.corner = t, nil }

// resize makes the brush a quarter larger or smaller.
func (m *maskMode) resize(by int) {
	m.radius = max(1, min(m.picture.Rect.Dx()/2, m.radius+by*max(1, m.radius/4)))
}

// nudge is how far the mask grows or shrinks at a time.
func (m *maskMode) nudge() int { return max(1, m.picture.Rect.Dx()/128) }

// press uses the tool at the cursor.
func (m *maskMode) press() {
	switch m.tool {
	case brush:
		m.editor.Stroke(m.cursor, m.cursor, m.radius, !m.erase)
	case bucket:
		m.editor.Fill(m.cursor, !m.erase)
	case rectangle:
		if m.corner == nil {
			corner := m.cursor
			m.corner = &corner
			return
		}
		m.editor.Rectangle(m.rectangle(), !m.erase)
		m.corner = nil
	}
}

// rectangle lies between the corner and the cursor, both inside.
func (m *maskMode) rectangle() image.Rectangle {
	r := image.Rectangle{*m.corner, m.cursor}.Canon()
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}

// maskMouse paints with the mouse.
func (a *app) maskMouse(msg tea.MouseMsg) {
	m := &a.masking
	at := msg.Mouse()
	point, on := a.pixelAt(at.X, at.Y)
	switch msg.(type) {
	case tea.MouseWheelMsg:
		m.resize(map[tea.MouseButton]int{tea.MouseWheelUp: 1, tea.MouseWheelDown: -1}[at.Button])
	case tea.MouseClickMsg:
		if !on {
			return
		}
		m.cursor, m.held = point, true
		m.editor.Begin()
		m.press()
	case tea.MouseMotionMsg:
		if !m.held {
			return
		}
		if m.tool == brush {
			m.editor.Stroke(m.cursor, point, m.radius, !m.erase)
		}
		m.cursor = point
	case tea.MouseReleaseMsg:
		if m.held && m.tool == rectangle && m.corner != nil && *m.corner != m.cursor {
			m.press()
		}
		m.editor.End()
		m.held = false
	}
	a.masked()
}

// pixelAt is the picture's pixel under a cell's middle, and whether the cell is
// on the picture; beyond it, the nearest one.
func (a *app) pixelAt(x, y int) (image.Point, bool) {
	if len(a.tiles) == 0 {
		return image.Point{}, false
	}
	r := a.tiles[0].area
	if shown := a.tiles[0].shown; shown.frame.Cols > 0 {
		r = shown.rect
		r.Cols, r.Rows = shown.frame.Cols, shown.frame.Rows
	}
	size := a.masking.picture.Rect.Size()
	to := func(cell, from, cells, pixels int) int {
		p := (float64(cell-from) + 0.5) / float64(max(1, cells)) * float64(pixels)
		return max(0, min(pixels-1, int(math.Floor(p))))
	}
	inside := x >= r.X && x < r.X+r.Cols && y >= r.Y && y < r.Y+r.Rows
	return image.Pt(to(x, r.X, r.Cols, size.X), to(y, r.Y, r.Rows, size.Y)), inside
}

// maskPainter returns what draws the picture with the mask over it: everything
// it needs is copied here, for it runs beside the app.
func (a *app) maskPainter() func() image.Image {
	m := a.masking
	pixels, tokens := m.editor.Pixels(), a.reduce()
	preview := image.Rectangle{}
	if m.corner != nil {
		preview = m.rectangle()
	}
	return func() image.Image {
		out := mask.Overlay(m.picture, pixels, tokens, maskTint)
		if !preview.Empty() {
			frame(out, preview, color.RGBA{255, 255, 255, 255})
		}
		radius := m.radius
		if m.tool != brush {
			radius = max(2, out.Rect.Dx()/128)
		}
		ring(out, m.cursor, radius)
		return out
	}
}

// ring draws the brush: white in black, to be seen on anything.
func ring(out *image.RGBA, at image.Point, radius int) {
	thick := float64(max(1, out.Rect.Dx()/256))
	reach := radius + 3*int(thick)
	box := image.Rect(at.X-reach, at.Y-reach, at.X+reach+1, at.Y+reach+1).Intersect(out.Rect)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			switch off := math.Abs(math.Hypot(float64(x-at.X), float64(y-at.Y)) - float64(radius)); {
			case off <= thick:
				out.SetRGBA(x, y, color.RGBA{255, 255, 255, 255})
			case off <= 2*thick:
				out.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
			}
		}
	}
}

// frame draws a rectangle's border.
func frame(out *image.RGBA, r image.Rectangle, c color.RGBA) {
	thick := max(1, out.Rect.Dx()/256)
	inner := r.Inset(thick)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if !image.Pt(x, y).In(inner) && image.Pt(x, y).In(out.Rect) {
				out.SetRGBA(x, y, c)
			}
		}
	}
}

func (a *app) maskTitle() string { return "mask over " + a.masking.name }

// maskPanel is the panel while a mask is painted.
func (a *app) maskPanel(rows int) string {
	m := &a.masking
	doing := "paint"
	if m.erase {
		doing = "erase"
	}
	rule := "touched by any pixel"
	if a.rule() == sampler.All {
		rule = "wholly masked"
	}
	n := a.anew()
	line := func(name, value string) string {
		return "  " + a.theme.dim.Render(fill(name, 10)) + a.theme.text.Render(value)
	}
	lines := []string{
		" " + a.theme.title.Render("Mask"),
		line("tool", toolNames[m.tool]),
		line("does", doing),
		line("brush", fmt.Sprintf("%d pixels", 2*m.radius+1)),
		line("tokens", rule),
		line("", fmt.Sprintf("%d of %d made anew", n, a.Model.Latent.Tokens())),
		line("", fmt.Sprintf("%d%% of the picture", 100*n/a.Model.Latent.Tokens())),
		line("variants", fmt.Sprint(a.panel.samples)),
		"",
		a.theme.dim.Render("  The line is around what is"),
		a.theme.dim.Render("  really made anew: whole tokens"),
		a.theme.dim.Render(fmt.Sprintf("  of %d×%d pixels.", a.Model.Downsample, a.Model.Downsample)),
	}
	return strings.Join(lines[:min(rows, len(lines))], "\n")
}
