package progress

import (
	"sync"
	"time"
)

// wonder is how long a person waits before wondering whether anything goes on.
const wonder = time.Second

// Wait begins work that is mostly over at once and whose parts nobody can count,
// such as opening a model. It says so only when the work takes longer than a
// second. The work ends with done, which may be called more than once.
func (t *Talk) Wait(label string) (done func()) {
	if t == nil {
		return func() {}
	}
	began := t.now()
	var bar *Bar
	shown := make(chan struct{})
	timer := time.AfterFunc(wonder, func() {
		defer close(shown)
		bar = t.Bar(label, 0, "")
		bar.update(func() { bar.began = began })
	})
	return sync.OnceFunc(func() {
		if !timer.Stop() {
			<-shown
			bar.Done()
		}
	})
}
