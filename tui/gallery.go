package tui

import (
	"errors"
	"fmt"
	"image"
	"slices"

	tea "charm.land/bubbletea/v2"

	"sundae/decoder"
	"sundae/tui/loop"
)

// gallery is what this session made. A result is kept as its run's tokens and
// settings, which is all that going back to it takes, and as a small picture.
type gallery struct {
	entries  []entry // oldest first
	selected int
	made     int // results so far; the newest one's number
}

// entry is one picture.
type entry struct {
	number  int
	label   string
	lane    lane // its run: settings, steps, the samples beside it
	sample  int
	step    int
	base    *base       // what it was painted over, if anything
	picture *image.RGBA // small; nil until it is decoded
}

// Limits of the gallery.
const (
	remembered  = 96  // results, of which the oldest go first
	galleryPage = 12  // on screen at once
	thumbSide   = 256 // pixels: 256 KB a result
)

func (e entry) tokens() []uint16 { return e.lane.frame(e.step).Tokens[e.sample] }

// same says that two entries are one picture, made the same way.
func (e entry) same(as entry) bool {
	return e.sample == as.sample && e.step == as.step && e.base == as.base &&
		e.lane.settings.Equal(as.lane.settings) && slices.Equal(e.tokens(), as.tokens())
}

// named writes the label.
func (e entry) named(classes []string) string {
	text := fmt.Sprintf("%d: seed %d", e.number, e.lane.settings.Seed)
	if e.lane.label != "" && e.lane.label != "the same" {
		text = fmt.Sprintf("%d: %s", e.number, e.lane.label) // tells more
	}
	if e.sample > 0 {
		text += fmt.Sprintf(" #%d", e.sample+1)
	}
	if e.step != len(e.lane.frames)-1 {
		text += fmt.Sprintf(", step %d", e.step)
	}
	if e.lane.settings.Class < len(classes) {
		text += ", " + className(classes, e.lane.settings.Class)
	}
	return text
}

// first is the place of the first entry on the page; the last page is full, too.
func (g *gallery) first() int {
	return max(0, min(g.selected/galleryPage*galleryPage, len(g.entries)-galleryPage))
}

// label is what is written under an entry.
func (g *gallery) label(i int) string { return g.entries[i].label }

// title says how the selected entry was made.
func (g *gallery) title() string {
	s := g.entries[g.selected].lane.settings
	title := fmt.Sprintf("%d of %d: seed %d, %d steps", g.selected+1, len(g.entries), s.Seed, s.Steps)
	for _, on := range inOrder {
		title += fmt.Sprintf(", %s %s", schedules[on].name, schedules[on].of(&s))
	}
	return title
}

func (g *gallery) move(by int) {
	g.selected = max(0, min(len(g.entries)-1, g.selected+by))
}

// add remembers a picture unless it is there, and returns its number, 0 if it was.
func (g *gallery) add(e entry, classes []string) int {
	for _, old := range g.entries {
		if old.same(e) {
			return 0
		}
	}
	g.made++
	e.number = g.made
	e.label = e.named(classes)
	e.lane = e.lane.clone()
	if g.entries = append(g.entries, e); len(g.entries) > remembered {
		g.entries = slices.Delete(g.entries, 0, 1)
		g.move(-1)
	}
	return e.number
}

// clone is a lane of its own: the stage goes on writing to the one it has.
func (l lane) clone() lane {
	l.frames, l.stats, l.marks = slices.Clone(l.frames), slices.Clone(l.stats), slices.Clone(l.marks)
	return l
}

// keepResult puts the pictures of a run that ended into the gallery.
func (a *app) keepResult() tea.Cmd {
	var thumbs []tea.Cmd
	for i, l := range a.stage.lanes {
		thumbs = append(thumbs, a.keepLane(i, len(l.frames)-1))
	}
	if a.mode == browsing {
		a.relayout()
	}
	return tea.Batch(thumbs...)
}

// keepShown puts the step on show into the gallery.
func (a *app) keepShown() tea.Cmd {
	var thumbs []tea.Cmd
	before := a.gallery.made
	for i, l := range a.stage.lanes {
		thumbs = append(thumbs, a.keepLane(i, min(a.stage.shown, len(l.frames)-1)))
	}
	a.say(fmt.Sprintf("%s in the gallery", count(a.gallery.made-before, "new picture")))
	return tea.Batch(thumbs...)
}

func (a *app) keepLane(i, step int) tea.Cmd {
	l := a.stage.lanes[i]
	if step < 1 {
		return nil // noise
	}
	var thumbs []tea.Cmd
	for sample := range l.frames[step].Tokens {
		e := entry{lane: l, sample: sample, step: step, base: a.stage.base}
		if number := a.gallery.add(e, a.Model.Classes); number > 0 {
			thumbs = append(thumbs, a.thumbnail(number, e, loop.Key{Run: a.stage.run, Lane: i, Sample: sample, Step: step}))
		}
	}
	return tea.Batch(thumbs...)
}

type thumbMsg struct {
	number  int
	picture *image.RGBA
	err     error
}

// thumbnail makes the small picture, beside the app.
func (a *app) thumbnail(number int, e entry, key loop.Key) tea.Cmd {
	ctx, finish := a.ctx, a.finish(e.base)
	return func() tea.Msg {
		picture, err := a.loop.Picture(ctx, loop.Want{Key: key, Tokens: e.tokens()})
		if err != nil {
			return thumbMsg{err: err}
		}
		return thumbMsg{number: number, picture: decoder.Fit(finish(picture), min(thumbSide, picture.Rect.Dx()))}
	}
}

// gotThumb puts a small picture in its place.
func (a *app) gotThumb(msg thumbMsg) {
	if msg.err != nil {
		a.fail(fmt.Errorf("make a small picture for the gallery: %w", msg.err))
		return
	}
	for i := range a.gallery.entries {
		if e := &a.gallery.entries[i]; e.number == msg.number {
			e.picture = msg.picture
		}
	}
	if a.mode == browsing {
		a.redraw()
	}
}

// browse opens the gallery, or closes it.
func (a *app) browse() {
	switch {
	case a.mode == browsing:
		a.mode = exploring
	case len(a.gallery.entries) == 0:
		a.fail(errors.New("the gallery is empty: a run that reaches its last step is kept there"))
		return
	default:
		a.mode = browsing
		a.say("")
		a.gallery.move(len(a.gallery.entries)) // to the newest
	}
	a.relayout()
}

// turn moves through the gallery.
func (a *app) turn(by int) {
	page := a.gallery.first()
	a.gallery.move(by)
	if a.gallery.first() != page {
		a.relayout()
	}
}

// forget takes the selected result out of the gallery.
func (a *app) forget() {
	g := &a.gallery
	g.entries = slices.Delete(g.entries, g.selected, g.selected+1)
	g.move(0)
	if len(g.entries) == 0 {
		a.mode = exploring
	}
	a.relayout()
}

// revisit goes back to the selected result's run, at its step: to scrub, to
// branch, to go on.
func (a *app) revisit() {
	e := a.gallery.entries[a.gallery.selected]
	a.mode, a.zoom = exploring, -1
	a.tiles = nil
	a.resume(e.lane.clone(), e.base, false)
	if len(e.lane.frames[0].Tokens) > 1 {
		a.zoom = e.sample
		a.relayout()
	}
	a.scrub(e.step)
	a.say("Back at " + e.label)
}

// baseMsg is a picture that an inpainting begins from.
type baseMsg struct {
	tokens  []uint16
	picture *image.RGBA
	name    string
	err     error
}

// paintOver takes the selected result as the base of an inpainting.
func (a *app) paintOver() tea.Cmd {
	e := a.gallery.entries[a.gallery.selected]
	ctx, finish, name := a.ctx, a.finish(e.base), e.label
	return func() tea.Msg {
		picture, err := a.loop.Picture(ctx, loop.Want{Tokens: e.tokens()})
		if err != nil {
			return baseMsg{err: fmt.Errorf("decode %s: %w", name, err)}
		}
		return baseMsg{tokens: e.tokens(), picture: finish(picture), name: name}
	}
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// row is how many results stand beside each other.
func (a *app) row() int {
	n := 0
	for _, t := range a.tiles {
		if t.area.Y == a.tiles[0].area.Y {
			n++
		}
	}
	return max(1, n)
}

// clickThumb chooses the picture under the mouse; a click on the one chosen goes
// back to it.
func (a *app) clickThumb(x, y int) {
	i := a.tileAt(x, y)
	switch {
	case i < 0:
	case a.tiles[i].sample == a.gallery.selected:
		a.revisit()
	default:
		a.gallery.selected = a.tiles[i].sample
	}
}
