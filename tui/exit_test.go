package tui

import (
	"bytes"
	"context"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"sundae/tui/graphics"
)

// ptyTerminal is the other end of a pty: it keeps what the app writes, and answers the query that the app repeats.
type ptyTerminal struct {
	master, tty *os.File
	gone        chan struct{} // nothing more comes

	mu      sync.Mutex
	written bytes.Buffer
}

func newTerminal(t *testing.T) *ptyTerminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	// Closing must not wait for a read in progress, so this end does not block.
	fd, err := unix.Dup(int(master.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	master.Close()
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	master = os.NewFile(uintptr(fd), "terminal")
	x := &ptyTerminal{master: master, tty: tty, gone: make(chan struct{})}
	go func() {
		defer close(x.gone)
		buffer := make([]byte, 64<<10)
		for {
			n, err := master.Read(buffer)
			x.mu.Lock()
			x.written.Write(buffer[:n])
			x.mu.Unlock()
			if bytes.Contains(buffer[:n], []byte("\x1b[c")) {
				go io.WriteString(master, "\x1b[?62;4c") // a pty takes it when the app reads
			}
			if err != nil {
				return
			}
		}
	}()
	// The tty stays open: after a panic Bubble Tea leaves a reader behind.
	t.Cleanup(func() { master.Close() })
	return x
}

func (x *ptyTerminal) output() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.written.String()
}

// await waits until the app has written something.
func (x *ptyTerminal) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(x.output(), text) {
			return
		}
	}
	t.Fatalf("%q was never written; the last was %q", text, last(x.output(), 400))
}

func last(s string, n int) string { return s[max(0, len(s)-n):] }

// modes are the terminal's own settings: echo, lines, signals.
func (x *ptyTerminal) modes(t *testing.T) *unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(x.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// However the app ends, the terminal is restored: images are deleted before the alternate screen is left, mouse and
// paste are off, the cursor is visible, the modes are as before, and nothing is written afterwards.
func TestTerminalIsRestored(t *testing.T) {
	o := options(t)
	o.Terminal = graphics.Terminal{Protocol: graphics.Kitty, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}
	signal := func(s syscall.Signal) func(*ptyTerminal) {
		return func(*ptyTerminal) {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				panic(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		end  func(*ptyTerminal)
		want string // in the error
	}{
		{"q", func(x *ptyTerminal) { _, _ = io.WriteString(x.master, "q") }, ""},
		{"ctrl+c", func(x *ptyTerminal) { _, _ = io.WriteString(x.master, "\x03") }, ""},
		{"SIGTERM", signal(syscall.SIGTERM), ""},
		{"SIGHUP", signal(syscall.SIGHUP), ""},
		{"panic", func(x *ptyTerminal) { _, _ = io.WriteString(x.master, "P") }, "panic"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTerminal(t)
			before := x.modes(t)
			ended := make(chan error)
			go func() {
				ended <- Run(t.Context(), x.tty, x.tty, o, tea.WithFilter(func(_ tea.Model, msg tea.Msg) tea.Msg {
					if key, ok := msg.(tea.KeyPressMsg); ok && key.Text == "P" {
						panic("a fault in the app")
					}
					return msg
				}))
			}()
			x.await(t, "\x1b_Ga=T") // a picture
			c.end(x)
			select {
			case err := <-ended:
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("the app ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the app did not end")
			}
			x.await(t, "\x1b[?1049l")
			if after := x.modes(t); !reflect.DeepEqual(before, after) {
				t.Errorf("the terminal's modes are %+v, they were %+v", after, before)
			}
			out := x.output()
			left := strings.LastIndex(out, "\x1b[?1049l")
			if deleted := strings.LastIndex(out[:left], "\x1b_Ga=d"); deleted < strings.LastIndex(out, "\x1b_Ga=T") {
				t.Error("pictures are not deleted before the alternate screen is left, or come after")
			}
			tail := out[left:]
			for what, sequence := range map[string]string{"cursor on": "\x1b[?25h", "mouse off": "\x1b[?1002l", "mouse coordinates off": "\x1b[?1006l", "paste off": "\x1b[?2004l"} {
				if !strings.Contains(out[strings.LastIndex(out, "\x1b_Ga=d"):], sequence) {
					t.Errorf("%s: no %q in %q", what, sequence, tail)
				}
			}
			if strings.Contains(tail, "\x1b[?1002h") || strings.Contains(tail, "\x1b[?25l") {
				t.Errorf("something is switched on again in %q", tail)
			}
		})
	}
}

// A broken connection ends the app, even if nobody reads what it writes, and even if it has nothing to write.
func TestHangUpEndsTheApp(t *testing.T) {
	for _, c := range []struct {
		name, shown string
		rest        time.Duration
	}{
		{"sampling", "Sundae", 0},
		{"at rest", "12/12", 500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			x := newTerminal(t)
			ended := make(chan error)
			go func() { ended <- Run(t.Context(), x.tty, x.tty, o) }()
			x.await(t, c.shown)
			time.Sleep(c.rest)
			x.master.Close()
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Fatal("the app continues without a terminal")
			}
		})
	}
}

// A terminal that stops reading blocks neither keys nor the end, with images that are text and with images that are
// sent separately.
func TestStuckTerminal(t *testing.T) {
	for _, protocol := range []graphics.Protocol{graphics.Blocks, graphics.Kitty, graphics.Sixel} {
		t.Run(string(protocol), func(t *testing.T) {
			master, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer master.Close()
			if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
				t.Fatal(err)
			}
			o := options(t)
			o.Terminal = graphics.Terminal{Protocol: protocol, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- Run(ctx, tty, tty, o) }()
			time.Sleep(time.Second) // the pty is full long before: nobody reads
			stop()
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Fatal("the app waits for a terminal that takes nothing")
			}
		})
	}
}

// Random bytes from the keyboard change and break nothing.
func TestGarbageIsIgnored(t *testing.T) {
	o := options(t)
	x := newTerminal(t)
	ended := make(chan error)
	go func() { ended <- Run(t.Context(), x.tty, x.tty, o) }()
	x.await(t, "Sundae")
	garbage := []byte{0x80, 0xff, 0x1b, 0x5b, 0x39, 0x39, 0x39, 0x39, 0x7a, 0x1b, 0x5f, 0xc3, 0x28, 0x1b, 0x5c, 0x1b, 0x50, 0x00, 0xfe, 0x1b, 0x5c, 0x1b, 0x5d, 0x31, 0x07}
	if _, err := x.master.Write(bytes.Repeat(garbage, 50)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // only the time tells a lone escape from a sequence
	_, _ = io.WriteString(x.master, "?")
	x.await(t, "Settings") // the help
	_, _ = io.WriteString(x.master, "qq")
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the app did not end")
	}
}

// stalled takes nothing until it is released.
type stalled struct {
	nowhere
	goOn chan struct{}
}

func (s stalled) Write(p []byte) (int, error) { <-s.goOn; return len(p), nil }

// A terminal that takes no images blocks neither sampling nor keys.
func TestStalledTerminalHoldsUpNothing(t *testing.T) {
	o := options(t)
	o.Terminal = graphics.Terminal{Protocol: graphics.Kitty, CellWidth: 8, CellHeight: 16, Colours: graphics.TrueColour}
	out := stalled{goOn: make(chan struct{})}
	s := onScreen(t, 80, 24, o, alternate(out))
	defer close(out.goOn)
	s.until("the end of the run", func(a *app) bool { return a.stage.Done && a.decoded.Step == o.Settings.Steps })
	s.press("[", "?")
	s.until("the help, a step back", func(a *app) bool { return a.sheet == helpSheet && a.stage.Shown == o.Settings.Steps-1 })
	s.look(func(a *app) {
		if a.drawn.Bytes > 0 {
			t.Error("a picture is said to be drawn")
		}
	})
}
