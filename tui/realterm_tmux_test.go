package tui

import (
	"fmt"
	"image"
	"image/color"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sundae/tui/graphics"
)

// Without a graphics protocol, images are coloured block characters. tmux is the terminal here: it reports the
// character and the colours of every cell.
func TestBlocksInTmux(t *testing.T) {
	need(t, "tmux")
	for _, c := range []struct {
		name     string
		terminal string // TERM inside
		environ  []string
		colours  graphics.Colours
		least    float64 // dB between the cells' mean colours and the picture's
	}{
		{"true colour", "xterm-256color", []string{"COLORTERM=truecolor"}, graphics.TrueColour, 40},
		{"256 colours", "tmux-256color", nil, graphics.Indexed, 22},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := bare(t)
			socket := filepath.Join(d.dir, "socket")
			tmux := func(args ...string) string {
				t.Helper()
				cmd := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...)
				cmd.Env = d.environ(c.environ...)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
				}
				return string(out)
			}
			t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
			tmux("set-option", "-g", "default-terminal", c.terminal, ";", "new-session", "-d", "-x", "140", "-y", "45", d.app())
			first := d.report("the first run's end", func(r report) bool { return len(r.Tiles) == 3 })
			if first.Terminal.Protocol != graphics.Blocks || first.Terminal.Colours != c.colours {
				t.Fatalf("it is shown as %s, with colours %d", first.Terminal, first.Terminal.Colours)
			}
			compare := func(r report) {
				t.Helper()
				var err error
				for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
					if err = blocksAgree(tmux("capture-pane", "-e", "-p"), r, c.least); err == nil {
						return
					}
				}
				t.Errorf("%d×%d: %v", r.Width, r.Height, err)
			}
			compare(first)
			tmux("resize-window", "-x", "100", "-y", "30")
			compare(d.report("a smaller window", func(r report) bool { return r.Width == 100 && r.Height == 30 }))
			tmux("resize-window", "-x", "160", "-y", "50")
			compare(d.report("a larger window", func(r report) bool { return r.Width == 160 && r.Height == 50 }))
			tmux("send-keys", "q")
			d.ended()
			left := ""
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if left = strings.TrimSpace(tmux("capture-pane", "-p")); left == "" {
					return
				}
			}
			t.Errorf("this was left behind: %s", left)
		})
	}
}

// blocksAgree compares the mean colours of cells with those of the image.
func blocksAgree(screen string, r report, least float64) error {
	cells := coloured(screen)
	for i, tile := range r.Tiles {
		got := image.NewRGBA(image.Rect(0, 0, tile.Cells.Cols, tile.Cells.Rows))
		for y := range tile.Cells.Rows {
			for x := range tile.Cells.Cols {
				if c, ok := cells[image.Pt(tile.Cells.X+x, tile.Cells.Y+y)]; ok {
					got.SetRGBA(x, y, c)
				}
			}
		}
		want := scaled(tile.picture(), tile.Width, tile.Height)
		if psnr := psnr(got, got.Rect, scaled(want, tile.Cells.Cols, tile.Cells.Rows)); psnr < least {
			return fmt.Errorf("picture %d is %.1f dB from the decoded one, less than %.0f", i+1, psnr, least)
		}
	}
	return nil
}

// filled is how many eighths of a cell each block element fills.
var filled = map[rune]int{
	' ': 0, '▘': 2, '▝': 2, '▖': 2, '▗': 2, '▀': 4, '▐': 4, '▞': 4, '▚': 4, '▛': 6, '▜': 6, '▙': 6, '▟': 6, '█': 8,
	'▁': 1, '▂': 2, '▃': 3, '▄': 4, '▅': 5, '▆': 6, '▇': 7, '▏': 1, '▎': 2, '▍': 3, '▌': 4, '▋': 5, '▊': 6, '▉': 7,
}

// coloured reads what tmux captured: the mean colour of every cell that is a block element on a background.
func coloured(screen string) map[image.Point]color.RGBA {
	cells := map[image.Point]color.RGBA{}
	for y, line := range strings.Split(screen, "\n") {
		var colours [2]color.RGBA // the foreground's and the background's
		for x, rest := 0, line; rest != ""; {
			if after, ok := strings.CutPrefix(rest, "\x1b["); ok {
				codes, more, _ := strings.Cut(after, "m")
				colour(&colours, strings.Split(codes, ";"))
				rest = more
				continue
			}
			r := []rune(rest)[0]
			rest = strings.TrimPrefix(rest, string(r))
			if n, ok := filled[r]; ok && colours[1].A > 0 {
				mean := func(f, b uint8) uint8 { return uint8((n*int(f) + (8-n)*int(b) + 4) / 8) }
				f, b := colours[0], colours[1]
				cells[image.Pt(x, y)] = color.RGBA{mean(f.R, b.R), mean(f.G, b.G), mean(f.B, b.B), 255}
			}
			x++
		}
	}
	return cells
}

// colour takes the parameters of one SGR sequence.
func colour(colours *[2]color.RGBA, codes []string) {
	for i := 0; i < len(codes); i++ {
		n, _ := strconv.Atoi(codes[i])
		number := func(k int) uint8 {
			if i+k >= len(codes) {
				return 0
			}
			v, _ := strconv.Atoi(codes[i+k])
			return uint8(v)
		}
		switch {
		case n == 0:
			*colours = [2]color.RGBA{}
		case n == 39 || n == 49:
			colours[(n-39)/10] = color.RGBA{}
		case (n == 38 || n == 48) && number(1) == 2:
			colours[(n-38)/10] = color.RGBA{number(2), number(3), number(4), 255}
			i += 4
		case (n == 38 || n == 48) && number(1) == 5:
			colours[(n-38)/10] = indexed(int(number(2)))
			i += 2
		}
	}
}

// indexed is a colour of the 256-colour palette: a cube of 6 levels from 16 on, greys from 232 on.
func indexed(n int) color.RGBA {
	if n >= 232 {
		grey := uint8(8 + 10*(n-232))
		return color.RGBA{grey, grey, grey, 255}
	}
	step := func(i int) uint8 { return [6]uint8{0, 95, 135, 175, 215, 255}[i%6] }
	n = max(0, n-16)
	return color.RGBA{step(n / 36), step(n / 6), step(n), 255}
}
