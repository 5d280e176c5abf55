// Package tui is the app: it shows pictures form step by step and lets everything
// that shapes them be changed meanwhile.
//
// Three goroutines work beside each other, each on the newest result of the one
// before: sampling and decoding (package loop) and drawing (drawer.go). The
// Bubble Tea model here only moves their results around; it calls no model and
// touches no picture, so that a key always answers at once.
//
//	app.go      the model: what happens, by message
//	keyboard.go what Bubble Tea reads, closed in good order
//	keys.go     every key and command, for handling, help and palette alike
//	stage.go    the run on show: lanes, history, the step on show
//	panel.go    the settings beside the picture
//	tiles.go    where pictures go on screen
//	view.go     the whole screen as text
//	compare.go  lanes side by side, sweeps
//	masking.go  painting masks
//	easel.go    work on the mask, beside the app
//	gallery.go  what this session kept
//	keep.go     saving
package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"charm.land/bubbles/v2/filepicker"
	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/loop"
	"sundae/tui/terminal"
)

// Options is what the app works with. Prior and Pictures stay the caller's to close.
type Options struct {
	Model    bundle.Manifest
	Prior    *sampler.Prior
	Pictures *decoder.Decoder
	Settings schedule.Settings // to begin with
	Samples  int

	Terminal graphics.Terminal
	MaxRate  int64   // bytes a second for pictures; 0 is measured
	Scale    float64 // largest share of a picture's own size on screen
	Mask     config.Mask

	Presets    map[string]config.Sampling
	SavePreset func(name string, p config.Sampling) (path string, err error)
	Folder     string // where pictures are saved
}

// mode is what the picture area is for.
type mode int

const (
	exploring mode = iota // one run, or several lanes side by side
	masking               // painting a mask over a picture
	browsing              // what this session kept
)

// sheet is what covers the picture area for a while.
type sheet int

const (
	noSheet sheet = iota
	helpSheet
	commandSheet
	fileSheet
)

// app is the Bubble Tea model.
type app struct {
	Options
	ctx    context.Context
	loop   *loop.Loop
	drawer *terminal.Drawer
	screen *terminal.Screen

	theme         theme
	help          help.Model
	width, height int
	mode          mode
	sheet         sheet
	noPanel       bool // the panel is put away
	hinted        bool // a key was pressed: the first hint has done its work

	stage   stage
	panel   panel
	tiles   []tile
	layout  int
	zoom    int // tile shown by itself; -1 shows all
	look    look
	drawing graphics.Frame // the newest one, for the status line
	decode  loop.Decoded

	masking maskMode
	gallery gallery
	prompt  prompt
	palette palette
	files   filepicker.Model

	note    string // the last thing that was done, or went wrong
	isError bool
}

// Run shows the app until the user leaves it or the context ends. Nothing stays
// behind in the terminal. Further options are for tests.
func Run(ctx context.Context, in, out *os.File, o Options, options ...tea.ProgramOption) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGTERM)
	defer stop()
	keys, err := terminal.NewKeyboard(in)
	if err != nil {
		return fmt.Errorf("read the keyboard: %w", err)
	}
	defer keys.Close()
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	screen := terminal.NewScreen(out, out.Fd(), o.Terminal.RTT, o.MaxRate, lost)
	defer screen.End()
	defer context.AfterFunc(ctx, screen.Leave)() // a terminal that takes nothing must not block the end
	a := newApp(ctx, o, graphics.NewDriver(o.Terminal), screen)
	defer a.close()
	program := tea.NewProgram(a, append(options, tea.WithInput(keys), tea.WithOutput(screen), tea.WithContext(ctx))...)
	_, err = program.Run()
	switch {
	case err == nil, errors.Is(err, tea.ErrInterrupted):
		return nil
	case errors.Is(err, tea.ErrProgramPanic):
		return fmt.Errorf("run the app: %w", err)
	case errors.Is(context.Cause(ctx), terminal.ErrLost):
		return fmt.Errorf("run the app: %w", context.Cause(ctx))
	case errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil:
		return nil // ended by a signal or the caller, with the terminal restored
	}
	return fmt.Errorf("run the app: %w", err)
}

// newApp starts the goroutines; close ends them.
func newApp(ctx context.Context, o Options, driver graphics.Driver, s *terminal.Screen) *app {
	a := &app{
		Options: o, loop: loop.New(o.Prior, o.Pictures), screen: s, drawer: terminal.NewDrawer(driver, s, o.Scale),
		theme: newTheme(true), help: help.New(), zoom: -1,
		prompt: prompt{input: textinput.New()}, palette: palette{input: textinput.New()},
	}
	a.help.Styles = a.theme.helpStyles()
	a.panel.samples = o.Samples
	a.panel.key = -1
	a.stage.lanes = []lane{{settings: o.Settings}}
	a.files = newFiles()
	work, stop := context.WithCancel(ctx)
	a.ctx = work
	var drawing sync.WaitGroup
	drawing.Go(func() { a.drawer.Work(work) })
	a.stage.close = func() {
		stop()
		drawing.Wait()
		a.loop.Close()
	}
	return a
}

func (a *app) close() { a.stage.close() }

// Init starts listening, and the first run.
func (a *app) Init() tea.Cmd {
	a.restart()
	return tea.Batch(a.listen, a.watch, tea.RequestBackgroundColor, a.files.Init(), a.askMouse())
}

type newsMsg []loop.Event

// listen waits for news of sampling and decoding.
func (a *app) listen() tea.Msg {
	news, err := a.loop.Next(a.ctx)
	if err != nil {
		return nil // the app ends
	}
	return newsMsg(news)
}

// watch waits for the next picture to be drawn.
func (a *app) watch() tea.Msg {
	select {
	case <-a.ctx.Done():
		return nil
	case d := <-a.drawer.Results():
		return d
	}
}

// Update takes one message. It never waits for anything.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
		a.relayout()
		return a, nil
	case tea.BackgroundColorMsg:
		a.theme = newTheme(msg.IsDark())
		a.help.Styles = a.theme.helpStyles()
		return a, nil
	case newsMsg:
		cmds := []tea.Cmd{a.listen}
		for _, event := range msg {
			cmds = append(cmds, a.happened(event))
		}
		return a, tea.Batch(cmds...)
	case terminal.Drawn:
		a.showDrawn(msg)
		return a, a.watch
	case thumbMsg:
		a.gotThumb(msg)
		return a, nil
	case baseMsg:
		return a, a.gotBase(msg)
	case maskMsg:
		return a, a.gotMask(msg)
	case paintedMsg:
		return a, a.gotPainted(msg)
	case workMsg:
		return a, a.worked(msg)
	case presetMsg:
		a.presetSaved(msg)
		return a, nil
	case openedMsg:
		a.opened(msg)
		return a, nil
	case tea.KeyPressMsg:
		a.hinted = true
		return a, a.key(msg)
	case tea.MouseMsg:
		return a, a.mouse(msg)
	case uv.PrimaryDeviceAttributesEvent:
		a.screen.Answered()
		return a, nil
	case tea.ModeReportMsg:
		a.toldMode(msg)
		return a, nil
	case tea.ResumeMsg:
		a.relayout()
		return a, nil
	}
	return a, a.forward(msg)
}

// forward hands a message on to what is typed into.
func (a *app) forward(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	switch {
	case a.sheet == fileSheet:
		a.files, cmd = a.files.Update(msg)
	case a.sheet == commandSheet:
		a.palette.input, cmd = a.palette.input.Update(msg)
	case a.prompt.active:
		a.prompt.input, cmd = a.prompt.input.Update(msg)
	default:
		a.files, cmd = a.files.Update(msg) // its folder arrives before it is shown
	}
	return cmd
}

// happened takes one piece of news.
func (a *app) happened(event loop.Event) tea.Cmd {
	switch e := event.(type) {
	case loop.Started:
		if e.Run == a.stage.run {
			a.stage.started(e)
			a.want()
		}
	case loop.Stepped:
		if e.Run == a.stage.run {
			a.stage.stepped(e)
			a.want()
		}
	case loop.Ended:
		if e.Run == a.stage.run {
			a.stage.playing = false
			return a.keepResult()
		}
	case loop.Decoded:
		if e.Run == a.stage.run {
			a.decode = e
			a.showDecoded(e)
		}
	case loop.Encoded:
		return a.gotBase(baseMsg{tokens: e.Tokens, picture: e.Picture, name: "the opened picture"})
	case loop.Failed:
		a.stage.playing = false
		a.fail(fmt.Errorf("%s: %w", e.Doing, e.Err))
	}
	return nil
}

func (a *app) say(text string) { a.note, a.isError = text, false }

func (a *app) fail(err error) { a.note, a.isError = err.Error(), true }

// key finds what a key means where it was pressed.
func (a *app) key(msg tea.KeyPressMsg) tea.Cmd {
	pressed := msg.String()
	if pressed == "ctrl+c" {
		return a.quit()
	}
	switch {
	case a.prompt.active:
		return a.promptKey(msg, pressed)
	case a.sheet == commandSheet:
		return a.paletteKey(msg, pressed)
	case a.sheet == fileSheet:
		return a.fileKey(msg, pressed)
	case a.sheet == helpSheet:
		a.cover(noSheet) // any key closes it
		return nil
	}
	for _, c := range commands {
		if c.has(pressed) && c.applies(a) {
			return c.do(a)
		}
	}
	return nil
}

// cover shows a sheet over the picture area, or none.
func (a *app) cover(with sheet) {
	a.sheet = with
	a.screen.Cover(with != noSheet)
}
