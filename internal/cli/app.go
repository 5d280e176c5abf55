package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sundae/decoder"
	"sundae/internal/config"
	"sundae/sampler"
	"sundae/tui"
	"sundae/tui/graphics"
)

// openApp makes the root command open the app.
func openApp(a *app, root *cobra.Command) {
	var m modelFlags
	var f samplingFlags
	var n int
	var protocol, out string
	var rate config.Rate
	root.Example = `  sundae
  sundae --model runs/tiny/bundle --class ocean --steps 24
  sundae --graphics sixel --max-rate 500k     # over a slow line`
	root.RunE = func(cmd *cobra.Command, args []string) error {
		in, stdout, err := screenOf(a)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("graphics") {
			protocol = a.config.Graphics.Protocol
		}
		if !cmd.Flags().Changed("max-rate") {
			rate = a.config.Graphics.MaxRate
		}
		if !cmd.Flags().Changed("n") {
			n = a.config.Sampling.N
		}
		chosen, err := graphics.ParseProtocol(protocol)
		if err != nil {
			return usageError{err}
		}
		b, rt, options, err := m.open(a, cmd)
		if err != nil {
			return err
		}
		settings, err := f.settings(a, b.Manifest)
		if err != nil {
			return err
		}
		open := rt.Opener(options)
		prior, err := sampler.Open(b, open)
		if err != nil {
			return err
		}
		defer prior.Close()
		pictures, err := decoder.Open(b, open)
		if err != nil {
			return err
		}
		defer pictures.Close()
		terminal, err := askTerminal(chosen)
		if err != nil {
			return err
		}
		return tui.Run(cmd.Context(), in, stdout, tui.Options{
			Model: b.Manifest, Prior: prior, Pictures: pictures, Settings: settings, Samples: n,
			Terminal: terminal, MaxRate: int64(rate), Scale: a.config.Graphics.Scale, Mask: a.config.Mask,
			Presets: a.config.Presets, SavePreset: a.savePreset, Folder: out,
		})
	}
	m.add(root)
	f.add(root)
	root.Flags().IntVar(&n, "n", 4, "pictures at once")
	root.Flags().StringVar(&protocol, "graphics", "", "auto, kitty, kitty-direct, iterm2, sixel or blocks")
	root.Flags().Var(&rate, "max-rate", "most bytes a second for pictures, such as 500k or 2M (0: measured)")
	root.Flags().StringVar(&out, "out", ".", "`folder` that pictures are saved in")
}

// screenOf is the terminal that the app runs in.
func screenOf(a *app) (in, out *os.File, err error) {
	in, isIn := a.in.(*os.File)
	out, isOut := a.out.(*os.File)
	if !isIn || !isOut || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, nil, errors.New("the app needs a terminal on standard input and output; to make pictures without one: sundae sample --out DIR")
	}
	return in, out, nil
}

// savePreset adds a preset to the settings file in use.
func (a *app) savePreset(name string, p config.Sampling) (string, error) {
	path := a.configPath
	if path == "" {
		var err error
		if path, err = config.Path(); err != nil {
			return "", err
		}
	}
	return path, config.SavePreset(path, name, p)
}

// askTerminal finds out what the terminal can show; protocol overrides its choice.
func askTerminal(protocol graphics.Protocol) (graphics.Terminal, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return graphics.Terminal{}, fmt.Errorf("ask the terminal: %w", err)
	}
	defer tty.Close()
	answers, err := graphics.Probe(tty)
	if err != nil {
		return graphics.Terminal{}, err
	}
	return graphics.Choose(answers, protocol, os.Environ(), tty), nil
}
