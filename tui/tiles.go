package tui

import (
	"image"

	"sundae/tui/graphics"
	"sundae/tui/loop"
	"sundae/tui/terminal"
)

// tile is a place on screen for one picture.
type tile struct {
	lane, sample int
	slot         int           // the driver's, 1 and up
	area         graphics.Rect // the picture's room
	label        graphics.Rect // a line below it, Rows 0 without
	key          loop.Key      // of the picture in it
	picture      *image.RGBA
	job          int            // the newest one for the drawer
	shown        terminal.Drawn // what is on screen
}

// most is how many pictures are on screen at once.
const most = 16

// relayout places the tiles anew, after anything that changes their number or room.
func (a *app) relayout() {
	a.layout = a.drawer.Relayout()
	a.screen.Clear()
	before := a.tiles
	a.tiles = nil
	if a.tooSmall() {
		return
	}
	switch a.mode {
	case exploring:
		for lane := range a.stage.lanes {
			for sample := range a.samplesShown() {
				a.tiles = append(a.tiles, tile{lane: lane, sample: sample})
			}
		}
		if a.zoom >= 0 && a.zoom < len(a.tiles) {
			a.tiles = a.tiles[a.zoom : a.zoom+1 : a.zoom+1]
		}
	case masking:
		a.tiles = []tile{{}}
	case browsing:
		for i := range a.gallery.entries[a.gallery.first():] {
			if len(a.tiles) < galleryPage {
				a.tiles = append(a.tiles, tile{sample: a.gallery.first() + i})
			}
		}
	}
	room := a.pictureArea()
	labels, group := 0, 1
	if a.mode == browsing || len(a.stage.lanes) > 1 {
		labels = 1
	}
	if a.mode == exploring && len(a.stage.lanes) > 1 {
		group = a.samplesShown()
	}
	place(a.tiles, group, room, labels, a.cellAspect())
	for i := range a.tiles {
		t := &a.tiles[i]
		for _, old := range before {
			if old.lane == t.lane && old.sample == t.sample && a.mode == exploring {
				t.picture, t.key = old.picture, old.key
			}
		}
		a.draw(t)
	}
	a.want()
}

// samplesShown is how many samples of each lane are on screen.
func (a *app) samplesShown() int { return min(a.panel.samples, most/len(a.stage.lanes)) }

// cellAspect is a cell's height by its width.
func (a *app) cellAspect() float64 {
	w, h := a.Terminal.CellWidth, a.Terminal.CellHeight
	if w <= 0 || h <= 0 || a.Terminal.Protocol == graphics.Blocks {
		return 2
	}
	return float64(h) / float64(w)
}

// place lays square pictures out in as many columns as make them largest. The
// samples of a lane, of which there are group, stay in rows of their own.
func place(tiles []tile, group int, room graphics.Rect, labels int, aspect float64) {
	n := len(tiles)
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
	// Together they stand in the middle, with a gap between them where there is room.
	across := min(2, (room.Cols-columns*cols)/max(1, columns-1))
	down := min(1, (room.Rows-rows*(lines+labels))/max(1, rows-1))
	left := room.X + (room.Cols-columns*cols-(columns-1)*across)/2
	top := room.Y + (room.Rows-rows*(lines+labels)-(rows-1)*down)/2
	for i := range tiles {
		t := &tiles[i]
		t.slot = i + 1
		t.area = graphics.Rect{X: left + i%columns*(cols+across), Y: top + i/columns*(lines+labels+down), Cols: cols, Rows: lines}
		if labels > 0 {
			t.label = graphics.Rect{X: t.area.X, Y: t.area.Y + lines, Cols: cols, Rows: 1}
		}
	}
}

// forgetPictures keeps what is on screen, but as belonging to no step.
func (a *app) forgetPictures() {
	for i := range a.tiles {
		a.tiles[i].key = loop.Key{}
	}
	a.want()
}

// showDecoded takes a picture that was asked for.
func (a *app) showDecoded(d loop.Decoded) {
	for i := range a.tiles {
		if t := &a.tiles[i]; a.mode == exploring && t.lane == d.Lane && t.sample == d.Sample {
			t.picture, t.key = d.Picture, d.Key
			a.draw(t)
		}
	}
}

// draw sends a tile's picture to the drawing goroutine.
func (a *app) draw(t *tile) {
	if t.area.Cols < 1 || t.area.Rows < 1 {
		return
	}
	var work func() image.Image
	switch a.mode {
	case masking:
		if a.masking.easel.now.pixels == nil {
			return // on its way
		}
		work = a.maskPainter()
	case browsing:
		picture := a.gallery.entries[t.sample].picture
		if picture == nil {
			return // on its way
		}
		work = func() image.Image { return picture }
	default:
		if t.picture == nil {
			return
		}
		l := &a.stage.lanes[t.lane]
		after := l.frame(t.key.Step)
		before := after
		if t.key.Step > 0 {
			before = l.frame(t.key.Step - 1)
		}
		picture, how, sample, latent := t.picture, a.look, t.sample, a.Model.Latent
		if after == nil || t.sample >= len(after.Tokens) {
			how = plain
		}
		if base := a.stage.base; base != nil && a.Mask.Composite && how == plain {
			work = func() image.Image { return base.composite(picture, a.Mask.Feather) }
		} else {
			work = func() image.Image { return paint(picture, how, latent, before, after, sample) }
		}
	}
	t.job = a.drawer.Put(t.slot, t.area, work)
}

// redraw sends all tiles again: what is painted over them changed.
func (a *app) redraw() {
	for i := range a.tiles {
		a.draw(&a.tiles[i])
	}
}

// showDrawn takes a picture that is on its way to the terminal.
func (a *app) showDrawn(d terminal.Drawn) {
	if d.Layout != a.layout {
		return
	}
	if d.Err != nil {
		a.fail(d.Err)
		return
	}
	a.drawing = d.Frame
	for i := range a.tiles {
		if t := &a.tiles[i]; t.slot == d.Slot {
			if t.shown.Frame.Text != d.Frame.Text && len(d.Frame.Overlay) > 0 {
				a.screen.Touch() // the cells under it are about to be blanked
			}
			t.shown = d
		}
	}
}

// tileAt is the tile under a cell of the screen; -1 none.
func (a *app) tileAt(x, y int) int {
	for i, t := range a.tiles {
		if x >= t.area.X && x < t.area.X+t.area.Cols && y >= t.area.Y && y < t.area.Y+t.area.Rows {
			return i
		}
	}
	return -1
}
