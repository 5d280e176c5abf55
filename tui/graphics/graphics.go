// Package graphics shows images in terminals.
//
// First call [Probe]: it asks the terminal for its name, the image protocols it supports and the size of a cell in pixels.
// [Choose] picks the best protocol from the answers, [NewDriver] returns the driver for it, and [Driver.Encode] scales an
// image to the pixels of a rectangle of cells and encodes it as a [Frame]. A frame has up to three parts, shown in this
// order:
//
//   - Transmit, raw bytes that give the terminal the image's data and show nothing (kitty);
//   - Text, lines of cells that are laid out like any other text: kitty's placeholders, block elements, or blanks;
//   - Overlay, raw bytes that draw over those blanks once the text is on screen (sixel, iTerm2, kitty without
//     placeholders).
//
// # Together with a renderer that writes only changed cells
//
// Bubble Tea remembers the cells it has written and sends only what differs. It sends the text of a new kitty frame because
// every frame of a slot has another image id, and with it another colour of its cells. The image before stays on screen
// until then, and nothing flickers.
//
// It does not know about overlays. Cells that stay blank are not sent, and an image over them stays. It has to be drawn
// again, by sending Overlay after the renderer's own bytes, when cells under it were written (a sheet that covered the
// image has closed), the screen was cleared, or lines were scrolled (the renderer scrolls whole lines when it finds them
// moved, with the images on them). Before other text takes the place, [Driver.Erase] removes the image. Sixel and iTerm2
// images disappear when their cells are written, which the caller has to do where the renderer takes them for blank.
// Raw bytes must not get into the middle of the renderer's sequences: write both through one writer.
//
// A frame may be dropped unsent when a newer one exists. At the end, send [Driver.Reset].
package graphics

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"time"
)

// Protocol is a way to show pixels in a terminal.
type Protocol string

// The protocols, best first.
const (
	Kitty       Protocol = "kitty"        // kitty graphics, placed by Unicode placeholders
	KittyDirect Protocol = "kitty-direct" // kitty graphics, placed at the cursor
	ITerm2      Protocol = "iterm2"       // OSC 1337 inline files
	Sixel       Protocol = "sixel"        // DEC sixel, at most 256 colours at a time
	Blocks      Protocol = "blocks"       // two colours per cell, as block elements
)

// ParseProtocol reads the name of a protocol. "" and "auto" return "", which means: ask the terminal.
func ParseProtocol(s string) (Protocol, error) {
	switch p := Protocol(s); p {
	case "", "auto":
		return "", nil
	case Kitty, KittyDirect, ITerm2, Sixel, Blocks:
		return p, nil
	}
	return "", fmt.Errorf("unknown graphics protocol %q: use auto, kitty, kitty-direct, iterm2, sixel or blocks", s)
}

// Colours says how text may be coloured, and so block elements.
type Colours int

// Colour depths, in rising order.
const (
	NoColour   Colours = iota // characters only (NO_COLOR)
	Basic                     // the 16 colours
	Indexed                   // the 256-colour palette
	TrueColour                // 24 bits
)

// Terminal is what is known about a terminal, and the protocol chosen for it.
type Terminal struct {
	Protocol   Protocol
	CellWidth  int     // pixels; 0 when unknown
	CellHeight int     // pixels; 0 when unknown
	Tmux       bool    // escapes are wrapped for tmux, which passes them on to the terminal around it
	Name       string  // the terminal's own answer to XTVERSION, such as "kitty(0.41.1)"
	Colours    Colours // for blocks
	Registers  int     // sixel colour registers; 0 means 256
	MaxWidth   int     // the largest sixel image, pixels; 0 means any
	MaxHeight  int
	RTT        time.Duration // round-trip time of a query; 0 if the terminal does not answer
	Why        string        // the reason for the protocol, for doctor
}

// Rect is a rectangle of cells; X and Y count from 0 at the top left of the screen.
type Rect struct{ X, Y, Cols, Rows int }

// Contains reports whether a cell lies in the rectangle.
func (r Rect) Contains(x, y int) bool {
	return x >= r.X && x < r.X+r.Cols && y >= r.Y && y < r.Y+r.Rows
}

// Frame is one encoded image. Cols and Rows are the cells that it covers, from the top left of its rectangle: all of them
// along one side at least, fewer along the other if the aspect ratios differ.
type Frame struct {
	Text       string        // Rows lines of Cols cells
	Transmit   []byte        // sent before the text; may be empty
	Overlay    []byte        // sent after the text; may be empty; saves and restores the cursor
	Cols, Rows int           // cells covered
	Width      int           // pixels across
	Height     int           // pixels down
	Bytes      int           // size of all three parts
	Took       time.Duration // time to scale and encode
}

// MaxSlot is the highest slot a driver accepts: with eight kitty ids per slot all ids are below 256, so that terminals and
// multiplexers with 256 colours can represent them.
const MaxSlot = 31

// Driver encodes images for one terminal. It is used by one goroutine at a time.
type Driver interface {
	// Encode scales img into rect, keeping its aspect ratio, and encodes it for a slot, 1 to MaxSlot. Frames of one slot
	// replace each other on screen.
	Encode(img image.Image, slot int, rect Rect) (Frame, error)
	// Erase returns the bytes that remove a slot's image from the screen; the text is the caller's to write. Sending a
	// frame's Overlay again brings the image back.
	Erase(slot int) []byte
	// Reset returns the bytes that remove all images and data that the driver may have sent. They may be sent at any
	// time, also between the parts of a frame.
	Reset() []byte
}

// NewDriver returns the driver for t.Protocol; an unknown protocol gets blocks.
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

var errEmpty = errors.New("an image needs at least one pixel and a rectangle of at least one cell")

func checkEncode(img image.Image, slot int, r Rect) error {
	if slot < 1 || slot > MaxSlot {
		return fmt.Errorf("image slot %d is outside 1 to %d", slot, MaxSlot)
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
