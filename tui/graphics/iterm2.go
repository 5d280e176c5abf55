package graphics

import (
	"bytes"
	"fmt"
	"image"
	"strconv"
	"time"

	"github.com/BourgeoisBear/rasterm"
)

// iterm2 sends inline files (OSC 1337) as JPEG, written by rasterm: fast to encode and small over SSH.
type iterm2 struct {
	terminal Terminal
	pane     *pane
}

func (t *iterm2) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	p, cols, rows := place(img, r, t.terminal.CellWidth, t.terminal.CellHeight)
	rgba := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	for i, j := 0, 0; i < len(p.rgb); i, j = i+3, j+4 {
		copy(rgba.Pix[j:], p.rgb[i:i+3])
		rgba.Pix[j+3] = 255
	}
	var b bytes.Buffer
	err := rasterm.ItermWriteImageWithOptions(&b, rgba, rasterm.ItermImgOpts{
		Width: strconv.Itoa(cols), Height: strconv.Itoa(rows), DisplayInline: true, // cells: what is a pixel depends on the screen
	})
	if err != nil {
		return Frame{}, fmt.Errorf("encode an image for iTerm2: %w", err)
	}
	f := Frame{Text: blanks(cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Overlay = t.pane.at(r, b.Bytes())
	f.finish(begun)
	return f, nil
}

// Erase returns nothing: the image belongs to cells, and text written there replaces it.
func (*iterm2) Erase(int) []byte { return nil }

// Reset returns nothing: leaving the alternate screen removes the images.
func (*iterm2) Reset() []byte { return nil }
