package tui

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/teatest/v2"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/panel"
	"sundae/tui/terminal"
)

// user is a user of the app: it presses keys, waits for their effect, and looks at the screen.
type user struct {
	t  *testing.T
	tm *teatest.TestModel
}

// watched is the app with a way to look into it.
type watched struct{ *app }

// lookMsg runs a function in the app's goroutine.
type lookMsg struct {
	at   func(*app)
	done chan struct{}
}

func (w watched) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if l, ok := msg.(lookMsg); ok {
		l.at(w.app)
		close(l.done)
		return w, nil
	}
	_, cmd := w.app.Update(msg)
	return w, cmd
}

// nowhere is a terminal that discards everything.
type nowhere struct{}

func (nowhere) Read([]byte) (int, error)    { return 0, os.ErrClosed }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// alternate returns a screen that has entered the alternate screen.
func alternate(out io.ReadWriteCloser) *terminal.Screen {
	s := terminal.NewScreen(out, 0, 0, 0, func(error) {})
	_, _ = s.Write([]byte("\x1b[?1049h"))
	return s
}

// constant returns a constant schedule.
func constant(v float64) schedule.Schedule {
	return schedule.Schedule{Start: v, End: v, Curve: schedule.Constant}
}

// change changes settings of the selected lane, as the panel does.
func change(a *app, by func(*schedule.Settings)) {
	v := panel.Values{Settings: a.stage.Selected().Settings, Samples: a.stage.Samples}
	by(&v.Settings)
	a.apply(v)
}

// begin opens the app in a terminal of w×h cells and waits until its first run is done.
func begin(t *testing.T, w, h int, change func(*Options)) *user {
	t.Helper()
	o := options(t)
	if change != nil {
		change(&o)
	}
	s := onScreen(t, w, h, o, alternate(nowhere{}))
	s.settled()
	return s
}

// onScreen opens the app in a terminal of w×h cells.
func onScreen(t *testing.T, w, h int, o Options, screen *terminal.Screen) *user {
	t.Helper()
	a := newApp(t.Context(), o, graphics.NewDriver(o.Terminal), screen)
	s := &user{t, teatest.NewTestModel(t, watched{a}, teatest.WithInitialTermSize(w, h))}
	t.Cleanup(func() {
		_ = s.tm.Quit()
		s.tm.WaitFinished(t, teatest.WithFinalTimeout(20*time.Second))
		a.close()
		screen.End()
	})
	return s
}

// look runs a function in the app's goroutine.
func (s *user) look(at func(*app)) {
	s.t.Helper()
	l := lookMsg{at, make(chan struct{})}
	s.tm.Send(l)
	select {
	case <-l.done:
	case <-time.After(20 * time.Second):
		s.t.Fatal("the app does not answer")
	}
}

// until waits for a condition.
func (s *user) until(what string, so func(*app) bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		done, note := false, ""
		s.look(func(a *app) { done, note = so(a), a.note })
		if done {
			return
		}
		if time.Until(end) < 10*time.Millisecond {
			s.t.Logf("the app says: %s", note)
		}
	}
	s.t.Fatalf("never came: %s\n%s", what, s.screen())
}

// settled waits until the run is done and its images are on screen.
func (s *user) settled() {
	s.t.Helper()
	s.until("the end of the run, on screen", func(a *app) bool { return a.stage.Done && len(a.stage.Lanes[0].Stats) > 0 && drawnAll(a) })
}

// drawnAll reports whether every tile shows the image it should.
func drawnAll(a *app) bool {
	if len(a.tiles) == 0 || a.canvas.Busy() {
		return false
	}
	for _, t := range a.tiles {
		if t.shown.Frame.Text == "" || t.shown.Layout != a.placed || t.shown.Job != t.job {
			return false
		}
		if l := &a.stage.Lanes[t.lane]; a.mode == exploring && (t.key.Run != a.stage.Run || t.key.Step != min(a.stage.Shown, len(l.Frames)-1)) {
			return false
		}
	}
	return true
}

// named are the keys that do not just type a character.
var named = map[string]tea.KeyPressMsg{
	"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "space": {Code: tea.KeySpace, Text: " "},
	"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight},
	"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown},
	"delete": {Code: tea.KeyDelete}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl},
}

// press presses keys by name, and types anything else.
func (s *user) press(keys ...string) {
	for _, k := range keys {
		if msg, ok := named[k]; ok {
			s.tm.Send(msg)
		} else {
			s.tm.Type(k)
		}
	}
}

// What differs between machines and days.
var unsteady = []struct{ of, as string }{
	{` *\d+ (ms|kB|MB|B\b)`, " # $1"},
	{`  *\d+B `, " # B "}, // of a file
	{`changed +\d+%`, "changed #%"},
	{`frozen \d+/`, "frozen #/"},
	{`confidence [\d.]+`, "confidence #"},
}

// screen returns what is on screen, without colours and varying numbers.
func (s *user) screen() string {
	s.t.Helper()
	var text string
	s.look(func(a *app) {
		for i := range a.tiles { // what the pictures show is the model's affair
			f := &a.tiles[i].shown.Frame
			if was := f.Text; was != "" {
				f.Text = strings.TrimSuffix(strings.Repeat(strings.Repeat("▀", f.Cols)+"\n", f.Rows), "\n")
				defer func() { f.Text = was }()
			}
		}
		text = ansi.Strip(a.View().Content)
	})
	for _, u := range unsteady {
		text = regexp.MustCompile(u.of).ReplaceAllString(text, u.as)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// helpIsComplete checks that the help on screen has every key with all of its text.
func (s *user) helpIsComplete() {
	s.t.Helper()
	shown := s.screen()
	s.look(func(a *app) {
		for _, c := range a.active() {
			if c.label != "" && (!strings.Contains(shown, c.label) || !strings.Contains(shown, c.help)) {
				s.t.Errorf("the help lacks %q: %q", c.label, c.help)
			}
		}
	})
}

// golden compares the screen with testdata/NAME-WxH.txt; go test -update writes the file.
func (s *user) golden(name string) {
	s.t.Helper()
	got := s.screen()
	var w, h int
	s.look(func(a *app) { w, h = a.layout.width, a.layout.height })
	path := filepath.Join("testdata", fmt.Sprintf("%s-%dx%d.txt", name, w, h))
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != string(want) {
		s.t.Errorf("the screen is not as in %s (go test -update writes the file):\n%s", path, got)
	}
}

// both runs a test at both sizes of the golden screens.
func both(t *testing.T, run func(t *testing.T, w, h int)) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) { run(t, size[0], size[1]) })
	}
}
