package tui

import (
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	xdraw "golang.org/x/image/draw"

	"sundae/tui/graphics"
)

// These tests run the app in real terminals, on a display in memory. They compare screenshots with the decoded
// images.

// realTerminal is a terminal program and what to expect of it.
type realTerminal struct {
	name    string
	class   string // of its window
	needs   []string
	command func(d *desk) []string
	as      []graphics.Protocol // any of them
	least   float64             // dB
}

// inTmux runs the app in a separate tmux inside the terminal.
func inTmux(d *desk) string {
	socket := filepath.Join(d.dir, "tmux")
	d.t.Cleanup(func() { _ = exec.Command("tmux", "-S", socket, "kill-server").Run() })
	config := filepath.Join(d.dir, "tmux.conf")
	text := "set -g allow-passthrough on\nset -g default-terminal tmux-256color\nset -g escape-time 0\nset -as terminal-features ',*:RGB'\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	script := filepath.Join(d.dir, "app.sh")
	if err := os.WriteFile(script, []byte(d.app()), 0o644); err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("exec tmux -S '%s' -f '%s' new-session \"sh '%s'\"", socket, config, script)
}

func xterm(run func(d *desk) string) func(d *desk) []string {
	return func(d *desk) []string {
		return []string{"xterm", "-ti", "vt340", "-xrm", "XTerm*numColorRegisters: 256", "-xrm", "XTerm*graphicsMaxSize: 2000x2000",
			"-b", "0", "-bw", "0", "+sb", "-u8", "-fa", "Monospace", "-fs", "10", "-geometry", "100x32+0+0", "-e", "sh", "-c", run(d)}
	}
}

func kitty(run func(d *desk) string) func(d *desk) []string {
	return func(d *desk) []string {
		args := []string{"kitty", "--config", "NONE"}
		for _, o := range []string{"window_padding_width=0", "placement_strategy=top-left", "hide_window_decorations=yes", "remember_window_size=no",
			"initial_window_width=100c", "initial_window_height=32c", "font_size=9", "update_check_interval=0", "enable_audio_bell=no"} {
			args = append(args, "-o", o)
		}
		return append(args, "sh", "-c", run(d))
	}
}

func mlterm(run func(d *desk) string) func(d *desk) []string {
	return func(d *desk) []string {
		return []string{"mlterm", "--border=0", "--lborder=0", "--sb=false", "--geometry=100x32+0+0", "-e", "sh", "-c", run(d)}
	}
}

func TestRealTerminals(t *testing.T) {
	placed := []graphics.Protocol{graphics.Kitty, graphics.KittyDirect}
	for _, r := range []realTerminal{
		{"xterm", "xterm", []string{"xterm"}, xterm((*desk).app), []graphics.Protocol{graphics.Sixel}, 20},
		{"kitty", "kitty", []string{"kitty"}, kitty((*desk).app), placed, 30},
		{"mlterm", "mlterm", []string{"mlterm"}, mlterm((*desk).app), []graphics.Protocol{graphics.Sixel}, 20},
		{"kitty-tmux", "kitty", []string{"kitty", "tmux"}, kitty(inTmux), placed, 30},
	} {
		t.Run(r.name, func(t *testing.T) {
			need(t, r.needs...)
			r.visit(t)
		})
	}
}

// visit goes through the app in a terminal: images, a sheet over them, the images again, another size, and the end.
func (r realTerminal) visit(t *testing.T) {
	d := newDesk(t)
	line := r.command(d)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = d.environ()
	d.start(cmd)
	window := d.window(r.class)
	d.x("windowfocus", window)
	first := d.report("the first run's end", func(r report) bool { return len(r.Tiles) == 3 && !r.Covered })
	if !r.supports(first.Terminal.Protocol) {
		t.Fatalf("it is shown as %s, not as %v", first.Terminal, r.as)
	}
	t.Logf("%s, %d×%d cells", first.Terminal, first.Width, first.Height)
	r.compare(d, first, "first")

	d.x("key", "question")
	help := d.report("the help", func(r report) bool { return r.Covered })
	d.await(r.name+"-help", func(shot *image.RGBA) error {
		for i, tile := range help.Tiles {
			if share := plainShare(shot, pixelsOf(help, tile)); share < 0.5 {
				return fmt.Errorf("picture %d shows through the help: only %.0f%% of its place is plain", i+1, 100*share)
			}
		}
		return nil
	})
	d.x("key", "Escape")
	back := d.report("the pictures again", func(r report) bool { return !r.Covered })
	r.compare(d, back, "back")

	cell := first.Terminal
	d.x("windowsize", window, fmt.Sprint(130*cell.CellWidth), fmt.Sprint(40*cell.CellHeight))
	larger := d.report("a larger window", func(r report) bool { return r.Width > first.Width && r.Height > first.Height })
	r.compare(d, larger, "larger")

	d.x("key", "q")
	d.ended()
	d.await(r.name+"-left", func(shot *image.RGBA) error {
		for i, tile := range larger.Tiles {
			if share := plainShare(shot, pixelsOf(larger, tile)); share < 1 {
				return fmt.Errorf("picture %d was left behind: only %.1f%% of its place is plain", i+1, 100*share)
			}
		}
		return nil
	})
}

func (r realTerminal) supports(p graphics.Protocol) bool {
	for _, as := range r.as {
		if p == as {
			return true
		}
	}
	return false
}

// compare takes screenshots until every image is as good as expected and nothing else is between them.
func (r realTerminal) compare(d *desk, now report, name string) {
	d.t.Helper()
	worst := 0.0
	d.await(r.name+"-"+name, func(shot *image.RGBA) error {
		worst = math.Inf(1)
		for i, tile := range now.Tiles {
			psnr := match(shot, pixelsOf(now, tile), scaled(tile.picture(), tile.Width, tile.Height))
			if worst = min(worst, psnr); psnr < r.least {
				return fmt.Errorf("picture %d is %.1f dB from the decoded one, less than %.0f", i+1, psnr, r.least)
			}
		}
		return between(shot, now)
	})
	d.t.Logf("%s: %d×%d cells, pictures of %d×%d pixels, %.1f dB at least", name, now.Width, now.Height, now.Tiles[0].Width, now.Tiles[0].Height, worst)
}

// await takes screenshots until one is right: terminals draw when they like.
func (d *desk) await(name string, right func(*image.RGBA) error) {
	d.t.Helper()
	var err error
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = right(d.screenshot(name)); err == nil {
			return
		}
	}
	d.t.Errorf("%s: %v", name, err)
}

// pixelsOf is where a tile's image is on the display.
func pixelsOf(r report, tile reported) image.Rectangle {
	w, h := r.Terminal.CellWidth, r.Terminal.CellHeight
	at := image.Pt(tile.Cells.X*w, tile.Cells.Y*h)
	return image.Rectangle{at, at.Add(image.Pt(tile.Width, tile.Height))}
}

// slack is how far an image may be off its cells, in pixels.
const slack = 2

// match is the PSNR of a part of the screen and an image of its size, at the best position nearby.
func match(shot *image.RGBA, at image.Rectangle, want *image.RGBA) float64 {
	best := 0.0
	for dy := -slack; dy <= slack; dy++ {
		for dx := -slack; dx <= slack; dx++ {
			if place := at.Add(image.Pt(dx, dy)); place.In(shot.Rect) {
				best = max(best, psnr(shot, place, want))
			}
		}
	}
	return best
}

func psnr(shot *image.RGBA, at image.Rectangle, want *image.RGBA) float64 {
	sum := 0
	for y := range want.Rect.Dy() {
		a, b := shot.Pix[shot.PixOffset(at.Min.X, at.Min.Y+y):], want.Pix[want.PixOffset(0, y):]
		for i := range 4 * want.Rect.Dx() {
			if i%4 != 3 {
				d := int(a[i]) - int(b[i])
				sum += d * d
			}
		}
	}
	n := 3 * want.Rect.Dx() * want.Rect.Dy()
	return 10 * math.Log10(255*255*float64(n)/max(1, float64(sum)))
}

// scaled is the image at another size: interpolated when larger, area averages when smaller.
func scaled(img *image.RGBA, w, h int) *image.RGBA {
	const fine = 8 // times the size, to take means of
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if w > img.Rect.Dx() {
		xdraw.CatmullRom.Scale(out, out.Rect, img, img.Rect, xdraw.Src, nil)
		return out
	}
	for y := range h {
		for x := range w {
			var sum [3]int
			for v := range fine {
				for u := range fine {
					c := img.RGBAAt((x*fine+u)*img.Rect.Dx()/(w*fine), (y*fine+v)*img.Rect.Dy()/(h*fine))
					sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
				}
			}
			at := out.Pix[out.PixOffset(x, y):]
			for i := range sum {
				at[i] = byte((sum[i] + fine*fine/2) / (fine * fine))
			}
			at[3] = 255
		}
	}
	return out
}

// specks is how many pixels a terminal may leave of glyphs that reached over the edges of their cells.
const specks = 10

// between checks that there is only background between the images.
func between(shot *image.RGBA, r report) error {
	w, h := r.Terminal.CellWidth, r.Terminal.CellHeight
	area := image.Rect(r.Area.X*w, r.Area.Y*h, (r.Area.X+r.Area.Cols)*w, (r.Area.Y+r.Area.Rows)*h).Intersect(shot.Rect)
	ground := shot.RGBAAt(area.Min.X, area.Min.Y)
	found := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
	pixels:
		for x := area.Min.X; x < area.Max.X; x++ {
			if shot.RGBAAt(x, y) == ground {
				continue
			}
			for _, tile := range r.Tiles {
				if image.Pt(x, y).In(pixelsOf(r, tile).Inset(-slack)) {
					continue pixels
				}
			}
			if found++; found <= specks {
				continue
			}
			return fmt.Errorf("something is beside the pictures at pixel %d,%d, cell %d,%d", x, y, x/w, y/h)
		}
	}
	return nil
}

// plainShare is the share of pixels that have the most frequent colour.
func plainShare(shot *image.RGBA, at image.Rectangle) float64 {
	at = at.Intersect(shot.Rect)
	counts, most := map[[3]byte]int{}, 0
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			c := shot.RGBAAt(x, y)
			key := [3]byte{c.R, c.G, c.B}
			counts[key]++
			most = max(most, counts[key])
		}
	}
	return float64(most) / float64(at.Dx()*at.Dy())
}
