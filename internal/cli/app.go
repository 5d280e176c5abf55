package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sundae/internal/config"
	"sundae/internal/ort"
	"sundae/tui"
	"sundae/tui/graphics"
)

// openApp makes root open the app.
func openApp(a *app, root *cobra.Command) {
	var m modelFlags
	var f samplingFlags
	var n int
	var protocol, out string
	var rate config.Rate
	root.Example = `  sundae
  sundae --model runs/tiny/bundle --class ocean --steps 24
  sundae --graphics sixel --max-rate 500k     # over a slow connection`
	root.RunE = func(cmd *cobra.Command, args []string) error {
		in, stdout, err := terminalFiles(a)
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
		b, err := m.bundleWithPrior(a)
		if err != nil {
			return err
		}
		settings, err := f.settings(a, b.Manifest)
		if err != nil {
			return err
		}
		model, err := m.load(cmd.Context(), a, b)
		if err != nil {
			return err
		}
		defer model.Close()
		terminal, err := askTerminal(chosen)
		if err != nil {
			return err
		}
		return tui.Run(cmd.Context(), in, stdout, tui.Options{
			Model: b.Manifest, Prior: model.prior, Pictures: model.pictures, Settings: settings, Samples: n,
			DeviceStatus: func() string { return ort.Status(model.prior.Device()) },
			Terminal:     terminal, MaxRate: int64(rate), Scale: a.config.Graphics.Scale, Mask: a.config.Mask,
			Presets: a.config.Presets, SavePreset: a.savePreset, Folder: out,
		})
	}
	m.add(root)
	f.add(root)
	root.Flags().IntVar(&n, "n", 0, "number of samples (default from the settings)")
	root.Flags().StringVar(&protocol, "graphics", "", "`protocol` for images: "+strings.Join(config.Protocols, ", ")+" (default from the settings)")
	root.Flags().Var(&rate, "max-rate", "largest bandwidth for images in bytes per second, such as 500k or 2M; 0: measured (default from the settings)")
	root.Flags().StringVar(&out, "out", ".", "`folder` for saved images")
}

// terminalFiles returns the terminal that the app runs in.
func terminalFiles(a *app) (in, out *os.File, err error) {
	in, isIn := a.in.(*os.File)
	out, isOut := a.out.(*os.File)
	if !isIn || !isOut || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return nil, nil, errors.New("the app needs a terminal on standard input and output; without one, use sundae sample --out DIR")
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

// askTerminal asks the terminal which protocols it has, and chooses one unless protocol
// names it.
func askTerminal(protocol graphics.Protocol) (graphics.Terminal, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return graphics.Terminal{}, fmt.Errorf("query the terminal: %w", err)
	}
	defer tty.Close()
	answers, err := graphics.Probe(tty)
	if err != nil {
		return graphics.Terminal{}, err
	}
	return graphics.Choose(answers, protocol, os.Environ(), tty), nil
}
