package tui

import (
	"image"

	"sundae/tui/graphics"
	"sundae/tui/loop"
	"sundae/tui/session"
	"sundae/tui/terminal"
)

// tile is a place on screen for one image.
type tile struct {
	lane, sample int           // in the gallery sample is the number of the entry
	slot         int           // of the graphics driver, from 1
	area         graphics.Rect // the room for the image
	label        graphics.Rect // a line below it; Rows is 0 without
	key          loop.Key      // of the image in it
	image        *image.RGBA
	job          int            // the newest one given to the drawer
	shown        terminal.Drawn // what is on screen
}

type tiles []tile

// at returns the tile at a cell of the screen, -1 if there is none.
func (ts tiles) at(x, y int) int {
	for i, t := range ts {
		if t.area.Contains(x, y) {
			return i
		}
	}
	return -1
}

// of returns the tile of a sample of a lane, nil if it is not on screen.
func (ts tiles) of(lane, sample int) *tile {
	for i := range ts {
		if t := &ts[i]; t.lane == lane && t.sample == sample {
			return t
		}
	}
	return nil
}

// columns is how many tiles are beside each other.
func (ts tiles) columns() int {
	n := 0
	for _, t := range ts {
		if t.area.Y == ts[0].area.Y {
			n++
		}
	}
	return max(1, n)
}

// place arranges square tiles in a room, in as many columns as make them largest, each with lines of label below it. The
// samples of a lane, group of them, stay in rows of their own. aspect is a cell's height divided by its width.
func (ts tiles) place(room graphics.Rect, group, labels int, aspect float64) {
	n := len(ts)
	if n == 0 || room.Cols < 2 || room.Rows < 2+labels {
		return
	}
	columns, side := 1, 0.0
	for c := 1; c <= n; c++ {
		if c%group != 0 && group%c != 0 {
			continue
		}
		rows := (n + c - 1) / c
		w := float64(room.Cols-(c-1)) / float64(c)
		h := float64(room.Rows/rows-labels) * aspect
		if s := min(w, h); s > side {
			columns, side = c, s
		}
	}
	rows := (n + columns - 1) / columns
	cols := max(1, int(side))
	lines := max(1, min(room.Rows/rows-labels, int(float64(cols)/aspect+0.5)))
	// They are centred together, with gaps between them where there is room.
	across := min(2, (room.Cols-columns*cols)/max(1, columns-1))
	down := min(1, (room.Rows-rows*(lines+labels))/max(1, rows-1))
	left := room.X + (room.Cols-columns*cols-(columns-1)*across)/2
	top := room.Y + (room.Rows-rows*(lines+labels)-(rows-1)*down)/2
	for i := range ts {
		t := &ts[i]
		t.slot = i + 1
		t.area = graphics.Rect{X: left + i%columns*(cols+across), Y: top + i/columns*(lines+labels+down), Cols: cols, Rows: lines}
		if labels > 0 {
			t.label = graphics.Rect{X: t.area.X, Y: t.area.Y + lines, Cols: cols, Rows: 1}
		}
	}
}

// cellAspect is the height of a cell divided by its width.
func cellAspect(t graphics.Terminal) float64 {
	if t.CellWidth <= 0 || t.CellHeight <= 0 || t.Protocol == graphics.Blocks {
		return 2
	}
	return float64(t.CellHeight) / float64(t.CellWidth)
}

// relayout divides the screen and places the tiles, after anything that changes their number or room.
func (a *app) relayout() {
	a.layout = newLayout(a.layout.width, a.layout.height, !a.hidePanel && a.mode != browsing)
	a.placed = a.drawer.Relayout()
	a.screen.Clear()
	before := a.tiles
	a.tiles = nil
	if a.layout.tooSmall() {
		return
	}
	labels, group := 0, 1
	switch a.mode {
	case exploring:
		for lane := range a.stage.Lanes {
			for sample := range a.stage.SamplesShown() {
				a.tiles = append(a.tiles, tile{lane: lane, sample: sample})
			}
		}
		if a.zoom >= 0 && a.zoom < len(a.tiles) {
			a.tiles = a.tiles[a.zoom : a.zoom+1 : a.zoom+1]
		}
		if len(a.stage.Lanes) > 1 {
			labels, group = 1, a.stage.SamplesShown()
		}
	case masking:
		a.tiles = tiles{{}}
	case browsing:
		first := a.gallery.First()
		for i := range min(session.PageSize, len(a.gallery.Entries)-first) {
			a.tiles = append(a.tiles, tile{sample: first + i})
		}
		labels = 1
	}
	a.tiles.place(a.layout.images, group, labels, cellAspect(a.Terminal))
	for i := range a.tiles {
		t := &a.tiles[i]
		if old := before.of(t.lane, t.sample); old != nil && a.mode == exploring {
			t.image, t.key = old.image, old.key
		}
		a.draw(t)
	}
	a.want()
}

// draw gives a tile's image to the drawer.
func (a *app) draw(t *tile) {
	if t.area.Cols < 1 || t.area.Rows < 1 {
		return
	}
	if paint := a.painter(t); paint != nil {
		t.job = a.drawer.Put(t.slot, t.area, paint)
	}
}

// painter returns the function that paints a tile's image, for the drawer's goroutine, nil if there is no image yet.
func (a *app) painter(t *tile) func() image.Image {
	switch a.mode {
	case masking:
		return a.canvas.Painter()
	case browsing:
		if thumb := a.gallery.Entries[t.sample].Thumb; thumb != nil {
			return func() image.Image { return thumb }
		}
		return nil
	}
	if t.image == nil {
		return nil
	}
	l := &a.stage.Lanes[t.lane]
	after := l.Frame(t.key.Step)
	before := after
	if t.key.Step > 0 {
		before = l.Frame(t.key.Step - 1)
	}
	img, how, sample, latent := t.image, a.look, t.sample, a.Model.Latent
	if after == nil || t.sample >= len(after.Tokens) {
		how = plain
	}
	if base, feather := a.stage.Base, a.Mask.Feather; base != nil && a.Mask.Composite && how == plain {
		return func() image.Image { return base.Composite(img, feather) }
	}
	return func() image.Image { return paint(img, how, latent, before, after, sample) }
}

// redraw draws all tiles again: what is painted over them has changed.
func (a *app) redraw() {
	for i := range a.tiles {
		a.draw(&a.tiles[i])
	}
}

// showDrawn takes an image that was sent to the terminal.
func (a *app) showDrawn(d terminal.Drawn) {
	if d.Layout != a.placed {
		return
	}
	if d.Err != nil {
		a.fail(d.Err)
		return
	}
	a.drawn = d.Frame
	for i := range a.tiles {
		if t := &a.tiles[i]; t.slot == d.Slot {
			if t.shown.Frame.Text != d.Frame.Text && len(d.Frame.Overlay) > 0 {
				a.screen.Touch() // Bubble Tea is about to write the cells under it
			}
			t.shown = d
		}
	}
}
