package graphics

import (
	"fmt"
	"image"
	"time"
)

// directGenerations is how many image ids one slot cycles through: the new image is shown before the old one is
// removed.
const directGenerations = 2

// kittyDirect is kitty's protocol for terminals without placeholders. The data is sent ahead and shows nothing. The
// overlay, a few bytes that are cheap to repeat, places it at the cursor over blank cells and removes the image
// before.
type kittyDirect struct {
	terminal   Terminal
	pane       *pane
	png        *pngEncoder
	generation [MaxSlot + 1]int
}

func directID(slot, generation int) int { return slot + MaxSlot*(generation%directGenerations) }

func (k *kittyDirect) Encode(img image.Image, slot int, r Rect) (Frame, error) {
	if err := checkEncode(img, slot, r); err != nil {
		return Frame{}, err
	}
	begun := time.Now()
	p, cols, rows := place(img, r, k.terminal.CellWidth, k.terminal.CellHeight)
	k.generation[slot]++
	id, before := directID(slot, k.generation[slot]), directID(slot, k.generation[slot]-1)
	f := Frame{Text: blanks(cols, rows), Cols: cols, Rows: rows, Width: p.w, Height: p.h}
	f.Transmit = transmit(fmt.Sprintf("a=t,q=2,i=%d", id), k.png.encode(p), k.terminal.Tmux)
	// C=1 leaves the cursor where it is, p=1 moves an existing placement. There is no z: kitty 0.26 keeps old text on
	// screen in the whole window while any image is under text.
	f.Overlay = k.pane.at(r, fmt.Appendf(nil, "\x1b_Ga=p,i=%d,p=1,C=1,q=2\x1b\\%s", id, remove(before, 'i', false)))
	f.finish(begun)
	return f, nil
}

// Erase removes the placements and keeps the data, which the overlay can place again.
func (k *kittyDirect) Erase(slot int) []byte { return k.remove(slot, 'i') }

func (k *kittyDirect) Reset() []byte {
	var out []byte
	for slot, g := range k.generation {
		if g > 0 {
			out = append(out, k.remove(slot, 'I')...)
		}
	}
	return out
}

// remove deletes a slot's images.
func (k *kittyDirect) remove(slot int, what byte) []byte {
	var out []byte
	for g := range directGenerations {
		out = append(out, remove(directID(slot, g), what, k.terminal.Tmux)...)
	}
	return out
}
