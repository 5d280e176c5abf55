package tui

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sundae/internal/bundle"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort/install"
	"sundae/internal/ort/orttest"
)

// need skips the test if one of the programs is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s isn't installed", p)
		}
	}
}

// desk is a separate display, and the folder with the app's bundle and reports.
type desk struct {
	t       *testing.T
	dir     string
	display string
}

// bare is a desk without a display.
func bare(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	b := bundletest.Bundle(t)
	models := map[string][]byte{}
	for _, name := range []string{bundle.PriorFile, bundle.DecoderFile, bundle.EncoderFile} {
		models[name] = b.Model(name).Graph
	}
	if err := bundle.Write(filepath.Join(dir, "bundle"), b.Manifest, models); err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, dir: dir}
}

// newDesk starts an X server that draws into memory.
func newDesk(t *testing.T) *desk {
	t.Helper()
	need(t, "Xvfb", "import", "xdotool")
	d := bare(t)
	ready, display, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "-noreset")
	x.ExtraFiles = []*os.File{display}
	d.start(x)
	display.Close()
	number, err := bufio.NewReader(ready).ReadString('\n')
	if err != nil {
		t.Fatal("Xvfb does not start")
	}
	d.display = ":" + strings.TrimSpace(number)
	// A server that has just ended may remove the socket of its successor.
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", "/tmp/.X11-unix/X"+d.display[1:])
		if err == nil {
			c.Close()
			return d
		}
		if time.Now().After(end) {
			t.Fatalf("Xvfb does not answer: %v", err)
		}
	}
}

// start runs a program until the test ends.
func (d *desk) start(cmd *exec.Cmd) {
	d.t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if d.t.Failed() && said.Len() > 0 {
			d.t.Logf("%s said: %s", cmd.Args[0], last(said.String(), 600))
		}
	})
}

// environ is a clean environment: it says nothing about the terminal that the tests run in.
func (d *desk) environ(more ...string) []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "DISPLAY", name == "TERM", name == "COLORTERM", name == "NO_COLOR", strings.HasPrefix(name, "TMUX"), strings.HasPrefix(name, "KITTY"), strings.HasPrefix(name, "LC_"):
		default:
			out = append(out, v)
		}
	}
	return append(append(out, "DISPLAY="+d.display, "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1",
		install.Env+"="+orttest.Library(d.t), childFolder+"="+d.dir), more...)
}

// app is a shell command line that runs the app and then waits, so that what the app leaves behind can be examined.
func (d *desk) app() string {
	self, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	return fmt.Sprintf("'%s'; echo > '%s'; exec sleep 600", self, filepath.Join(d.dir, "ended"))
}

// report waits for a report that fulfils a condition.
func (d *desk) report(what string, as func(report) bool) report {
	d.t.Helper()
	var r report
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if fault, err := os.ReadFile(filepath.Join(d.dir, "error")); err == nil {
			d.t.Fatalf("the app failed: %s", fault)
		}
		text, err := os.ReadFile(filepath.Join(d.dir, "report.json"))
		if err != nil {
			continue
		}
		r = report{}
		if err := json.Unmarshal(text, &r); err != nil {
			d.t.Fatal(err)
		}
		if as(r) {
			return r
		}
	}
	d.t.Fatalf("never came: %s; the last report was of %d×%d cells, covered %v, %d pictures", what, r.Width, r.Height, r.Covered, len(r.Tiles))
	return r
}

// ended waits until the app has left the terminal.
func (d *desk) ended() {
	d.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(d.dir, "ended")); err == nil {
			return
		}
	}
	d.t.Fatal("the app does not end")
}

// x runs xdotool on the display.
func (d *desk) x(args ...string) string {
	d.t.Helper()
	cmd := exec.Command("xdotool", args...)
	cmd.Env = d.environ()
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("xdotool %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// window waits for the terminal's window.
func (d *desk) window(class string) string {
	d.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		cmd := exec.Command("xdotool", "search", "--onlyvisible", "--class", class)
		cmd.Env = d.environ()
		if out, err := cmd.Output(); err == nil {
			if ids := strings.Fields(string(out)); len(ids) > 0 {
				return ids[0]
			}
		}
	}
	d.t.Fatalf("%s opens no window", class)
	return ""
}

// screenshot returns the whole display, and saves it under a name.
func (d *desk) screenshot(name string) *image.RGBA {
	d.t.Helper()
	dir := os.Getenv("SUNDAE_SCREENSHOTS")
	if dir == "" {
		dir = d.t.TempDir()
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		d.t.Fatal(err)
	}
	path := filepath.Join(dir, name+".png")
	cmd := exec.Command("import", "-window", "root", path)
	cmd.Env = d.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("import: %v: %s", err, out)
	}
	file, err := os.Open(path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer file.Close()
	shot, err := png.Decode(file)
	if err != nil {
		d.t.Fatal(err)
	}
	out := image.NewRGBA(shot.Bounds())
	draw.Draw(out, out.Bounds(), shot, shot.Bounds().Min, draw.Src)
	return out
}
