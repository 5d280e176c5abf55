package tui

import (
	"bytes"
	"image"
	"image/color"
	"path/filepath"
	"testing"

	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
)

// A mask painted with keys and mouse: what is masked is made anew, in as many
// variants as there are samples, and nothing else changes at any step.
func TestMaskSession(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		s.press("m")
		s.until("the mask editor", func(a *app) bool { return a.mode == masking && drawnAll(a) })
		s.press("enter") // nothing is masked yet
		s.until("a refusal", func(a *app) bool { return a.isError && a.mode == masking })
		s.press("-", "space", "right", "right", "space")
		s.until("two dabs", func(a *app) bool { return a.anew() > 1 })
		s.press("u", "u")
		s.until("both undone", func(a *app) bool { return a.anew() == 0 })
		s.press("U", "U", "]", "i", "i", "r", "space", "down", "down", "right", "space")
		var tokens int
		s.look(func(a *app) { tokens = a.anew() })
		if tokens == 0 || tokens == 64 {
			t.Fatalf("%d tokens are masked", tokens)
		}
		// The mouse paints a stroke over the first column of tokens.
		s.press("b")
		var area struct{ x, y, rows int }
		s.look(func(a *app) {
			at := a.tiles[0].shown
			area.x, area.y, area.rows = at.rect.X, at.rect.Y, at.frame.Rows
		})
		s.tm.Send(tea.MouseClickMsg{X: area.x, Y: area.y, Button: tea.MouseLeft})
		s.tm.Send(tea.MouseMotionMsg{X: area.x, Y: area.y + area.rows - 1, Button: tea.MouseLeft})
		s.tm.Send(tea.MouseReleaseMsg{X: area.x, Y: area.y + area.rows - 1})
		s.look(func(a *app) {
			for row := range 8 {
				if !a.reduce().Anew[8*row] {
					t.Errorf("the stroke left out row %d", row)
				}
			}
			tokens = a.anew()
		})
		s.golden("mask")
		s.press("u")
		s.until("the stroke undone as one", func(a *app) bool { return a.anew() < tokens })
		s.press("U")
		s.until("and done again", func(a *app) bool { return a.anew() == tokens })

		s.press("enter")
		s.settled()
		s.golden("mask-made")
		s.look(func(a *app) {
			b := a.stage.base
			for step, frame := range a.stage.lanes[0].frames {
				for sample := range frame.Tokens {
					for k, id := range frame.Tokens[sample] {
						if !b.mask.Anew[k] && id != b.tokens[k] {
							t.Fatalf("step %d changes token %d, which is kept", step, k)
						}
					}
				}
			}
			if len(a.tiles) != a.panel.samples || a.panel.samples < 2 {
				t.Errorf("%d variants of %d on screen", len(a.tiles), a.panel.samples)
			}
			made := b.composite(a.tiles[0].picture, 0)
			for i, v := range b.region.Pix {
				if at := 4 * i; v == 0 && !bytes.Equal(made.Pix[at:at+4], b.picture.Pix[at:at+4]) {
					t.Fatalf("pixel %d outside the mask is not the picture's own", i)
				}
			}
		})
		s.press("M")
		s.until("noise again", func(a *app) bool { return a.stage.base == nil && a.ended() })
	})
}

// A mask goes to disk and comes back; a picture from disk can be painted on.
func TestMaskFiles(t *testing.T) {
	dir := t.TempDir()
	photo := filepath.Join(dir, "photo.png")
	p := image.NewRGBA(image.Rect(0, 0, 90, 60))
	for i := range 90 * 60 {
		p.SetRGBA(i%90, i/90, color.RGBA{uint8(2 * (i % 90)), 120, uint8(3 * (i / 90)), 255})
	}
	if err := picture.Save(photo, p); err != nil {
		t.Fatal(err)
	}
	s := begin(t, 80, 24, nil)
	s.tm.Send(read(photo))
	s.until("the opened picture", func(a *app) bool { return a.mode == masking && a.masking.picture.Rect.Dx() == a.Model.ImageSize })
	s.press("r", "space", "right", "down", "space")
	var painted *image.Gray
	s.until("a rectangle", func(a *app) bool { painted = a.masking.editor.Pixels(); return a.anew() > 0 })
	path := filepath.Join(dir, "mask.png")
	s.press("s", "ctrl+u", path, "enter")
	s.until("the saved mask", func(a *app) bool { return a.note == "Saved "+path })
	s.press("c")
	s.until("an empty mask", func(a *app) bool { return a.anew() == 0 })
	s.press("L", "ctrl+u", path, "enter")
	s.until("the mask again", func(a *app) bool { return bytes.Equal(a.masking.editor.Pixels().Pix, painted.Pix) })
	s.press("L", "ctrl+u", filepath.Join(dir, "none.png"), "enter")
	s.until("an error", func(a *app) bool { return a.isError })
	s.press("a")
	s.until("the other rule", func(a *app) bool { return a.anew() == 0 || a.rule() == "all" })
}
