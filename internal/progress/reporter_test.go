package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that the test sets.
type clock struct{ t time.Time }

func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func fake(live bool) (*Reporter, *bytes.Buffer, *clock) {
	var out bytes.Buffer
	c := &clock{time.Unix(1000, 0)}
	t := New(&out, false)
	t.live, t.now = live, func() time.Time { return c.t }
	return t, &out, c
}

func TestPlain(t *testing.T) {
	reporter, out, clock := fake(false)
	bar := reporter.Bar("training", 1000, "tokens")
	bar.Skip(500)
	for range 30 {
		clock.pass(time.Second)
		bar.Add(10)
		bar.Note("loss %.2f", 1.5)
	}
	reporter.Printf("checkpoint saved\n")
	bar.Done()
	bar.Done()
	want := `training  60% 600/1000 tokens  10.0 tokens/s  40s left  loss 1.50
training  70% 700/1000 tokens  10.0 tokens/s  30s left  loss 1.50
training  80% 800/1000 tokens  10.0 tokens/s  20s left  loss 1.50
checkpoint saved
training: 800 tokens in 30s, 10.0 tokens/s, loss 1.50
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

// On a terminal one line is redrawn, never wider than the terminal, and messages are
// printed above it.
func TestLive(t *testing.T) {
	reporter, out, clock := fake(true)
	reporter.width = func() int { return 40 }
	bar := reporter.Bar("fetching", 2_000_000, "bytes")
	clock.pass(time.Second)
	bar.Add(500_000)
	reporter.Printf("hello")
	bar.Done()
	for _, drawn := range strings.Split(out.String(), "\r\x1b[K") {
		for line := range strings.Lines(drawn) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 40 {
				t.Errorf("%d cells: %q", n, line)
			}
		}
	}
	if !strings.Contains(out.String(), "\r\x1b[Khello\nfetching ━━━━━╌") {
		t.Errorf("the message is not above the bar: %q", out)
	}
	if !strings.HasSuffix(out.String(), "\r\x1b[Kfetching: 500 kB in 1.0s, 500 kB/s\n") {
		t.Errorf("the end is %q", out)
	}
}

func TestUnknownEnd(t *testing.T) {
	reporter, out, clock := fake(false)
	bar := reporter.Bar("fetching the library", 0, "")
	clock.pass(4300 * time.Millisecond)
	bar.Done()
	if got := out.String(); got != "fetching the library: 4.3s\n" {
		t.Errorf("got %q", got)
	}
}

func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	reporter := New(&out, true)
	reporter.Printf("hello")
	bar := reporter.Bar("training", 10, "steps")
	bar.Add(1)
	bar.Skip(1)
	bar.Note("loss")
	bar.Done()
	if out.Len() > 0 {
		t.Errorf("it said %q", out.String())
	}
}

func TestManyGoroutines(t *testing.T) {
	reporter, out, _ := fake(true)
	bar := reporter.Bar("decoding", 800, "pictures")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				bar.Add(1)
				bar.Note("note")
			}
			reporter.Printf("one is done")
		})
	}
	all.Wait()
	bar.Done()
	if !strings.Contains(out.String(), "decoding: 800 pictures") {
		t.Errorf("got %q", out)
	}
}

func TestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Millisecond: "0.4s", 12 * time.Second: "12s", 200 * time.Second: "3m20s",
		3599600 * time.Millisecond: "60m00s", 125 * time.Minute: "2h05m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
	for n, want := range map[float64]string{7: "7 B", 1500: "1.5 kB", 45828512: "45.8 MB", 2e10: "20 GB"} {
		if got := byteSize(n); got != want {
			t.Errorf("%g is %s, want %s", n, got, want)
		}
	}
	if got := amount(1, "pictures"); got != "1 picture" {
		t.Errorf("got %s", got)
	}
}
