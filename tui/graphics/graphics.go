// Package graphics shows pictures in terminals.
//
// First call [Probe]: it asks the terminal who it is, which picture protocols it speaks and how many pixels a cell
// has. [Choose] picks the best protocol from the answers, [NewDriver] gives the driver for it, and [Driver.Encode]
// scales a picture to the pixels of a rectangle of cells and encodes it as a [Frame]. Showing a frame has up to three
// parts, in this order:
//
//   - Transmit, raw bytes that give the terminal the picture's data and show nothing (kitty);
//   - Text, lines of cells that the view lays out like any other text: kitty's placeholders, blocks, or blanks;
//   - Overlay, raw bytes that draw over those blanks once the text is on screen (sixel, iTerm2, kitty without
//     placeholders).
//
// # Beside a renderer that writes only changed cells
//
// Bubble Tea keeps the cells it has written and sends only what differs. So it sends the text of a new kitty frame
// because every frame of a slot has another image id, and with it another colour of its cells; the picture before
// stays up until then, and nothing flickers. It knows nothing of overlays: blank cells that stay blank are not sent,
// and a picture over them stays. It has to be drawn again, by sending Overlay once more after the renderer's own
// bytes, when cells under it were written (a sheet that covered the picture has closed), the screen was cleared, or
// lines were scrolled (the renderer scrolls whole lines when it finds them moved, pictures with them). Before other
// text takes the place, [Driver.Erase] takes the picture off. Sixel and iTerm2 pictures are gone by writing the cells,
// which the caller does by hand where the renderer holds them for blank.
// Raw bytes must not fall into the middle of the renderer's: write both through one writer.
//
// A frame may be dropped unsent when a newer one exists: latest wins. On leaving, send [Driver.Reset].
package graphics

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"time"
)

// Protocol is a way to put pixels on a terminal.
type Protocol string

// The protocols, best first.
const (
	Kitty       Protocol = "kitty"        // kitty graphics, placed by Unicode placeholders
	KittyDirect Protocol = "kitty-direct" // kitty graphics, placed at the cursor
	ITerm2      Protocol = "iterm2"       // OSC 1337 inline files
	Sixel       Protocol = "sixel"        // DEC sixel, at most 256 colours at a time
	Blocks      Protocol = "blocks"       // two colours a cell, as block elements
)

// ParseProtocol reads a protocol's name; "" and "auto" give "", which means: ask the terminal.
func ParseProtocol(s string) (Protocol, error) {
	switch p := Protocol(s); p {
	case "", "auto":
		return "", nil
	case Kitty, KittyDirect, ITerm2, Sixel, Blocks:
		return p, nil
	}
	return "", fmt.Errorf("unknown graphics protocol %q: use auto, kitty, kitty-direct, iterm2, sixel or blocks", s)
}

// Colours says how text may be coloured, and with it blocks.
type Colours int

// Colour depths, in rising order.
const (
	NoColour   Colours = iota // characters only (NO_COLOR)
	Basic                     // the 16 colours
	Indexed                   // the 256-colour palette
	TrueColour                // 24 bits
)

// Terminal is what is known of a terminal, and the protocol for it.
type Terminal struct {
	Protocol   Protocol
	CellWidth  int     // pixels; 0 when unknown
	CellHeight int     // pixels; 0 when unknown
	Tmux       bool    // escapes are wrapped for tmux, which passes them to the terminal around it
	Name       string  // the terminal's own answer to XTVERSION, such as "kitty(0.41.1)"
	Colours    Colours // for blocks
	Registers  int     // sixel colour registers; 0 means 256
	MaxWidth   int     // the largest sixel picture, pixels; 0 means any
	MaxHeight  int
	RTT        time.Duration // that a question and its answer take; 0 when it does not answer
	Why        string        // why this protocol and no other, for doctor and the status line
}

// Rect is a rectangle of cells; X and Y count from 0 at the screen's top left.
type Rect struct{ X, Y, Cols, Rows int }

// Contains reports whether a cell lies in the rectangle.
func (r Rect) Contains(x, y int) bool {
	return x >= r.X && x < r.X+r.Cols && y >= r.Y && y < r.Y+r.Rows
}

// Frame is one encoded picture. Cols and Rows are the cells that it covers from the rectangle's top left on: as many
// as the rectangle has along one side at least, fewer along the other when the aspects differ.
type Frame struct {
	Text       string        // Rows lines of Cols cells
	Transmit   []byte        // sent before the text, may be empty
	Overlay    []byte        // sent after the text, may be empty; saves and restores the cursor
	Cols, Rows int           // cells covered
	Width      int           // pixels across
	Height     int           // pixels down
	Bytes      int           // bytes of all three parts
	Took       time.Duration // time to scale and encode
}

// MaxSlot is the highest slot a driver accepts: eight kitty ids a slot stay below 256, so that terminals and
// multiplexers with 256 colours carry them.
const MaxSlot = 31

// Driver encodes pictures for one terminal. Drivers are for one goroutine at a time.
type Driver interface {
	// Encode scales img into rect, keeping its aspect, and encodes it for the place slot (1..MaxSlot). Frames of one
	// slot replace each other on screen.
	Encode(img image.Image, slot int, rect Rect) (Frame, error)
	// Erase gives the bytes that take slot's picture off the terminal; the text is the caller's to write. A frame's
	// Overlay, sent again, brings it back.
	Erase(slot int) []byte
	// Reset gives the bytes that remove all pictures and data that this driver may have sent. They are right at any
	// time, also between a frame's parts.
	Reset() []byte
}

// NewDriver gives the driver for t.Protocol; an unknown one gets blocks.
func NewDriver(t Terminal) Driver {
	if t.CellWidth <= 0 || t.CellHeight <= 0 {
		t.CellWidth, t.CellHeight = 8, 16
	}
	switch t.Protocol {
	case Kitty:
		return &kitty{terminal: t, png: newPNGEncoder()}
	case KittyDirect:
		return &kittyDirect{terminal: t, pane: paneOf(t), png: newPNGEncoder()}
	case ITerm2:
		return &iterm2{terminal: t, pane: paneOf(t)}
	case Sixel:
		return &sixelDriver{terminal: t, pane: paneOf(t), palettes: map[int]*palette{}, scratch: newHistogram()}
	}
	return newBlocks(t.Colours)
}

var errEmpty = errors.New("a picture needs at least one pixel and a rectangle of at least one cell")

func checkEncode(img image.Image, slot int, r Rect) error {
	if slot < 1 || slot > MaxSlot {
		return fmt.Errorf("picture slot %d is outside 1..%d", slot, MaxSlot)
	}
	if img == nil || img.Bounds().Empty() || r.Cols < 1 || r.Rows < 1 {
		return errEmpty
	}
	return nil
}

// blanks are the cells under an overlay.
func blanks(cols, rows int) string {
	line := strings.Repeat(" ", cols)
	return strings.TrimSuffix(strings.Repeat(line+"\n", rows), "\n")
}

func (f *Frame) finish(begun time.Time) {
	f.Bytes = len(f.Text) + len(f.Transmit) + len(f.Overlay)
	f.Took = time.Since(begun)
}
