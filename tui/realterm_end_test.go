package tui

import (
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The process ends on a signal and when its terminal goes away, as over SSH; a terminal that stays is restored.
func TestProcessEnds(t *testing.T) {
	d := bare(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		end  func(app *os.Process, x *ptyTerminal) error
		gone bool // the terminal
	}{
		{"SIGTERM", func(app *os.Process, _ *ptyTerminal) error { return app.Signal(syscall.SIGTERM) }, false},
		{"SIGHUP", func(app *os.Process, _ *ptyTerminal) error { return app.Signal(syscall.SIGHUP) }, false},
		{"hang-up", func(_ *os.Process, x *ptyTerminal) error { return x.master.Close() }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTerminal(t)
			before := x.modes(t)
			cmd := exec.Command(self)
			cmd.Env = d.environ("TERM=xterm-256color")
			var said strings.Builder // what the runtime and the race detector have to say
			cmd.Stdin, cmd.Stdout, cmd.Stderr = x.tty, x.tty, &said
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			x.await(t, "12/12")
			if err := c.end(cmd.Process, x); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err != nil && !c.gone || said.Len() > 0 {
					t.Errorf("it ended with %v, and said:\n%s", err, last(said.String(), 8000))
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it did not end")
			}
			if c.gone {
				return
			}
			x.await(t, "\x1b[?1049l")
			if after := x.modes(t); !reflect.DeepEqual(before, after) {
				t.Errorf("the terminal's modes are %+v, they were %+v", after, before)
			}
			if tail := x.output(); !strings.Contains(tail[strings.LastIndex(tail, "\x1b[?1049h"):], "\x1b[?25h") {
				t.Errorf("the cursor is not on again: %q", last(tail, 300))
			}
		})
	}
}
