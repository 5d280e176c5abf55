package tui

import (
	"bytes"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"sundae/internal/picture"
	"sundae/tui/graphics"
)

// A mask is painted with keys and mouse; masked tokens are sampled, in as many variants as there are samples, and
// nothing else changes at any step.
func TestMaskSession(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		s := begin(t, w, h, nil)
		s.press("m")
		s.until("the mask editor", func(a *app) bool { return a.mode == masking && drawnAll(a) })
		s.press("enter") // nothing is masked yet
		s.until("a refusal", func(a *app) bool { return a.isError && a.mode == masking })
		s.press("-", "space", "right", "right", "space")
		s.until("two dabs", func(a *app) bool { return a.canvas.Mask.Count > 1 })
		s.press("u", "u")
		s.until("both undone", func(a *app) bool { return a.canvas.Mask.Count == 0 })
		s.press("U", "U", "]", "i", "i", "r", "space", "down", "down", "right", "space")
		s.until("the rectangle", drawnAll)
		var tokens int
		s.look(func(a *app) { tokens = a.canvas.Mask.Count })
		if tokens == 0 || tokens == 64 {
			t.Fatalf("%d tokens are masked", tokens)
		}
		// The mouse paints a stroke over the first column of tokens.
		s.press("b")
		var area struct{ x, y, rows int }
		s.look(func(a *app) {
			at := a.tiles[0].shown
			area.x, area.y, area.rows = at.Rect.X, at.Rect.Y, at.Frame.Rows
		})
		s.tm.Send(tea.MouseClickMsg{X: area.x, Y: area.y, Button: tea.MouseLeft})
		s.tm.Send(tea.MouseMotionMsg{X: area.x, Y: area.y + area.rows - 1, Button: tea.MouseLeft})
		s.tm.Send(tea.MouseReleaseMsg{X: area.x, Y: area.y + area.rows - 1})
		s.until("the stroke", drawnAll)
		s.look(func(a *app) {
			for row := range 8 {
				if !a.canvas.Mask.Tokens.Masked[8*row] {
					t.Errorf("the stroke left out row %d", row)
				}
			}
			tokens = a.canvas.Mask.Count
		})
		s.golden("mask")
		s.press("u")
		s.until("the stroke undone as one", func(a *app) bool { return a.canvas.Mask.Count < tokens })
		s.press("U")
		s.until("and done again", func(a *app) bool { return a.canvas.Mask.Count == tokens })

		s.press("enter")
		s.settled()
		s.golden("mask-made")
		s.look(func(a *app) {
			b := a.stage.Base
			for step, frame := range a.stage.Lanes[0].Frames {
				for sample := range frame.Tokens {
					for k, id := range frame.Tokens[sample] {
						if !b.Mask.Masked[k] && id != b.Tokens[k] {
							t.Fatalf("step %d changes token %d, which is kept", step, k)
						}
					}
				}
			}
			if len(a.tiles) != a.stage.Samples || a.stage.Samples < 2 {
				t.Errorf("%d variants of %d on screen", len(a.tiles), a.stage.Samples)
			}
			made := b.Composite(a.tiles[0].image, 0)
			for i, v := range b.Mask.Region(b.Pixels).Pix {
				if at := 4 * i; v == 0 && !bytes.Equal(made.Pix[at:at+4], b.Image.Pix[at:at+4]) {
					t.Fatalf("pixel %d outside the mask is not the picture's own", i)
				}
			}
		})
		// Back to the mask, for one variant less; then to noise.
		var mask []byte
		var variants int
		s.look(func(a *app) { mask, variants = bytes.Clone(a.stage.Base.Pixels.Pix), a.stage.Samples })
		s.press("e", "V")
		s.until("the mask again", func(a *app) bool {
			return a.mode == masking && drawnAll(a) && bytes.Equal(mask, a.canvas.Mask.Pixels.Pix) && a.canvas.Variants == variants-1
		})
		s.press("enter")
		s.settled()
		s.look(func(a *app) {
			if len(a.tiles) != variants-1 || !bytes.Equal(a.stage.Base.Pixels.Pix, mask) {
				t.Errorf("%d variants, want %d of the same mask", len(a.tiles), variants-1)
			}
		})
		s.press("M")
		s.until("noise again", func(a *app) bool { return a.stage.Base == nil && a.stage.Done })
	})
}

// Edits that come faster than they are done are all done, in order, before the run starts.
func TestMaskKeepsUp(t *testing.T) {
	s := begin(t, 80, 24, nil)
	s.press("m")
	s.until("the mask editor", func(a *app) bool { return a.mode == masking })
	s.press("space", "right", "space", "c", "]", "i", "[", "u", "U", "enter")
	s.until("a run of the whole picture", func(a *app) bool {
		b := a.stage.Base
		return a.mode == exploring && b != nil && b.Mask.Count() == a.Model.Latent.Tokens()
	})
}

// A mask is saved and loaded; an image from a file can be inpainted.
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
	s.tm.Send(readImage(photo))
	s.until("the opened picture", func(a *app) bool { return a.mode == masking && a.canvas.Image.Rect.Dx() == a.Model.ImageSize })
	s.press("r", "space", "right", "down", "space")
	var painted *image.Gray
	s.until("a rectangle", func(a *app) bool { painted = a.canvas.Mask.Pixels; return a.canvas.Mask.Count > 0 })
	path := filepath.Join(dir, "mask.png")
	s.press("s", "ctrl+u", path, "enter")
	s.until("the saved mask", func(a *app) bool { return a.note == "Saved "+path })
	s.press("c")
	s.until("an empty mask", func(a *app) bool { return a.canvas.Mask.Count == 0 })
	s.press("d", "ctrl+u", path, "enter")
	s.until("the mask again", func(a *app) bool { return bytes.Equal(a.canvas.Mask.Pixels.Pix, painted.Pix) })
	// A mask of another size is scaled, and the note says so.
	large := filepath.Join(dir, "large.png")
	half := image.NewGray(image.Rect(0, 0, 100, 100))
	for i := range 100 * 50 {
		half.Pix[i] = 255
	}
	if err := picture.Save(large, half); err != nil {
		t.Fatal(err)
	}
	s.press("d", "ctrl+u", large, "enter")
	s.until("the upper half", func(a *app) bool {
		return a.note == "Loaded "+large+", scaled from 100×100" && 2*a.canvas.Mask.Count == a.Model.Latent.Tokens()
	})
	s.press("d", "ctrl+u", filepath.Join(dir, "none.png"), "enter")
	s.until("an error", func(a *app) bool { return a.isError })
	s.press("c", "b", "space") // a dab that touches tokens and covers none
	s.until("a dab", func(a *app) bool { return drawnAll(a) && a.canvas.Mask.Count > 0 })
	s.press("a")
	s.until("no token that is wholly masked", func(a *app) bool { return drawnAll(a) && a.canvas.Mask.Count == 0 })
}

// An image is chosen with the file picker; a file that is not an image is an error.
func TestOpenPicture(t *testing.T) {
	both(t, func(t *testing.T, w, h int) {
		dir := filepath.Join(t.TempDir(), "pictures")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		p := image.NewRGBA(image.Rect(0, 0, 40, 40))
		for i := range 40 * 40 {
			p.SetRGBA(i%40, i/40, color.RGBA{200, uint8(6 * (i / 40)), 90, 255})
		}
		if err := picture.Save(filepath.Join(dir, "photo.png"), p); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "broken.png"), []byte("no picture"), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"broken.png", "photo.png"} { // modes are on screen
			if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := begin(t, w, h, nil)
		s.look(func(a *app) { a.files.picker.CurrentDirectory = dir })
		s.press("o")
		s.until("the files", func(a *app) bool { return strings.Contains(a.View().Content, "photo.png") })
		s.golden("open")
		s.press("enter")
		s.until("an error", func(a *app) bool { return a.isError && strings.Contains(a.note, "broken.png") })
		s.press("o", "down", "enter")
		s.until("the picture", func(a *app) bool { return a.mode == masking && drawnAll(a) })
		s.look(func(a *app) {
			if got := a.canvas.Image.RGBAAt(3, 3); got.R < 150 || got.B > 140 {
				t.Errorf("the picture is %v at its top", got)
			}
			if len(a.canvas.Tokens) != a.Model.Latent.Tokens() {
				t.Errorf("it has %d tokens", len(a.canvas.Tokens))
			}
		})
		s.golden("opened")
		s.press("?")
		s.golden("mask-help")
		s.helpIsComplete()
		s.press("esc", "esc")
		s.until("the run again", func(a *app) bool { return a.mode == exploring && drawnAll(a) })
	})
}

// A mouse that reports pixels paints exactly; the right button erases; shift and an arrow paint.
func TestFineMouse(t *testing.T) {
	s := begin(t, 80, 24, func(o *Options) {
		o.Terminal = graphics.Terminal{Protocol: graphics.Sixel, CellWidth: 10, CellHeight: 20, Colours: graphics.TrueColour}
	})
	s.tm.Send(tea.ModeReportMsg{Mode: ansi.ModeMouseExtSgrPixel, Value: ansi.ModeReset})
	s.press("m")
	s.until("the mask editor", func(a *app) bool { return a.mode == masking && a.screen.PixelMouse() })
	s.press("-", "-", "-")
	click := func(button tea.MouseButton, px, py int) { // of the picture's 32
		var at image.Point
		s.look(func(a *app) {
			shown := a.tiles[0].shown
			at = image.Pt(10*shown.Rect.X+(2*px+1)*10*shown.Frame.Cols/64, 20*shown.Rect.Y+(2*py+1)*20*shown.Frame.Rows/64)
		})
		s.tm.Send(tea.MouseClickMsg{X: at.X, Y: at.Y, Button: button})
		s.tm.Send(tea.MouseReleaseMsg{X: at.X, Y: at.Y, Button: button})
	}
	at := func(x, y int) (is bool) {
		s.until("the mask on screen", drawnAll)
		s.look(func(a *app) { is = a.canvas.Mask.Pixels.GrayAt(x, y).Y == 255 })
		return is
	}
	s.until("the picture", drawnAll)
	click(tea.MouseLeft, 7, 20)
	if !at(7, 20) || at(10, 20) {
		t.Error("the click is not where the mouse was")
	}
	click(tea.MouseRight, 7, 20)
	if at(7, 20) {
		t.Error("the right button does not take away")
	}
	click(tea.MouseRight, 12, 12)
	s.tm.Send(tea.KeyPressMsg{Code: tea.KeyRight, Mod: tea.ModShift})
	s.tm.Send(tea.KeyPressMsg{Code: tea.KeyRight, Mod: tea.ModShift})
	if !at(12, 12) || !at(14, 12) {
		t.Error("shift and an arrow paint nothing")
	}
	s.press("esc")
	s.until("cells again", func(a *app) bool { return a.mode == exploring && !a.screen.PixelMouse() })
}
