// Package tui is the interactive app: it shows images while they are sampled, step by step, and lets every setting that
// shapes them be changed meanwhile.
//
// Three goroutines work side by side, each on the newest result of the one before: sampling and decoding (package loop)
// and drawing (package terminal). The Bubble Tea model in this package only passes results on. Update does no input or
// output and calls no model; work that takes time is a command, which returns a message and never changes the state. So
// keys are answered at once.
//
// The state is in packages of its own: session (the run, comparisons, the gallery), inpaint (painting a mask) and panel
// (settings). This package holds what connects them to the terminal:
//
//	app.go      the model and its messages
//	keys.go     every key and command: one table for handling, help and palette
//	run.go      what commands do to the run
//	inpaint.go  what commands do to a mask
//	gallery.go  what commands do to the gallery
//	save.go     writing files
//	layout.go   the screen as named rectangles
//	tiles.go    where images are on screen
//	paint.go    what is drawn over an image
//	view.go     the screen as text
//	mouse.go    clicks, drags and the wheel
//	palette.go  the command palette, and the prompt for a line of text
//	files.go    the file picker
//	device.go   what the status line says of the device
package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"charm.land/bubbles/v2/help"
	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/tui/graphics"
	"sundae/tui/inpaint"
	"sundae/tui/loop"
	"sundae/tui/panel"
	"sundae/tui/session"
	"sundae/tui/terminal"
)

// Options is what the app works with. Prior and Pictures stay the caller's to close.
type Options struct {
	Model    bundle.Manifest
	Prior    *sampler.Prior
	Pictures *decoder.Decoder
	// DeviceStatus describes the device and its memory in use in a few words. It may be
	// called at any time; nil if there is no more to say than the device's name.
	DeviceStatus func() string
	Settings     schedule.Settings // of the first run
	Samples      int               // of the first run

	Terminal graphics.Terminal
	MaxRate  int64   // bytes per second for images; 0 measures what the connection carries
	Scale    float64 // largest share of the sides of the room for an image, up to 1
	Mask     config.Mask

	Presets    map[string]config.Sampling
	SavePreset func(name string, p config.Sampling) (path string, err error)
	Folder     string // where images are saved
}

// mode is what the image area is for.
type mode int

const (
	exploring mode = iota // a run with one lane, or several side by side
	masking               // painting a mask over an image
	browsing              // the gallery
)

// sheet is what temporarily covers the image area.
type sheet int

const (
	noSheet sheet = iota
	helpSheet
	paletteSheet
	fileSheet
)

// app is the Bubble Tea model.
type app struct {
	Options
	ctx      context.Context
	loop     *loop.Loop
	drawer   *terminal.Drawer
	screen   *terminal.Screen
	close    func()
	commands []command

	theme     theme
	help      help.Model
	layout    layout
	mode      mode
	sheet     sheet
	hidePanel bool
	hinted    bool // a key was pressed: the first hint is no longer shown

	stage   session.Stage
	gallery session.Gallery
	panel   panel.Panel
	canvas  *inpaint.Canvas
	edited  []func() tea.Cmd // to do when the edits of the mask are done

	tiles      tiles
	placed     int // the drawer's number of the current layout
	zoom       int // the tile that is shown alone; -1 shows all
	look       look
	device     string         // the device and its memory in use, for the status line
	drawn      graphics.Frame // the newest one, for the status line
	decoded    loop.Decoded   // the newest one, for the status line
	pixelMouse bool           // the terminal's mouse can report pixels

	weighed bool // the first step has shown how long a run takes

	prompt  prompt
	palette palette
	files   files

	note    string // what was done last, or went wrong
	isError bool
}

// Run shows the app until the user quits or the context ends, and then restores the terminal. The program's options are
// for tests.
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
		return nil // ended by a signal or by the caller, with the terminal restored
	}
	return fmt.Errorf("run the app: %w", err)
}

// newApp starts the app's goroutines; app.close ends them and waits for them.
func newApp(ctx context.Context, o Options, driver graphics.Driver, s *terminal.Screen) *app {
	ctx, stop := context.WithCancel(ctx)
	a := &app{
		Options: o, ctx: ctx, loop: loop.New(o.Prior, o.Pictures), screen: s, drawer: terminal.NewDrawer(driver, s, o.Scale),
		commands: newCommands(), device: o.Prior.Device(), theme: newTheme(true), help: help.New(), zoom: -1,
		stage:  session.NewStage(o.Model, o.Settings, o.Samples),
		canvas: inpaint.New(o.Model.ImageSize, o.Model.Downsample, ruleOf(o.Mask)),
		prompt: newPrompt(), palette: newPalette(), files: newFiles(),
	}
	a.help.Styles = a.theme.helpStyles()
	var drawing sync.WaitGroup
	drawing.Go(func() { a.drawer.Work(ctx) })
	a.close = func() {
		stop()
		drawing.Wait()
		a.loop.Close()
	}
	return a
}

// ruleOf returns the mask rule of the settings.
func ruleOf(m config.Mask) sampler.Rule {
	if m.Rule == string(sampler.All) {
		return sampler.All
	}
	return sampler.Any
}

// Init starts listening, and the first run.
func (a *app) Init() tea.Cmd {
	a.restart()
	return tea.Batch(a.listen, a.watch, tea.RequestBackgroundColor, a.files.picker.Init(), askPixelMouse(a.Terminal), a.pollDevice(0))
}

// events are what the loop reported.
type events []loop.Event

// listen waits for events of sampling and decoding.
func (a *app) listen() tea.Msg {
	news, err := a.loop.Next(a.ctx)
	if err != nil {
		return nil // the app ends
	}
	return events(news)
}

// watch waits for the next image to be drawn.
func (a *app) watch() tea.Msg {
	select {
	case <-a.ctx.Done():
		return nil
	case d := <-a.drawer.Results():
		return d
	}
}

// outcome is the result of a command of the app.
type outcome interface {
	// apply changes the app's state. Like Update it does nothing that takes time.
	apply(*app) tea.Cmd
}

// Update takes one message.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.layout.width, a.layout.height = msg.Width, msg.Height
		a.relayout()
		return a, nil
	case tea.BackgroundColorMsg:
		a.theme = newTheme(msg.IsDark())
		a.help.Styles = a.theme.helpStyles()
		return a, nil
	case events:
		cmds := []tea.Cmd{a.listen}
		for _, event := range msg {
			cmds = append(cmds, a.happened(event))
		}
		return a, tea.Batch(cmds...)
	case terminal.Drawn:
		a.showDrawn(msg)
		return a, a.watch
	case outcome:
		return a, msg.apply(a)
	case tea.KeyPressMsg:
		a.hinted = true
		return a, a.key(msg)
	case tea.MouseMsg:
		return a, a.mouse(msg)
	case uv.PrimaryDeviceAttributesEvent:
		a.screen.Answered()
		return a, nil
	case tea.ModeReportMsg:
		if msg.Mode == ansi.ModeMouseExtSgrPixel {
			a.pixelMouse = msg.Value.IsSet() || msg.Value.IsReset()
		}
		return a, nil
	case tea.ResumeMsg:
		a.relayout()
		return a, nil
	}
	return a, a.forward(msg)
}

// forward passes a message on to what is being typed into.
func (a *app) forward(msg tea.Msg) tea.Cmd {
	var cmd tea.Cmd
	switch {
	case a.sheet == paletteSheet:
		a.palette.input, cmd = a.palette.input.Update(msg)
	case a.sheet != fileSheet && a.prompt.active:
		a.prompt.input, cmd = a.prompt.input.Update(msg)
	default: // the file picker reads its folder before it is shown
		a.files.picker, cmd = a.files.picker.Update(msg)
	}
	return cmd
}

// happened takes one event of the loop.
func (a *app) happened(event loop.Event) tea.Cmd {
	switch e := event.(type) {
	case loop.Started:
		if e.Run == a.stage.Run {
			a.stage.Started(e.Frames)
			a.want()
		}
	case loop.Stepped:
		if e.Run == a.stage.Run {
			a.stage.Stepped(e.Lane, e.Frame, e.Stats, e.Changed)
			a.want()
			a.weigh(e.Stats)
		}
	case loop.Ended:
		if e.Run == a.stage.Run {
			a.stage.Ended()
			_, cmd := a.keep(a.stage.Newest())
			return cmd
		}
	case loop.Revived:
		if e.Run == a.stage.Run {
			a.stage.Revived(e.Playing)
		}
	case loop.Decoded:
		if e.Run == a.stage.Run {
			a.decoded = e
			if t := a.tiles.of(e.Lane, e.Sample); t != nil && a.mode == exploring {
				t.image, t.key = e.Picture, e.Key
				a.draw(t)
			}
		}
	case loop.Encoded:
		return sourceMsg{name: "the opened image", tokens: e.Tokens, image: e.Picture}.apply(a)
	case loop.Failed:
		a.stage.Playing = false
		a.fail(fmt.Errorf("%s: %w", e.Doing, e.Err))
	}
	return nil
}

func (a *app) say(text string) { a.note, a.isError = text, false }

func (a *app) fail(err error) { a.note, a.isError = err.Error(), true }

// key handles a key press by what is on screen.
func (a *app) key(msg tea.KeyPressMsg) tea.Cmd {
	if msg.String() == "ctrl+c" {
		return a.quit()
	}
	switch {
	case a.prompt.active:
		return a.prompt.key(msg)
	case a.sheet == paletteSheet:
		return a.paletteKey(msg)
	case a.sheet == fileSheet:
		return a.fileKey(msg)
	case a.sheet == helpSheet:
		a.cover(noSheet) // any key closes it
		return nil
	}
	for _, c := range a.commands {
		if c.has(msg.String()) && c.applies(a) {
			return c.do(a)
		}
	}
	return nil
}

// cover shows a sheet over the image area, or none.
func (a *app) cover(with sheet) {
	a.sheet = with
	a.screen.Cover(with != noSheet)
}

// quit quits once the terminal has nothing more to answer.
func (a *app) quit() tea.Cmd {
	return func() tea.Msg { a.screen.Quiet(); return tea.Quit() }
}
