package graphics

import (
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// cell is one character with its colours as a terminal shows them.
type cell struct {
	char        rune
	front, back rgb
}

// readCells draws lines of text with colours as a terminal does.
func readCells(t *testing.T, text string) [][]cell {
	t.Helper()
	var out [][]cell
	for line := range strings.SplitSeq(text, "\n") {
		var cells []cell
		front, back := rgb{-1}, rgb{-1}
		for line != "" {
			if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
				parameters, after, _ := strings.Cut(rest, "m")
				line = after
				n := []int{0}
				if parameters != "" {
					n = numbers(parameters)
				}
				switch {
				case len(n) == 1 && n[0] == 0:
					front, back = rgb{-1}, rgb{-1}
				case len(n) == 5 && n[1] == 2 && n[0] == 38:
					front = rgb{n[2], n[3], n[4]}
				case len(n) == 5 && n[1] == 2 && n[0] == 48:
					back = rgb{n[2], n[3], n[4]}
				case len(n) == 3 && n[1] == 5:
					c := cubeAndGreys()[n[2]-16]
					if use := (rgb{int(c[0]), int(c[1]), int(c[2])}); n[0] == 38 {
						front = use
					} else {
						back = use
					}
				case len(n) == 1:
					number, isFront := n[0]-30, true
					switch {
					case n[0] >= 100:
						number, isFront = n[0]-100+8, false
					case n[0] >= 90:
						number = n[0] - 90 + 8
					case n[0] >= 40:
						number, isFront = n[0]-40, false
					}
					c := basicColours()[number]
					if use := (rgb{int(c[0]), int(c[1]), int(c[2])}); isFront {
						front = use
					} else {
						back = use
					}
				default:
					t.Fatalf("escape %q", parameters)
				}
				continue
			}
			r, size := utf8.DecodeRuneInString(line)
			cells = append(cells, cell{r, front, back})
			line = line[size:]
		}
		out = append(out, cells)
	}
	return out
}

// at gives a cell's colour at u, v of 8 x 8.
func (c cell) at(t *testing.T, u, v int) rgb {
	t.Helper()
	isFront := false
	switch r := c.char; {
	case r == ' ':
	case r == '▀':
		isFront = v < 4
	case r >= '▁' && r <= '▇': // U+2581 is the lowest eighth
		isFront = v >= 8-int(r-'▁'+1)
	case r >= '▉' && r <= '▏': // U+258F is the left eighth
		isFront = u < int('▏'-r+1)
	case r == '▘':
		isFront = u < 4 && v < 4
	case r == '▝':
		isFront = u >= 4 && v < 4
	case r == '▖':
		isFront = u < 4 && v >= 4
	case r == '▗':
		isFront = u >= 4 && v >= 4
	case r == '▞':
		isFront = (u < 4) != (v < 4)
	default:
		t.Fatalf("character %q", r)
	}
	if isFront {
		return c.front
	}
	return c.back
}

func TestBlocksKeepEveryCellsMean(t *testing.T) {
	img := scene(2, 480)
	d := NewDriver(Terminal{Protocol: Blocks, Colours: TrueColour})
	f, err := d.Encode(img, 1, Rect{Cols: 80, Rows: 40})
	if err != nil {
		t.Fatal(err)
	}
	if f.Cols != 80 || f.Rows != 40 || len(f.Transmit)+len(f.Overlay) != 0 {
		t.Fatalf("%d x %d cells, and raw bytes %d", f.Cols, f.Rows, len(f.Transmit)+len(f.Overlay))
	}
	fine, halves := resize(img, 640, 320), resize(img, 80, 80)
	shown, byHalves := image.NewRGBA(image.Rect(0, 0, 640, 320)), image.NewRGBA(image.Rect(0, 0, 640, 320))
	for y, line := range readCells(t, f.Text) {
		if len(line) != 80 {
			t.Fatalf("line %d has %d cells", y, len(line))
		}
		for x, c := range line {
			var sum, want rgb
			for v := range 8 {
				for u := range 8 {
					got, i := c.at(t, u, v), (y*8+v)*640+x*8+u
					sum = sum.add(got)
					for k := range 3 {
						want[k] += int(fine.rgb[i*3+k])
						shown.Pix[i*4+k] = byte(got[k])
						byHalves.Pix[i*4+k] = halves.rgb[((y*2+v/4)*80+x)*3+k]
					}
				}
			}
			for k := range 3 {
				if d := math.Abs(float64(sum[k]-want[k]) / 64); d > 0.51 {
					t.Fatalf("cell %d,%d: channel %d is off by %.2f on average", x, y, k, d)
				}
			}
		}
	}
	if a, b := psnr(t, fine, shown), psnr(t, fine, byHalves); a < b+1 {
		t.Errorf("%.1f dB, half blocks alone have %.1f", a, b)
	}
}

func TestBlocksInFewColours(t *testing.T) {
	img := scene(2, 480)
	for colours, most := range map[Colours]float64{Indexed: 8, Basic: 40} {
		d := NewDriver(Terminal{Protocol: Blocks, Colours: colours})
		f, err := d.Encode(img, 1, Rect{Cols: 80, Rows: 40})
		if err != nil {
			t.Fatal(err)
		}
		cells := readCells(t, f.Text)
		// Dither has it right on average: over 8 x 4 cells.
		want := resize(img, 10, 10)
		total := 0.0
		for y := range 10 {
			for x := range 10 {
				var sum rgb
				for v := range 4 {
					for u := range 8 {
						for k := range 64 {
							sum = sum.add(cells[y*4+v][x*8+u].at(t, k%8, k/8))
						}
					}
				}
				for i := range 3 {
					total += math.Abs(float64(sum[i])/2048 - float64(want.rgb[(y*10+x)*3+i]))
				}
			}
		}
		if mean := total / 300; mean > most {
			t.Errorf("colours %d: off by %.1f levels on average", colours, mean)
		}
	}
}

func TestNoColour(t *testing.T) {
	d := NewDriver(Terminal{Protocol: Blocks, Colours: NoColour})
	f, err := d.Encode(smooth(300, 300, 0), 1, Rect{Cols: 60, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(f.Text, "\x1b") {
		t.Error("escapes without colour")
	}
	// Light areas have more dots.
	white, black := image.NewGray(image.Rect(0, 0, 20, 20)), image.NewGray(image.Rect(0, 0, 20, 20))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	for img, want := range map[*image.Gray]rune{white: 0x28ff, black: 0x2800} {
		f, err := d.Encode(img, 1, Rect{Cols: 10, Rows: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Text {
			if r != '\n' && r != want {
				t.Fatalf("%q, want %q", r, want)
			}
		}
	}
}

func TestTextFillsItsCells(t *testing.T) {
	for _, p := range []Protocol{Kitty, KittyDirect, ITerm2, Sixel, Blocks} {
		for _, colours := range []Colours{NoColour, Basic, Indexed, TrueColour} {
			for _, r := range []Rect{{Cols: 1, Rows: 1}, {Cols: 80, Rows: 3}, {Cols: 3, Rows: 40}, {X: 9, Y: 9, Cols: 300, Rows: 100}} {
				t.Run(fmt.Sprintf("%s %d %dx%d", p, colours, r.Cols, r.Rows), func(t *testing.T) {
					f, err := NewDriver(Terminal{Protocol: p, Colours: colours, CellWidth: 3, CellHeight: 7}).Encode(smooth(60, 40, 0), 1, r)
					if err != nil {
						t.Fatal(err)
					}
					lines := strings.Split(f.Text, "\n")
					if len(lines) != f.Rows || f.Rows > r.Rows || f.Cols > r.Cols || f.Rows < 1 || f.Cols < 1 {
						t.Fatalf("%d lines, %dx%d cells in %dx%d", len(lines), f.Cols, f.Rows, r.Cols, r.Rows)
					}
					if f.Rows < r.Rows && f.Cols < r.Cols && f.Cols < maxCells {
						t.Errorf("%dx%d cells leave room on both sides", f.Cols, f.Rows)
					}
					for y, line := range lines {
						if got := ansi.StringWidth(line); got != f.Cols {
							t.Fatalf("line %d is %s cells wide, not %d", y, strconv.Itoa(got), f.Cols)
						}
					}
					if f.Bytes != len(f.Text)+len(f.Transmit)+len(f.Overlay) || f.Took <= 0 {
						t.Errorf("%d bytes, %v", f.Bytes, f.Took)
					}
				})
			}
		}
	}
}
