package graphics

import (
	"encoding/base64"
	"fmt"
	"image"
	"strings"
	"time"

	xkitty "github.com/charmbracelet/x/ansi/kitty"
)

// generations is how many image ids one slot cycles through. A new id each time makes the placeholder cells differ,
// so that a renderer which sends only changed cells sends them; the old image stays until then.
const generations = 8

// alive is how many images of a slot the terminal keeps: the new one, the one on screen, and one that the renderer
// may be about to replace.
const alive = 3

// maxCells is the number of row and column diacritics, and so the size limit of an image in cells.
const maxCells = 297

// kitty is kitty's graphics protocol with Unicode placeholders (kitty 0.28 or later, ghostty): data is sent ahead
// with a virtual placement, and the cells U+10EEEE, whose colour is the image id, show it wherever text goes. The
// terminal fits the image into its cells and keeps its aspect ratio, so it is sent at its own size.
type kitty struct {
	terminal   Terminal
	png        *pngEncoder
	generation [MaxSlot + 1]int
}

func kittyID(slot, generation int) int { return slot + MaxSlot*(generation%generations) }

func (k *kitty) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	r.Cols, r.Rows = min(r.Cols, maxCells), min(r.Rows, maxCells)
	p, cols, rows := place(img, r, k.terminal.CellWidth, k.terminal.CellHeight)
	k.generation[slot]++
	id := kittyID(slot, k.generation[slot])
	f := Frame{Text: placeholderCells(id, cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Transmit = transmit(fmt.Sprintf("a=T,U=1,q=2,i=%d,c=%d,r=%d", id, cols, rows), k.png.encode(p), k.terminal.Tmux)
	for old := alive; old < min(generations, k.generation[slot]); old++ { // more than one: frames may be dropped unsent
		f.Transmit = append(f.Transmit, remove(kittyID(slot, k.generation[slot]-old), 'I', k.terminal.Tmux)...)
	}
	f.finish(begun)
	return f, nil
}

func (k *kitty) Erase(slot int) []byte {
	var out []byte
	for g := range generations {
		out = append(out, remove(kittyID(slot, g), 'I', k.terminal.Tmux)...)
	}
	return out
}

func (k *kitty) Reset() []byte {
	var out []byte
	for slot, g := range k.generation {
		if g > 0 {
			out = append(out, k.Erase(slot)...)
		}
	}
	return out
}

// placeholderCells returns the cells of image id. Every cell names its row and column, so that it is right wherever a
// renderer starts to redraw.
func placeholderCells(id, cols, rows int) string {
	var b strings.Builder
	b.Grow(rows * (cols*10 + 20))
	for y := range rows {
		if y > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "\x1b[38;5;%dm", id)
		for x := range cols {
			b.WriteRune(xkitty.Placeholder)
			b.WriteRune(xkitty.Diacritic(y))
			b.WriteRune(xkitty.Diacritic(x))
		}
		b.WriteString("\x1b[39m")
	}
	return b.String()
}

// transmit returns the escapes that send a PNG, in chunks of at most 4096 bytes.
func transmit(keys string, png []byte, tmux bool) []byte {
	text := make([]byte, base64.StdEncoding.EncodedLen(len(png)))
	base64.StdEncoding.Encode(text, png)
	out := make([]byte, 0, len(text)+len(text)/64+256)
	head := keys + ",f=100,"
	for first := true; first || len(text) > 0; first = false {
		n := min(len(text), xkitty.MaxChunkSize)
		more := 0
		if n < len(text) {
			more = 1
		}
		if !first {
			head = "q=2,"
		}
		out = append(out, wrap(fmt.Sprintf("\x1b_G%sm=%d;%s\x1b\\", head, more, text[:n]), tmux)...)
		text = text[n:]
	}
	return out
}

// remove deletes an image: 'i' removes it from the screen, 'I' also from the terminal's memory.
func remove(id int, what byte, tmux bool) string {
	return wrap(fmt.Sprintf("\x1b_Ga=d,d=%c,i=%d,q=2\x1b\\", what, id), tmux)
}
