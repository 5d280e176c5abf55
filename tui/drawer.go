package tui

import (
	"context"
	"fmt"
	"image"
	"math"
	"sync"
	"time"

	"sundae/tui/graphics"
)

// drawer is the last of the three that work beside each other: it paints
// overlays onto decoded pictures, encodes them for the terminal and sends them.
// For each place on screen only the newest picture is drawn, and no faster than
// the line takes them: while they come one after the other they are as small as it
// takes, and the last of them is then drawn again, larger.
type drawer struct {
	screen *screen
	scale  float64 // largest share of a picture's size on screen

	encoding sync.Mutex // drivers are for one goroutine at a time
	driver   graphics.Driver

	mu      sync.Mutex
	jobs    map[int]job // by slot
	order   []int
	layout  int
	wake    chan struct{}
	results chan drawn
}

// job is one picture for one place.
type job struct {
	layout int // jobs of an earlier layout are dropped
	asked  int // the tile's count
	rect   graphics.Rect
	paint  func() image.Image // the picture with what lies over it
	share  float64            // of the rectangle's sides; 0 as the line has it
}

// drawn is a picture that is on its way to the terminal.
type drawn struct {
	slot, layout int
	asked        int
	rect         graphics.Rect
	frame        graphics.Frame
	err          error
}

func newDrawer(driver graphics.Driver, s *screen, scale float64) *drawer {
	d := &drawer{driver: driver, screen: s, scale: scale, jobs: map[int]job{}, wake: make(chan struct{}, 1), results: make(chan drawn)}
	s.farewell = d.reset
	return d
}

// put asks for a picture in a slot, in the place of one not yet drawn.
func (d *drawer) put(slot int, j job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, waiting := d.jobs[slot]; !waiting {
		d.order = append(d.order, slot)
	}
	d.jobs[slot] = j
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// again puts a job back, since it can be drawn larger and may be the last for
// long, unless another has come.
func (d *drawer) again(slot int, j job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, waiting := d.jobs[slot]; waiting || j.layout != d.layout {
		return
	}
	d.jobs[slot] = j
	d.order = append(d.order, slot)
}

// relayout drops all that was asked for and starts the next layout.
func (d *drawer) relayout(layout int) {
	d.mu.Lock()
	clear(d.jobs)
	d.order = nil
	d.layout = layout
	d.mu.Unlock()
}

// reset gives the bytes that take every picture off the terminal.
func (d *drawer) reset() []byte {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Reset()
}

func (d *drawer) next() (slot int, j job, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.order) == 0 {
		return 0, job{}, false
	}
	slot = d.order[0]
	d.order = d.order[1:]
	j = d.jobs[slot]
	delete(d.jobs, slot)
	return slot, j, true
}

func (d *drawer) current(layout int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return layout == d.layout
}

// rest is how long no picture must have come for those on screen to be drawn larger.
const rest = 400 * time.Millisecond

// sent is a picture that was sent smaller than there is room for.
type sent struct {
	job
	share float64 // of its sides
	bytes int
}

// work draws until the context ends.
func (d *drawer) work(ctx context.Context) {
	shrink := d.screen.first() // below 1 where the line is too slow for full pictures
	small := map[int]sent{}    // by slot
	for {
		if !d.screen.ready(ctx) {
			return
		}
		slot, j, ok := d.next()
		if !ok {
			var rested <-chan time.Time
			if len(small) > 0 {
				rested = time.After(rest)
			}
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
			case <-rested:
				_, budget := d.screen.budgets()
				for slot, s := range small {
					if larger := adapt(s.share, s.bytes, budget); larger > s.share {
						s.job.share = larger
						d.again(slot, s.job)
					}
				}
				clear(small)
			}
			continue
		}
		began := time.Now()
		used := shrink
		if j.share > 0 {
			used = j.share
		}
		result := d.draw(ctx, slot, j, used)
		if !d.current(j.layout) && result.err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case d.results <- result:
		}
		delete(small, slot)
		if used < 1 {
			small[slot] = sent{j, used, result.frame.Bytes}
		}
		if j.share == 0 {
			budget, _ := d.screen.budgets()
			shrink = adapt(used, result.frame.Bytes, budget)
		}
		d.screen.pace(ctx, result.frame.Bytes, time.Since(began))
	}
}

// draw paints, encodes and sends one picture. What goes wrong in it, a panic
// included, is the result's error: the app says so and goes on.
func (d *drawer) draw(ctx context.Context, slot int, j job, share float64) (result drawn) {
	result = drawn{slot: slot, layout: j.layout, asked: j.asked, rect: smaller(j.rect, d.scale*share)}
	defer func() {
		if fault := recover(); fault != nil {
			result.err = fmt.Errorf("draw the picture: internal fault: %v", fault)
		}
	}()
	picture := j.paint()
	if result.frame, result.err = d.encode(picture, slot, result.rect); result.err != nil || !d.current(j.layout) {
		return result
	}
	f := result.frame
	if len(f.Overlay) == 0 {
		result.err = d.screen.transmit(ctx, f.Transmit)
	} else {
		cells := graphics.Rect{X: result.rect.X, Y: result.rect.Y, Cols: f.Cols, Rows: f.Rows}
		result.err = d.screen.draw(ctx, slot, overlay{data: f.Transmit, draw: f.Overlay, erase: d.erase(slot), cells: cells})
	}
	return result
}

func (d *drawer) encode(picture image.Image, slot int, rect graphics.Rect) (graphics.Frame, error) {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Encode(picture, slot, rect)
}

func (d *drawer) erase(slot int) []byte {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Erase(slot)
}

// adapt moves the pictures' size towards the budget. Bytes grow with the area;
// small differences are left alone, so that pictures do not pump.
func adapt(shrink float64, bytes, budget int) float64 {
	if budget == 0 || bytes == 0 {
		return shrink
	}
	want := shrink * math.Sqrt(float64(budget)/float64(bytes))
	if want < 0.8*shrink || want > 1.5*shrink {
		shrink = want
	}
	return max(0.2, min(1, shrink))
}

// smaller is the rectangle's middle, a share of its sides.
func smaller(r graphics.Rect, share float64) graphics.Rect {
	if share >= 1 {
		return r
	}
	cols, rows := max(1, int(float64(r.Cols)*share)), max(1, int(float64(r.Rows)*share))
	return graphics.Rect{X: r.X + (r.Cols-cols)/2, Y: r.Y + (r.Rows-rows)/2, Cols: cols, Rows: rows}
}
