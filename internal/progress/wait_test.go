package progress

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// Work of less than a second is not shown. Longer work is, with its whole duration.
func TestWait(t *testing.T) {
	for took, want := range map[time.Duration]string{
		900 * time.Millisecond:  "",
		2500 * time.Millisecond: "opening the model: 2.5s\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			done := New(&out, false).Wait("opening the model")
			time.Sleep(took)
			done()
			done()
			time.Sleep(2 * waitDelay)
			if out.String() != want {
				t.Errorf("after %v it said %q, want %q", took, out.String(), want)
			}
		})
	}
	var silent *Reporter
	silent.Wait("nothing")()
}

// On a terminal the label is drawn after a second, and replaced at the end.
func TestWaitLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		reporter := New(&out, false)
		reporter.live = true
		done := reporter.Wait("encoding")
		time.Sleep(waitDelay + time.Millisecond)
		synctest.Wait()
		if out.String() != "encoding ..." {
			t.Errorf("it drew %q", out.String())
		}
		done()
		if want := "encoding ...\r\x1b[Kencoding: 1.0s\n"; out.String() != want {
			t.Errorf("it left %q, want %q", out.String(), want)
		}
	})
}
