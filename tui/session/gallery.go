package session

import (
	"fmt"
	"image"
	"slices"
)

// Gallery holds the samples that this session made. An entry is the tokens and settings of its lane, which are enough to
// return to it, and a small image.
type Gallery struct {
	Entries  []Entry // oldest first
	Selected int
	Made     int // the number of the newest entry
}

// Entry is one sample.
type Entry struct {
	Shot
	Number int
	Label  string
	Thumb  *image.RGBA // nil until it is decoded
}

// Limits of the gallery.
const (
	maxEntries = 96  // of which the oldest are dropped first
	PageSize   = 12  // on screen at once
	ThumbSide  = 256 // pixels: 256 KB per entry
)

// sameAs reports whether two entries are the same sample, made in the same way.
func (e Entry) sameAs(o Entry) bool {
	return e.Sample == o.Sample && e.Step == o.Step && e.Base == o.Base &&
		e.Lane.Settings.Equal(o.Lane.Settings) && slices.Equal(e.Tokens(), o.Tokens())
}

func (e Entry) label(classes []string) string {
	text := fmt.Sprintf("%d: seed %d", e.Number, e.Lane.Settings.Seed)
	if e.Lane.Label != "" && e.Lane.Label != same {
		text = fmt.Sprintf("%d: %s", e.Number, e.Lane.Label) // says more
	}
	if e.Sample > 0 {
		text += fmt.Sprintf(" #%d", e.Sample+1)
	}
	if e.Step != e.Lane.Last() {
		text += fmt.Sprintf(", step %d", e.Step)
	}
	if e.Lane.Settings.Class < len(classes) {
		text += ", " + ClassName(classes, e.Lane.Settings.Class)
	}
	return text
}

// Keep adds the samples of every lane at a step, or at its last one if that comes earlier. It leaves out step 0, which is
// noise, and what is in the gallery already. It returns the new entries.
func (g *Gallery) Keep(s *Stage, step int) []Entry {
	var added []Entry
	for i, l := range s.Lanes {
		at := min(step, l.Last())
		if at < 1 {
			continue
		}
		for sample := range l.Frames[at].Tokens {
			e := Entry{Shot: Shot{Run: s.Run, Index: i, Lane: l, Sample: sample, Step: at, Base: s.Base}}
			if e.Number = g.add(e, s.Model.Classes); e.Number > 0 {
				added = append(added, e)
			}
		}
	}
	return added
}

// add adds an entry and returns its number, 0 if it is in the gallery already.
func (g *Gallery) add(e Entry, classes []string) int {
	if slices.ContainsFunc(g.Entries, e.sameAs) {
		return 0
	}
	g.Made++
	e.Number = g.Made
	e.Label = e.label(classes)
	e.Run, e.Index = 0, 0 // the entry outlives its run
	if g.Entries = append(g.Entries, e); len(g.Entries) > maxEntries {
		g.Entries = slices.Delete(g.Entries, 0, 1)
		g.Move(-1)
	}
	return e.Number
}

// Current returns the selected entry.
func (g *Gallery) Current() Entry { return g.Entries[g.Selected] }

// First is the number of the first entry on the current page. The last page is full, too.
func (g *Gallery) First() int {
	return max(0, min(g.Selected/PageSize*PageSize, len(g.Entries)-PageSize))
}

// Title says how the selected entry was made.
func (g *Gallery) Title() string {
	s := g.Current().Lane.Settings
	title := fmt.Sprintf("%d of %d: seed %d, %d steps", g.Selected+1, len(g.Entries), s.Seed, s.Steps)
	for _, one := range Schedules {
		title += fmt.Sprintf(", %s %s", one.Name, one.Of(&s))
	}
	return title
}

// Move moves the selection.
func (g *Gallery) Move(by int) {
	g.Selected = max(0, min(len(g.Entries)-1, g.Selected+by))
}

// SetThumb gives an entry its small image. The entry may be gone.
func (g *Gallery) SetThumb(number int, img *image.RGBA) {
	for i := range g.Entries {
		if g.Entries[i].Number == number {
			g.Entries[i].Thumb = img
		}
	}
}

// Remove takes the selected entry out.
func (g *Gallery) Remove() {
	g.Entries = slices.Delete(g.Entries, g.Selected, g.Selected+1)
	g.Move(0)
}
