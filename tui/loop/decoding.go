package loop

import (
	"context"
	"errors"
	"image"
	"time"

	"sundae/decoder"
)

// decoding is the goroutine that owns the decoder and the encoder.
type decoding struct {
	pictures *decoder.Decoder
	tell     func(Event)

	wants    []Want
	encode   image.Image
	requests []request

	clock int           // counts the images decoded for the screen
	due   int           // when the next request is served, by that clock
	last  map[place]int // when each place last got an image
	cache []Decoded     // the latest images, newest last
}

// patience is how many images for the screen go before a request.
const patience = 4

// request is an image that a caller of Picture waits for.
type request struct {
	ctx    context.Context
	want   Want
	answer chan answer // buffers the one answer
}

type answer struct {
	picture *image.RGBA
	err     error
}

// place is a sample on screen, whose steps follow one another.
type place struct{ lane, sample int }

// cacheSize is how many decoded images are kept for scrubbing: at 1024×1024 pixels each takes 4 MB.
const cacheSize = 48

func (d *decoding) work(ctx context.Context, wants inbox[func(*decoding)]) {
	for {
		var orders []func(*decoding)
		if len(d.wants) > 0 || d.encode != nil || len(d.requests) > 0 {
			orders = wants.now()
		} else {
			var err error
			if orders, err = wants.take(ctx); err != nil {
				return
			}
		}
		for _, order := range orders {
			d.guarded(func() { order(d) })
		}
		d.guarded(func() { d.one(ctx) })
		if ctx.Err() != nil {
			return
		}
	}
}

// one does the most urgent thing.
func (d *decoding) one(ctx context.Context) {
	switch {
	case d.encode != nil:
		d.encodeOne(ctx)
	case len(d.requests) > 0 && (len(d.wants) == 0 || d.clock >= d.due):
		d.due = d.clock + patience
		d.answerOne(ctx)
	case len(d.wants) > 0:
		d.decodeOne(ctx)
	}
}

// guarded keeps the loop alive when work panics, as in sampling.
func (d *decoding) guarded(work func()) {
	defer func() {
		if fault := recover(); fault != nil {
			d.wants = nil
			d.tell(Failed{"decode", panicError(fault)})
		}
	}()
	work()
}

// decodeOne serves the place that has waited longest. If it simply took the first, new steps that arrive faster than
// images are decoded would starve the others.
func (d *decoding) decodeOne(ctx context.Context) {
	next := 0
	for i, w := range d.wants {
		if d.last[place{w.Lane, w.Sample}] < d.last[place{d.wants[next].Lane, d.wants[next].Sample}] {
			next = i
		}
	}
	w := d.wants[next]
	rest := append([]Want(nil), d.wants[:next]...)
	d.wants = append(rest, d.wants[next+1:]...)
	d.clock++
	d.last[place{w.Lane, w.Sample}] = d.clock
	if known, ok := d.cached(w.Key); ok {
		d.tell(known)
		return
	}
	began := time.Now()
	picture, err := d.pictures.Decode(ctx, w.Tokens)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		d.wants = nil
		d.tell(Failed{"decode", err})
		return
	}
	done := Decoded{w.Key, picture, time.Since(began)}
	if d.cache = append(d.cache, done); len(d.cache) > cacheSize {
		d.cache = append([]Decoded(nil), d.cache[1:]...)
	}
	d.tell(done)
}

// answerOne serves a request, unless its caller has stopped waiting.
func (d *decoding) answerOne(ctx context.Context) {
	r := d.requests[0]
	d.requests = append([]request(nil), d.requests[1:]...)
	if r.ctx.Err() != nil {
		return
	}
	if known, ok := d.cached(r.want.Key); ok {
		r.answer <- answer{known.Picture, nil}
		return
	}
	done := answer{err: errors.New("decoding failed")} // stays if decoding panics
	defer func() { r.answer <- done }()
	done.picture, done.err = d.pictures.Decode(ctx, r.want.Tokens)
}

// cached finds an image and makes it the newest.
func (d *decoding) cached(k Key) (Decoded, bool) {
	for i, known := range d.cache {
		if known.Key == k {
			copy(d.cache[i:], d.cache[i+1:])
			d.cache[len(d.cache)-1] = known
			return known, true
		}
	}
	return Decoded{}, false
}

func (d *decoding) encodeOne(ctx context.Context) {
	picture := d.encode
	d.encode = nil
	fitted := decoder.Fit(picture, d.pictures.Size())
	tokens, err := d.pictures.Encode(ctx, fitted)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		d.tell(Failed{"encode the image", err})
		return
	}
	d.tell(Encoded{fitted, tokens})
}
