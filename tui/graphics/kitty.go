package graphics

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"image"
	"strings"
	"time"

	xkitty "github.com/charmbracelet/x/ansi/kitty"
)

// generations is how many image ids one slot goes through. A new id each time makes the placeholder cells differ, so
// that a renderer which sends only changed cells sends them, and leaves the old picture up until they are there.
const generations = 8

// maxCells is the number of row and column diacritics, and so the largest picture in cells.
const maxCells = 297

// kitty speaks kitty's graphics protocol with Unicode placeholders (kitty 0.28 or later, ghostty): data goes ahead with a
// virtual placement, and the cells U+10EEEE, whose colour is the image id, show it wherever text goes.
type kitty struct {
	terminal   Terminal
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
	keys := fmt.Sprintf("a=T,U=1,q=2,i=%d,c=%d,r=%d", id, cols, rows)
	f := Frame{Text: placeholderCells(id, cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	w, h := cols*k.terminal.CellWidth, rows*k.terminal.CellHeight
	f.Transmit = transmit(keys, padded(p, w, h), w, h, k.terminal.Tmux)
	for old := 2; old < generations; old++ {
		if k.generation[slot] >= old {
			f.Transmit = append(f.Transmit, deleteKitty(kittyID(slot, k.generation[slot]-old), k.terminal.Tmux)...)
		}
	}
	f.finish(begun)
	return f, nil
}

func (k *kitty) Erase(slot int) []byte {
	var out []byte
	for g := range generations {
		out = append(out, deleteKitty(kittyID(slot, g), k.terminal.Tmux)...)
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

// placeholderCells gives the cells of image id: the first of a row names row and column, and every cell names its column
// too, so that a cell is right wherever a renderer starts to redraw.
func placeholderCells(id, cols, rows int) string {
	var b strings.Builder
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

// padded lays p into w x h at the top left: RGB when it fills it, else RGBA, clear beyond it, so that the terminal shows
// pixels as they are instead of scaling to whole cells.
func padded(p pixels, w, h int) []byte {
	if p.w == w && p.h == h {
		return p.rgb
	}
	out := make([]byte, w*h*4)
	for y := range p.h {
		for x := range p.w {
			copy(out[(y*w+x)*4:], p.rgb[(y*p.w+x)*3:(y*p.w+x)*3+3])
			out[(y*w+x)*4+3] = 255
		}
	}
	return out
}

// transmit gives the escapes that send w x h pixels, zlib-compressed, in chunks of at most 4096 bytes.
func transmit(keys string, data []byte, w, h int, tmux bool) []byte {
	format := len(data) / (w * h) * 8 // bits a pixel: 24 or 32
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestSpeed) // the level is a valid constant
	_, _ = z.Write(data)                                 // a bytes.Buffer takes all
	_ = z.Close()
	text := make([]byte, base64.StdEncoding.EncodedLen(packed.Len()))
	base64.StdEncoding.Encode(text, packed.Bytes())
	out := make([]byte, 0, len(text)+len(text)/64+256)
	head := fmt.Sprintf("%s,f=%d,o=z,s=%d,v=%d,", keys, format, w, h)
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

func deleteKitty(id int, tmux bool) string {
	return wrap(fmt.Sprintf("\x1b_Ga=d,d=I,i=%d,q=2\x1b\\", id), tmux)
}
