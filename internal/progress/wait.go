package progress

import (
	"sync"
	"time"
)

// waitDelay is how long work must take before it is shown.
const waitDelay = time.Second

// Wait starts work that is usually short and has no steps to count, such as opening
// a model. It is shown only if it takes longer than a second. done ends the work; it
// may be called more than once.
func (r *Reporter) Wait(label string) (done func()) {
	if r == nil {
		return func() {}
	}
	began := r.now()
	var bar *Bar
	shown := make(chan struct{})
	timer := time.AfterFunc(waitDelay, func() {
		defer close(shown)
		bar = r.Bar(label, 0, "")
		bar.update(func() { bar.began = began })
	})
	return sync.OnceFunc(func() {
		if !timer.Stop() {
			<-shown
			bar.Done()
		}
	})
}
