package graphics

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	xkitty "github.com/charmbracelet/x/ansi/kitty"
)

// kittyTerminal takes kitty's commands as a terminal does.
type kittyTerminal struct {
	images map[int]image.Image
	placed map[int]map[string]string // by image id: the keys of its placement
	keys   map[string]string         // of a transmission that continues
	data   []byte
}

func newKittyTerminal() *kittyTerminal {
	return &kittyTerminal{images: map[int]image.Image{}, placed: map[int]map[string]string{}}
}

// write takes raw bytes; what is no kitty command is left out.
func (k *kittyTerminal) write(raw []byte) error {
	for _, part := range strings.Split(string(raw), "\x1b_G")[1:] {
		command, _, ok := strings.Cut(part, "\x1b\\")
		if !ok {
			return fmt.Errorf("a command without end: %.40q", part)
		}
		if err := k.command(command); err != nil {
			return fmt.Errorf("%.60q: %w", command, err)
		}
	}
	return nil
}

func (k *kittyTerminal) command(command string) error {
	head, text, _ := strings.Cut(command, ";")
	keys := map[string]string{}
	for pair := range strings.SplitSeq(head, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("key %q", pair)
		}
		keys[name] = value
	}
	if keys["q"] != "2" {
		return fmt.Errorf("asks for an answer")
	}
	if len(text) > 4096 {
		return fmt.Errorf("%d bytes in one chunk", len(text))
	}
	if k.keys != nil && keys["a"] != "" {
		return fmt.Errorf("comes amid a transmission")
	}
	id, _ := strconv.Atoi(keys["i"])
	switch {
	case keys["a"] == "d":
		delete(k.placed, id)
		if keys["d"] == "I" {
			delete(k.images, id)
		}
		return nil
	case keys["a"] == "p":
		if k.images[id] == nil {
			return fmt.Errorf("places image %d, which is not there", id)
		}
		k.placed[id] = keys
		return nil
	case k.keys == nil:
		k.keys, k.data = keys, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	k.data = append(k.data, data...)
	if keys["m"] == "1" {
		return nil
	}
	id, err = strconv.Atoi(k.keys["i"])
	if err != nil || id < 1 || id > 255 || k.keys["f"] != "100" {
		return fmt.Errorf("image %q, format %q", k.keys["i"], k.keys["f"])
	}
	if k.images[id], err = png.Decode(bytes.NewReader(k.data)); err != nil {
		return err
	}
	delete(k.placed, id)
	if k.keys["a"] == "T" {
		k.placed[id] = k.keys
	}
	k.keys = nil
	return nil
}

// pixelsOf gives an image's pixels as they are.
func pixelsOf(img image.Image) *image.RGBA {
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

func equal(t *testing.T, got image.Image, want pixels) {
	t.Helper()
	rgba := pixelsOf(got)
	if rgba.Rect.Dx() != want.w || rgba.Rect.Dy() != want.h {
		t.Fatalf("%v, want %dx%d", rgba.Rect, want.w, want.h)
	}
	for i := range want.w * want.h {
		if [3]byte(rgba.Pix[i*4:]) != [3]byte(want.rgb[i*3:]) {
			t.Fatalf("pixel %d is %v, want %v", i, rgba.Pix[i*4:i*4+3], want.rgb[i*3:i*3+3])
		}
	}
}

func TestKittyShowsThePicture(t *testing.T) {
	for _, tmux := range []bool{false, true} {
		for name, img := range map[string]image.Image{
			"landscape": scene(0, 512), "gradients": smooth(700, 500, 0), "flat": image.NewRGBA(image.Rect(5, 5, 90, 60)),
			"1 pixel": smooth(1, 1, 0), "grey": image.NewGray(image.Rect(0, 0, 30, 40)), "part": scene(1, 128).SubImage(image.Rect(30, 20, 100, 110)),
		} {
			t.Run(fmt.Sprintf("%s, tmux %v", name, tmux), func(t *testing.T) {
				d := NewDriver(Terminal{Protocol: Kitty, CellWidth: 9, CellHeight: 20, Tmux: tmux})
				terminal := newKittyTerminal()
				r := Rect{X: 2, Y: 3, Cols: 50, Rows: 20}
				f, err := d.Encode(img, 7, r)
				if err != nil {
					t.Fatal(err)
				}
				raw := f.Transmit
				if tmux {
					raw = unwrapTmux(t, raw)
				}
				if err := terminal.write(raw); err != nil {
					t.Fatal(err)
				}
				id, cols, rows := readPlaceholders(t, f.Text)
				if terminal.images[id] == nil || cols != f.Cols || rows != f.Rows {
					t.Fatalf("the text shows image %d in %dx%d; frame %dx%d", id, cols, rows, f.Cols, f.Rows)
				}
				if at := terminal.placed[id]; at["U"] != "1" || at["c"] != strconv.Itoa(cols) || at["r"] != strconv.Itoa(rows) {
					t.Errorf("placed as %v", at)
				}
				want, _, _ := place(img, r, 9, 20)
				equal(t, terminal.images[id], want)
				raw = d.Reset()
				if tmux {
					raw = unwrapTmux(t, raw)
				}
				if err := terminal.write(raw); err != nil || len(terminal.images)+len(terminal.placed) != 0 {
					t.Errorf("after Reset %d images are left, %v", len(terminal.images), err)
				}
			})
		}
	}
}

// unwrapTmux does what tmux does with what it passes on, and fails on what it would keep.
func unwrapTmux(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out []byte
	for len(raw) > 0 {
		rest, ok := bytes.CutPrefix(raw, []byte("\x1bPtmux;"))
		if !ok {
			t.Fatalf("not wrapped: %.40q", raw)
		}
		for {
			if len(rest) < 2 {
				t.Fatal("no end")
			}
			if rest[0] != 0x1b {
				out, rest = append(out, rest[0]), rest[1:]
				continue
			}
			second := rest[1]
			rest = rest[2:]
			if second == '\\' {
				break
			}
			if second != 0x1b {
				t.Fatalf("an escape that is not doubled, before %q", second)
			}
			out = append(out, 0x1b)
		}
		raw = rest
	}
	return out
}

// readPlaceholders checks that every cell names its row and column, and gives the image's id and size in cells.
func readPlaceholders(t *testing.T, text string) (id, cols, rows int) {
	t.Helper()
	lines := strings.Split(text, "\n")
	for y, line := range lines {
		var lineID int
		if n, _ := fmt.Sscanf(line, "\x1b[38;5;%dm", &lineID); n != 1 || id != 0 && lineID != id {
			t.Fatalf("line %d has no colour, or another: %.20q", y, line)
		}
		id = lineID
		cells := []rune(ansi.Strip(line))
		if len(cells)%3 != 0 || ansi.StringWidth(line) != len(cells)/3 {
			t.Fatalf("line %d has %d characters, %d cells wide", y, len(cells), ansi.StringWidth(line))
		}
		cols = len(cells) / 3
		for x := range cols {
			if got := [3]rune(cells[x*3:]); got != [3]rune{xkitty.Placeholder, xkitty.Diacritic(y), xkitty.Diacritic(x)} {
				t.Fatalf("cell %d,%d is %x", x, y, got)
			}
		}
	}
	return id, cols, len(lines)
}

// The picture before, and the one before that, may still be on screen when a new one's data arrives.
func TestKittyKeepsWhatIsOnScreen(t *testing.T) {
	d := NewDriver(Terminal{Protocol: Kitty, CellWidth: 8, CellHeight: 16})
	terminal := newKittyTerminal()
	var ids []int
	for range 40 {
		f, err := d.Encode(smooth(64, 64, 0), MaxSlot, Rect{Cols: 8, Rows: 4})
		if err != nil {
			t.Fatal(err)
		}
		if err := terminal.write(f.Transmit); err != nil {
			t.Fatal(err)
		}
		id, _, _ := readPlaceholders(t, f.Text)
		if ids = append(ids, id); len(ids) > 1 && ids[len(ids)-2] == id {
			t.Fatal("the same id twice: the renderer would see no difference")
		}
		for _, shown := range ids[max(0, len(ids)-alive):] {
			if terminal.images[shown] == nil {
				t.Fatalf("image %d is gone while it may be on screen", shown)
			}
		}
		if len(terminal.images) > alive {
			t.Fatalf("%d images are kept", len(terminal.images))
		}
	}
}

func TestSlotsHaveTheirOwnIDs(t *testing.T) {
	seen := map[int]bool{}
	for slot := 1; slot <= MaxSlot; slot++ {
		for g := range generations {
			id := kittyID(slot, g)
			if seen[id] || id < 1 || id > 255 {
				t.Errorf("slot %d, generation %d: id %d", slot, g, id)
			}
			seen[id] = true
		}
	}
}

func TestKittyDirectPutsNewBeforeOld(t *testing.T) {
	d := NewDriver(Terminal{Protocol: KittyDirect, CellWidth: 8, CellHeight: 16})
	terminal := newKittyTerminal()
	r := Rect{X: 4, Y: 2, Cols: 20, Rows: 10}
	for i := range 5 {
		img := smooth(160, 160, float64(i))
		f, err := d.Encode(img, 3, r)
		if err != nil {
			t.Fatal(err)
		}
		before := len(terminal.placed)
		if err := terminal.write(f.Transmit); err != nil {
			t.Fatal(err)
		}
		if len(terminal.placed) != before {
			t.Fatal("the data alone changes the screen")
		}
		if !bytes.HasPrefix(f.Overlay, []byte("\x1b7\x1b[3;5H")) || !bytes.HasSuffix(f.Overlay, []byte("\x1b8")) {
			t.Errorf("drawn at %.20q", f.Overlay)
		}
		for range 2 { // drawn again after something covered it
			if err := terminal.write(f.Overlay); err != nil {
				t.Fatal(err)
			}
			if len(terminal.placed) != 1 {
				t.Fatalf("%d pictures are placed", len(terminal.placed))
			}
			for id := range terminal.placed {
				want, _, _ := place(img, r, 8, 16)
				equal(t, terminal.images[id], want)
			}
			if err := terminal.write(d.Erase(3)); err != nil || len(terminal.placed) != 0 {
				t.Fatalf("after Erase %d are placed, %v", len(terminal.placed), err)
			}
		}
		if err := terminal.write(f.Overlay); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(f.Text) != "" || len(f.Overlay) > 200 {
			t.Error("the text is not blank, or the overlay long")
		}
	}
	if err := terminal.write(d.Reset()); err != nil || len(terminal.images) != 0 {
		t.Errorf("after Reset %d images are left, %v", len(terminal.images), err)
	}
}

func TestBadFrames(t *testing.T) {
	good := smooth(8, 8, 0)
	for _, p := range []Protocol{Kitty, KittyDirect, ITerm2, Sixel, Blocks} {
		d := NewDriver(Terminal{Protocol: p})
		for name, try := range map[string]func() (Frame, error){
			"slot 0":   func() (Frame, error) { return d.Encode(good, 0, Rect{Cols: 4, Rows: 4}) },
			"slot 32":  func() (Frame, error) { return d.Encode(good, MaxSlot+1, Rect{Cols: 4, Rows: 4}) },
			"no cells": func() (Frame, error) { return d.Encode(good, 1, Rect{Cols: 0, Rows: 4}) },
			"nothing":  func() (Frame, error) { return d.Encode(nil, 1, Rect{Cols: 4, Rows: 4}) },
			"empty": func() (Frame, error) {
				return d.Encode(image.NewRGBA(image.Rect(0, 0, 0, 9)), 1, Rect{Cols: 4, Rows: 4})
			},
		} {
			if _, err := try(); err == nil {
				t.Errorf("%s, %s: no error", p, name)
			}
		}
		if reset := d.Reset(); len(reset) != 0 {
			t.Errorf("%s: %q is sent though nothing was shown", p, reset)
		}
	}
}
