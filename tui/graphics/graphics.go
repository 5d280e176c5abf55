// Package graphics shows pictures in terminals.
//
// First call [Probe]: it asks the terminal who it is, which picture protocols it speaks and how many pixels a cell
// has. Then [NewDriver] gives the driver for that terminal, and [Driver.Encode] turns a picture into a [Frame] for a
// rectangle of cells. Showing a frame has up to three parts, in this order:
//
//   - Transmit, raw bytes that give the terminal the picture's data (kitty);
//   - Text, lines of cells that the view lays out like any other text: kitty's placeholders, half blocks, or blanks;
//   - Overlay, raw bytes that draw over those blanks once the text is on screen (sixel, iTerm2, kitty without
//     placeholders). They must be sent again whenever something else was drawn there.
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
	Blocks      Protocol = "blocks"       // two pixels a cell, as upper half blocks
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

// Colours says how half blocks may be coloured.
type Colours int

// Colour depths, in rising order.
const (
	NoColour   Colours = iota // shades of characters only (NO_COLOR)
	Indexed                   // the 256-colour palette
	TrueColour                // 24 bits
)

// Terminal is what is known of a terminal.
type Terminal struct {
	Protocol   Protocol
	CellWidth  int     // pixels; 0 when unknown
	CellHeight int     // pixels; 0 when unknown
	Tmux       bool    // escapes for the outer terminal are wrapped for tmux's passthrough
	Name       string  // the terminal's own answer to XTVERSION, such as "kitty(0.41.1)"
	Colours    Colours // for half blocks
	Registers  int     // sixel colour registers; 0 means 256
	Why        string  // why this protocol and no other, for doctor and the status line
}

// Rect is a rectangle of cells; X and Y count from 0 at the screen's top left.
type Rect struct{ X, Y, Cols, Rows int }

// Frame is one encoded picture. Cols and Rows are the cells that it covers, at most the rectangle's.
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
	// Encode scales img into rect, keeping its aspect, and encodes it for the place slot (1..MaxSlot).
	Encode(img image.Image, slot int, rect Rect) (Frame, error)
	// Erase gives the bytes that take slot's picture off the terminal; text is the caller's to redraw.
	Erase(slot int) []byte
	// Reset gives the bytes that remove all pictures and data that this driver may have sent.
	Reset() []byte
}

// NewDriver gives the driver for t.Protocol; an unknown one gets half blocks.
func NewDriver(t Terminal) Driver {
	if t.CellWidth <= 0 || t.CellHeight <= 0 {
		t.CellWidth, t.CellHeight = 8, 16
	}
	switch t.Protocol {
	case Kitty:
		return &kitty{terminal: t}
	case KittyDirect:
		return &kittyDirect{terminal: t}
	case ITerm2:
		return &iterm2{terminal: t}
	case Sixel:
		return &sixelDriver{terminal: t, palettes: map[int]*palette{}}
	}
	return &blocks{colours: t.Colours}
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

// at draws bytes with the cursor at the rectangle's first cell and puts the cursor back.
func at(r Rect, draw []byte) []byte {
	out := fmt.Appendf(nil, "\x1b7\x1b[%d;%dH", r.Y+1, r.X+1)
	out = append(out, draw...)
	return append(out, "\x1b8"...)
}

func (f *Frame) finish(begun time.Time) {
	f.Bytes = len(f.Text) + len(f.Transmit) + len(f.Overlay)
	f.Took = time.Since(begun)
}
