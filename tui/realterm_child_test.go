package tui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/renameio/v2"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
	"sundae/sampler"
	"sundae/tui/graphics"
)

// childFolder is the environment variable that makes this test binary the app, in a real terminal, on the bundle in
// that folder.
const childFolder = "SUNDAE_TEST_APP"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := beTheApp(dir); err != nil {
			_ = os.WriteFile(filepath.Join(dir, "error"), []byte(err.Error()), 0o644)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// report is what should be on screen according to the app.
type report struct {
	Terminal      graphics.Terminal
	Width, Height int           // of the terminal, in cells
	Area          graphics.Rect // of pictures and what is between them
	Covered       bool          // by a sheet of text
	Tiles         []reported
}

// reported is one image on screen.
type reported struct {
	Cells         graphics.Rect
	Width, Height int // pixels
	Side          int // of the decoded picture
	Picture       []byte
}

// picture is the decoded image that a tile shows.
func (r reported) picture() *image.RGBA {
	return &image.RGBA{Pix: r.Picture, Stride: 4 * r.Side, Rect: image.Rect(0, 0, r.Side, r.Side)}
}

// beTheApp runs the app as the command does: it probes the terminal and starts a run. Whenever nothing changes any
// more, it writes a report beside the bundle.
func beTheApp(dir string) error {
	lib, err := install.Find("")
	if err != nil {
		return err
	}
	rt, err := ort.Load(lib)
	if err != nil {
		return err
	}
	open := rt.Opener(ort.Options{Device: ort.CPU})
	b, err := bundle.OpenFolder(filepath.Join(dir, "bundle"))
	if err != nil {
		return err
	}
	prior, err := sampler.Open(b, open)
	if err != nil {
		return err
	}
	defer prior.Close()
	pictures, err := decoder.Open(b, open)
	if err != nil {
		return err
	}
	defer pictures.Close()
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer tty.Close()
	answers, err := graphics.Probe(tty)
	if err != nil {
		return err
	}
	o, err := optionsOf(b.Manifest, prior, pictures, dir)
	if err != nil {
		return err
	}
	o.Samples = 3
	o.Terminal = graphics.Choose(answers, "", os.Environ(), tty)
	r := reporter{path: filepath.Join(dir, "report.json")}
	return Run(context.Background(), os.Stdin, os.Stdout, o, tea.WithFilter(r.filter))
}

// reporter looks at the app between two messages, in the app's goroutine.
type reporter struct {
	path    string
	started bool
	seen    []byte // the report that would have been written last time
	since   time.Time
	last    []byte
}

// atRest is how long nothing may have changed: images that were sent small may still be sent larger.
const atRest = 1200 * time.Millisecond

type tick struct{}

// filter passes all messages on; with the first one it starts a clock, whose ticks do not reach the app.
func (r *reporter) filter(model tea.Model, msg tea.Msg) tea.Msg {
	next := func() tea.Msg {
		time.Sleep(50 * time.Millisecond)
		return tick{}
	}
	switch msg := msg.(type) {
	case tick:
		r.look(model.(*app))
		return tea.BatchMsg{next}
	case tea.WindowSizeMsg:
		if !r.started {
			r.started = true
			return tea.BatchMsg{func() tea.Msg { return msg }, next}
		}
	}
	return msg
}

func (r *reporter) look(a *app) {
	if !a.stage.Done || !drawnAll(a) {
		return
	}
	now := report{Terminal: a.Terminal, Width: a.layout.width, Height: a.layout.height, Area: a.layout.images, Covered: a.sheet != noSheet}
	for _, t := range a.tiles {
		f := t.shown.Frame
		now.Tiles = append(now.Tiles, reported{
			Cells: graphics.Rect{X: t.shown.Rect.X, Y: t.shown.Rect.Y, Cols: f.Cols, Rows: f.Rows},
			Width: f.Width, Height: f.Height, Side: t.image.Rect.Dx(), Picture: t.image.Pix,
		})
	}
	text, err := json.Marshal(now)
	if !bytes.Equal(text, r.seen) {
		r.seen, r.since = text, time.Now()
	}
	if err == nil && time.Since(r.since) > atRest && !bytes.Equal(text, r.last) {
		err = renameio.WriteFile(r.path, text, 0o644)
		r.last = text
	}
	if err != nil {
		panic(fmt.Errorf("report what is on screen: %w", err))
	}
}
