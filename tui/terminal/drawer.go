package terminal

import (
	"context"
	"fmt"
	"image"
	"math"
	"sync"
	"time"

	"sundae/tui/graphics"
)

// Drawer encodes images for the terminal and sends them. For each slot on screen only the newest image is drawn, no
// faster than the connection carries them: while images follow each other they are as small as that takes, and the last
// one is then drawn again, larger.
type Drawer struct {
	screen *Screen
	scale  float64 // largest share of the sides of the room for an image

	encoding sync.Mutex // drivers are for one goroutine at a time
	driver   graphics.Driver

	mu      sync.Mutex
	jobs    map[int]job // by slot
	order   []int
	layout  int
	count   int
	wake    chan struct{}
	results chan Drawn
}

// job is one image for one slot.
type job struct {
	layout int
	number int
	rect   graphics.Rect
	paint  func() image.Image // the image with what lies over it
	scale  float64            // of the rectangle's sides; 0 lets the bandwidth decide
}

// Drawn is an image that was sent to the terminal, or the error that prevented it.
type Drawn struct {
	Slot, Layout int
	Job          int           // the number that Put returned
	Rect         graphics.Rect // where it was drawn: a part of the rectangle asked for if the connection is slow
	Frame        graphics.Frame
	Err          error
}

// NewDrawer returns a drawer for a screen. scale, up to 1, is the largest share of the sides of the room for an image.
// From now on the screen removes the driver's images when the alternate screen is left.
func NewDrawer(driver graphics.Driver, s *Screen, scale float64) *Drawer {
	d := &Drawer{driver: driver, screen: s, scale: scale, jobs: map[int]job{}, wake: make(chan struct{}, 1), results: make(chan Drawn)}
	s.goodbye = d.reset
	return d
}

// Results delivers every image drawn in the current layout.
func (d *Drawer) Results() <-chan Drawn { return d.results }

// Put asks for the image that paint returns, in place of one for the same slot that is not yet drawn. It returns the
// job's number. paint is called in the drawer's goroutine.
func (d *Drawer) Put(slot int, rect graphics.Rect, paint func() image.Image) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, waiting := d.jobs[slot]; !waiting {
		d.order = append(d.order, slot)
	}
	d.count++
	d.jobs[slot] = job{layout: d.layout, number: d.count, rect: rect, paint: paint}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return d.count
}

// repeat puts a job back, to be drawn larger, unless a newer one has come.
func (d *Drawer) repeat(slot int, j job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, waiting := d.jobs[slot]; waiting || j.layout != d.layout {
		return
	}
	d.jobs[slot] = j
	d.order = append(d.order, slot)
}

// Relayout drops all jobs and returns the number of the next layout.
func (d *Drawer) Relayout() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.jobs)
	d.order = nil
	d.layout++
	return d.layout
}

// reset returns the bytes that remove every image from the terminal.
func (d *Drawer) reset() []byte {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Reset()
}

func (d *Drawer) next() (slot int, j job, ok bool) {
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

func (d *Drawer) current(layout int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return layout == d.layout
}

// restTime is how long no image must have come before those on screen are drawn larger.
const restTime = 400 * time.Millisecond

// reduced is a job that was drawn smaller than the room for it.
type reduced struct {
	job
	scale float64
	bytes int
}

// Work draws until the context ends.
func (d *Drawer) Work(ctx context.Context) {
	scale := d.screen.firstScale() // below 1 where the connection is too slow for full-size images
	small := map[int]reduced{}     // by slot
	for {
		if !d.screen.ready(ctx) {
			return
		}
		slot, j, ok := d.next()
		if !ok {
			var rested <-chan time.Time
			if len(small) > 0 {
				rested = time.After(restTime)
			}
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
			case <-rested:
				_, budget := d.screen.budgets()
				for slot, s := range small {
					if larger := adapt(s.scale, s.bytes, budget); larger > s.scale {
						s.job.scale = larger
						d.repeat(slot, s.job)
					}
				}
				clear(small)
			}
			continue
		}
		began := time.Now()
		used := scale
		if j.scale > 0 {
			used = j.scale
		}
		result := d.draw(ctx, slot, j, used)
		if !d.current(j.layout) && result.Err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case d.results <- result:
		}
		delete(small, slot)
		if used < 1 {
			small[slot] = reduced{j, used, result.Frame.Bytes}
		}
		if j.scale == 0 {
			budget, _ := d.screen.budgets()
			scale = adapt(used, result.Frame.Bytes, budget)
		}
		d.screen.pace(ctx, result.Frame.Bytes, time.Since(began))
	}
}

// draw paints, encodes and sends one image. A panic becomes the result's error: the app shows it and continues.
func (d *Drawer) draw(ctx context.Context, slot int, j job, scale float64) (result Drawn) {
	result = Drawn{Slot: slot, Layout: j.layout, Job: j.number, Rect: shrink(j.rect, d.scale*scale)}
	defer func() {
		if fault := recover(); fault != nil {
			result.Err = fmt.Errorf("draw the image: internal error: %v", fault)
		}
	}()
	img := j.paint()
	if result.Frame, result.Err = d.encode(img, slot, result.Rect); result.Err != nil || !d.current(j.layout) {
		return result
	}
	f := result.Frame
	if len(f.Overlay) == 0 {
		result.Err = d.screen.transmit(ctx, f.Transmit)
	} else {
		cells := graphics.Rect{X: result.Rect.X, Y: result.Rect.Y, Cols: f.Cols, Rows: f.Rows}
		result.Err = d.screen.draw(ctx, slot, overlay{data: f.Transmit, draw: f.Overlay, erase: d.erase(slot), cells: cells})
	}
	return result
}

func (d *Drawer) encode(img image.Image, slot int, rect graphics.Rect) (graphics.Frame, error) {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Encode(img, slot, rect)
}

func (d *Drawer) erase(slot int) []byte {
	d.encoding.Lock()
	defer d.encoding.Unlock()
	return d.driver.Erase(slot)
}

// adapt moves a scale towards the budget, assuming that bytes grow with the area. It ignores small differences, so that
// images do not keep changing their size.
func adapt(scale float64, bytes, budget int) float64 {
	if budget == 0 || bytes == 0 {
		return scale
	}
	want := scale * math.Sqrt(float64(budget)/float64(bytes))
	if want < 0.8*scale || want > 1.5*scale {
		scale = want
	}
	return max(0.2, min(1, scale))
}

// shrink scales a rectangle about its centre, at most to its own size.
func shrink(r graphics.Rect, scale float64) graphics.Rect {
	if scale >= 1 {
		return r
	}
	cols, rows := max(1, int(float64(r.Cols)*scale)), max(1, int(float64(r.Rows)*scale))
	return graphics.Rect{X: r.X + (r.Cols-cols)/2, Y: r.Y + (r.Rows-rows)/2, Cols: cols, Rows: rows}
}
