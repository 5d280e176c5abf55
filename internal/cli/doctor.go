package cli

import (
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"sundae/internal/config"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
	"sundae/tui/graphics"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Show what Sundae found on this machine, and what is missing",
		Example: "  sundae doctor",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := config.Path()
			if err != nil {
				return err
			}
			line := func(name, format string, args ...any) {
				fmt.Fprintf(a.out, "%-14s %s\n", name, fmt.Sprintf(format, args...))
			}
			line("machine", "%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
			line("settings", "%s", path)
			lib, err := install.Ensure(cmd.Context(), a.config.ONNXRuntime, a.reporter)
			if err != nil {
				return err
			}
			rt, err := ort.Load(lib)
			if err != nil {
				return err
			}
			line("ONNX Runtime", "%s, %s (%s)", rt.Version(), lib.Path, lib.Source)
			for _, device := range rt.Devices() {
				if device.OK {
					line("device", "%-8s works", device.Name)
				} else {
					line("device", "%-8s unavailable: %s", device.Name, device.Reason)
				}
			}
			line("terminal", "%s", terminal())
			line("model", "%s", model(a))
			line("training", "backend %s", a.config.Train.Backend)
			return nil
		},
	}
}

// terminal describes the terminal.
func terminal() string {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "none"
	}
	defer tty.Close()
	answers, err := graphics.Probe(tty)
	if err != nil {
		return err.Error()
	}
	return graphics.Choose(answers, "", os.Environ(), tty).String()
}

// model describes the model that the settings name.
func model(a *app) string {
	l, err := a.search().Find(a.config.Model)
	if err != nil {
		return err.Error()
	}
	b, err := l.Open()
	if err != nil {
		return err.Error()
	}
	m := b.Manifest
	return fmt.Sprintf("%s (%s): %d×%d pixels, %d×%d tokens, vocabulary %d, %d classes",
		m.Name, l.Path, m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Vocabulary, len(m.Classes))
}
