package graphics

import (
	"fmt"
	"image"
	"time"
)

// directGenerations is how many image ids one slot of a direct placement goes through: the new picture is put up
// before the old one is taken off.
const directGenerations = 2

// kittyDirect speaks kitty's protocol to terminals without placeholders. The data goes ahead, unseen; the overlay, a
// few bytes that can be sent again at little cost, places it at the cursor over blank cells and takes the one before off.
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
	// C=1 leaves the cursor, p=1 moves a placement that is already there. No z: kitty 0.26 leaves old text standing in
	// the whole window while any picture is under text.
	f.Overlay = k.pane.at(r, fmt.Appendf(nil, "\x1b_Ga=p,i=%d,p=1,C=1,q=2\x1b\\%s", id, remove(before, 'i', false)))
	f.finish(begun)
	return f, nil
}

// Erase takes the placements off and leaves the data, for the overlay to place again.
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

// remove deletes a slot's pictures.
func (k *kittyDirect) remove(slot int, what byte) []byte {
	var out []byte
	for g := range directGenerations {
		out = append(out, remove(directID(slot, g), what, k.terminal.Tmux)...)
	}
	return out
}
