package terminal

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

// connection is a terminal that takes so many bytes per second and answers a query once it has processed it.
type connection struct {
	rate     int // bytes per second
	rtt      time.Duration
	taken    int
	answered func()
}

func (w *connection) Read([]byte) (int, error) { return 0, context.Canceled }
func (w *connection) Close() error             { return nil }

func (w *connection) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * time.Second / time.Duration(w.rate))
	w.taken += len(p)
	if bytes.Contains(p, []byte(query)) {
		time.AfterFunc(w.rtt, w.answered)
	}
	return len(p), nil
}

// noise is an image that does not compress.
func noise(side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.Uint32()) | uint8(255*(i%4/3))
	}
	return img
}

// drawing runs a drawer on a simulated connection and clock, for kitty in cells of 8×16 pixels; done returns what it has
// drawn so far.
func drawing(t *testing.T, rate int, rtt time.Duration, limit int64, run func(d *Drawer, w *connection, done func() []Drawn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &connection{rate: rate, rtt: rtt}
		s := NewScreen(w, 0, rtt, limit, func(err error) { t.Error(err) })
		w.answered = s.Answered
		if _, err := s.Write(enterAlternate); err != nil {
			t.Fatal(err)
		}
		d := NewDrawer(graphics.NewDriver(graphics.Terminal{Protocol: graphics.Kitty, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}), s, 1)
		ctx, stop := context.WithCancel(t.Context())
		var mu sync.Mutex
		var done []Drawn
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case r := <-d.results:
					if r.Err != nil {
						t.Error(r.Err)
					}
					mu.Lock()
					done = append(done, r)
					mu.Unlock()
				}
			}
		}()
		go d.Work(ctx)
		run(d, w, func() []Drawn {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(done)
		})
		stop()
		s.End()
	})
}

func newest(done []Drawn) Drawn { return done[len(done)-1] }

// Images that come faster than the connection carries them get smaller, and most are skipped; the newest is always drawn,
// and the limit is kept.
func TestImagesFollowBandwidth(t *testing.T) {
	picture := noise(256)
	rect := graphics.Rect{Cols: 32, Rows: 16} // 256×256 pixels: a quarter of a megabyte in kitty's base64
	for _, c := range []struct {
		name   string
		rate   int // of the connection, bytes per second
		rtt    time.Duration
		limit  int64 // --max-rate
		budget int   // for an image, bytes
		each   int   // images per second, about
	}{
		{"limit", 1 << 30, 0, 300_000, 30_000, 10},
		{"slow", 1_000_000, 0, 0, 100_000, 10},
		{"slower than the limit", 1_000_000, 0, 5_000_000, 100_000, 10},
		{"high latency", 1_000_000, 300 * time.Millisecond, 0, 300_000, 2},
		{"very slow", 60_000, 50 * time.Millisecond, 0, leastBudget, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			drawing(t, c.rate, c.rtt, c.limit, func(d *Drawer, w *connection, done func() []Drawn) {
				const every, pictures = 20 * time.Millisecond, 500
				for range pictures {
					d.Put(1, rect, func() image.Image { return picture })
					time.Sleep(every)
				}
				drawn := done()
				time.Sleep(8 * time.Second)
				was, is := newest(drawn), newest(done())
				lasted := (pictures*every + 8*time.Second).Seconds()
				if c.limit > 0 && float64(w.taken) > float64(c.limit)*lasted {
					t.Errorf("%d bytes in %.0f s are over the limit of %d a second", w.taken, lasted, c.limit)
				}
				if is.Job != pictures {
					t.Errorf("the newest picture drawn is the %dth of %d", is.Job, pictures)
				}
				if b := was.Frame.Bytes; b > 2*c.budget || b < c.budget/3 {
					t.Errorf("a picture has %d bytes, of about %d that it may have", b, c.budget)
				}
				if is.Frame.Bytes < 3*was.Frame.Bytes && is.Frame.Cols < rect.Cols {
					t.Errorf("the last picture has %d bytes, among others it had %d", is.Frame.Bytes, was.Frame.Bytes)
				}
				if n := len(drawn); n < 10*c.each/2 || n > 10*c.each*5/2 {
					t.Errorf("%d of %d pictures were drawn in 10 s: not about %d a second", n, pictures, c.each)
				}
			})
		})
	}
}

// A fast connection shows images at full size.
func TestFastConnectionShowsFullSize(t *testing.T) {
	picture, rect := noise(256), graphics.Rect{Cols: 32, Rows: 16}
	drawing(t, 1<<30, 0, 0, func(d *Drawer, _ *connection, done func() []Drawn) {
		for range 20 {
			d.Put(1, rect, func() image.Image { return picture })
			time.Sleep(50 * time.Millisecond)
		}
		for _, r := range done() {
			if r.Frame.Cols != rect.Cols {
				t.Fatalf("picture %d is %d cells wide, not %d", r.Job, r.Frame.Cols, rect.Cols)
			}
		}
		if n := len(done()); n != 20 {
			t.Errorf("%d of 20 pictures were drawn", n)
		}
	})
}

// An image that was reduced is drawn larger once nothing follows, and a layout with less room needs no reduction.
func TestLastImageGrows(t *testing.T) {
	large, small := graphics.Rect{Cols: 64, Rows: 32}, graphics.Rect{Cols: 8, Rows: 4}
	picture := noise(512)
	drawing(t, 1<<30, 0, 200_000, func(d *Drawer, _ *connection, done func() []Drawn) {
		for range 3 {
			d.Put(1, large, func() image.Image { return picture })
			time.Sleep(5 * time.Second)
		}
		if r := newest(done()); r.Frame.Cols > large.Cols/2 {
			t.Errorf("a large picture is %d cells wide on a slow connection", r.Frame.Cols)
		}
		d.Relayout()
		d.Put(1, small, func() image.Image { return picture })
		time.Sleep(5 * time.Second)
		if r := newest(done()); r.Frame.Cols != small.Cols {
			t.Errorf("a small picture is %d cells wide, where %d fit", r.Frame.Cols, small.Cols)
		}
	})
}
