package loop

import (
	"image"
	"testing"
)

// Requests and images for the screen take turns, and the screen gets most of them.
func TestRequestsTakeTurns(t *testing.T) {
	var order []byte
	d := &decoding{last: map[place]int{}, tell: func(Event) { order = append(order, 's') }}
	for step := range 20 { // all decoded before, so that no decoder is needed
		k := Key{Run: 1, Step: step}
		d.cache = append(d.cache, Decoded{Key: k, Picture: image.NewRGBA(image.Rect(0, 0, 1, 1))})
		if d.wants = append(d.wants, Want{Key: k}); step < 4 {
			d.requests = append(d.requests, request{ctx: t.Context(), want: Want{Key: k}, answer: make(chan answer, 1)})
		}
	}
	for len(d.wants)+len(d.requests) > 0 {
		waiting := len(d.requests)
		d.one(t.Context())
		if len(d.requests) < waiting {
			order = append(order, 'r')
		}
	}
	if got, want := string(order), "rssssrssssrssssrssssssss"; got != want {
		t.Errorf("screen (s) and requests (r) took turns as %s, want %s", got, want)
	}
}
