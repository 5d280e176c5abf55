package tui

import (
	"bytes"
	"context"
	"image"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sundae/tui/graphics"
)

// wire is a terminal at the end of a line that takes so many bytes a second, and
// answers what it is asked once it has taken the question.
type wire struct {
	rate  int           // bytes a second
	way   time.Duration // there and back
	taken int
	heard func()
}

func (w *wire) Read([]byte) (int, error) { return 0, context.Canceled }
func (w *wire) Close() error             { return nil }

func (w *wire) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(w.rate))
	w.taken += len(p)
	if bytes.Contains(p, []byte(question)) {
		time.AfterFunc(w.way, w.heard)
	}
	return len(p), nil
}

// noise is a picture that no encoding makes smaller.
func noise(side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.Uint32()) | uint8(255*(i%4/3))
	}
	return img
}

// drawing runs a drawer at the end of a line, for kitty in cells of 8×16 pixels,
// in a time of its own; done gives what it has drawn so far.
func drawing(t *testing.T, rate int, way time.Duration, limit int64, run func(d *drawer, w *wire, done func() []drawn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{rate: rate, way: way}
		s := newScreen(w, 0, line{limit: limit, way: way})
		w.heard = s.answered
		d := newDrawer(graphics.NewDriver(graphics.Terminal{Protocol: graphics.Kitty, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}), s, 1)
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		var done []drawn
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case r := <-d.results:
					if r.err != nil {
						t.Error(r.err)
					}
					mu.Lock()
					done = append(done, r)
					mu.Unlock()
				}
			}
		}()
		go d.work(ctx)
		run(d, w, func() []drawn {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(done)
		})
		stop()
		s.end()
	})
}

func newest(done []drawn) drawn { return done[len(done)-1] }

// Pictures that come faster than the line takes them get smaller, and most are
// left out; the newest is always drawn, and a limit is kept.
func TestPicturesFollowTheLine(t *testing.T) {
	picture := noise(256)
	rect := graphics.Rect{Cols: 32, Rows: 16} // 256×256 pixels: a quarter of a megabyte in kitty's base64
	for _, c := range []struct {
		name   string
		rate   int // what the line takes
		way    time.Duration
		limit  int64 // --max-rate
		budget int   // for a picture
		each   int   // pictures a second, about
	}{
		{"a limit", 1 << 30, 0, 300_000, 30_000, 10},
		{"a slow line", 1_000_000, 0, 0, 100_000, 10},
		{"a line slower than the limit", 1_000_000, 0, 5_000_000, 100_000, 10},
		{"a long way", 1_000_000, 300 * time.Millisecond, 0, 300_000, 2},
		{"a narrow line", 60_000, 50 * time.Millisecond, 0, leastBudget, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			drawing(t, c.rate, c.way, c.limit, func(d *drawer, w *wire, done func() []drawn) {
				const every, pictures = 20 * time.Millisecond, 500
				for i := range pictures {
					d.put(1, job{asked: i + 1, rect: rect, paint: func() image.Image { return picture }})
					time.Sleep(every)
				}
				drawn := done()
				time.Sleep(8 * time.Second)
				was, is := newest(drawn), newest(done())
				lasted := (pictures*every + 8*time.Second).Seconds()
				if c.limit > 0 && float64(w.taken) > float64(c.limit)*lasted {
					t.Errorf("%d bytes in %.0f s are over the limit of %d a second", w.taken, lasted, c.limit)
				}
				if is.asked != pictures {
					t.Errorf("the newest picture drawn is the %dth of %d", is.asked, pictures)
				}
				if b := was.frame.Bytes; b > 2*c.budget || b < c.budget/3 {
					t.Errorf("a picture has %d bytes, of about %d that it may have", b, c.budget)
				}
				if is.frame.Bytes < 3*was.frame.Bytes && is.frame.Cols < rect.Cols {
					t.Errorf("the last picture has %d bytes, among others it had %d", is.frame.Bytes, was.frame.Bytes)
				}
				if n := len(drawn); n < 10*c.each/2 || n > 10*c.each*5/2 {
					t.Errorf("%d of %d pictures were drawn in 10 s: not about %d a second", n, pictures, c.each)
				}
			})
		})
	}
}

// A fast line shows pictures whole.
func TestFastLineShowsPicturesWhole(t *testing.T) {
	picture, rect := noise(256), graphics.Rect{Cols: 32, Rows: 16}
	drawing(t, 1<<30, 0, 0, func(d *drawer, _ *wire, done func() []drawn) {
		for i := range 20 {
			d.put(1, job{asked: i + 1, rect: rect, paint: func() image.Image { return picture }})
			time.Sleep(50 * time.Millisecond)
		}
		for _, r := range done() {
			if r.frame.Cols != rect.Cols {
				t.Fatalf("picture %d is %d cells wide, not %d", r.asked, r.frame.Cols, rect.Cols)
			}
		}
		if n := len(done()); n != 20 {
			t.Errorf("%d of 20 pictures were drawn", n)
		}
	})
}

// What was made small for its bytes grows again where it has fewer, even if no
// other picture comes.
func TestLastPictureGrows(t *testing.T) {
	large, small := graphics.Rect{Cols: 64, Rows: 32}, graphics.Rect{Cols: 8, Rows: 4}
	picture := noise(512)
	drawing(t, 1<<30, 0, 200_000, func(d *drawer, _ *wire, done func() []drawn) {
		for range 3 {
			d.put(1, job{rect: large, paint: func() image.Image { return picture }})
			time.Sleep(5 * time.Second)
		}
		if r := newest(done()); r.frame.Cols > large.Cols/2 {
			t.Errorf("a large picture is %d cells wide on a slow line", r.frame.Cols)
		}
		d.relayout(1)
		d.put(1, job{layout: 1, rect: small, paint: func() image.Image { return picture }})
		time.Sleep(5 * time.Second)
		if r := newest(done()); r.frame.Cols != small.Cols {
			t.Errorf("a small picture is %d cells wide, where %d fit the line", r.frame.Cols, small.Cols)
		}
	})
}

// stalled takes nothing until it is let go.
type stalled struct {
	nowhere
	goOn chan struct{}
}

func (s stalled) Write(p []byte) (int, error) { <-s.goOn; return len(p), nil }

// A terminal that takes no picture holds up neither sampling nor keys.
func TestStalledTerminalHoldsUpNothing(t *testing.T) {
	o := options(t)
	o.Terminal = graphics.Terminal{Protocol: graphics.Kitty, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}
	out := stalled{goOn: make(chan struct{})}
	s := onScreen(t, 80, 24, o, newScreen(out, 0, line{}))
	defer close(out.goOn)
	s.until("the end of the run", func(a *app) bool { return a.ended() && a.decode.Step == o.Settings.Steps })
	s.press("[", "?")
	s.until("the help, a step back", func(a *app) bool { return a.sheet == helpSheet && a.stage.shown == o.Settings.Steps-1 })
	s.look(func(a *app) {
		if a.drawing.Bytes > 0 {
			t.Error("a picture is said to be drawn")
		}
	})
}
