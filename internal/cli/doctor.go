package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"sundae/internal/benchmark"
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
			for _, d := range rt.Devices() {
				line("device", "%-8s %s", d.Device, deviceStatus(d))
			}
			for _, r := range ort.CUDARequirements() {
				if r.Path != "" {
					line("CUDA", "%-18s %s", r.Name, r.Path)
				} else {
					line("CUDA", "%-18s missing: %s", r.Name, r.Install)
				}
			}
			line("terminal", "%s", terminal())
			line("model", "%s", model(cmd.Context(), a))
			for _, t := range timings(cmd.Context(), a, rt) {
				line("speed", "%s", t)
			}
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
func model(ctx context.Context, a *app) string {
	l, err := a.search().Find(a.config.Model)
	if err != nil {
		return err.Error()
	}
	b, err := l.Open(ctx, a.reporter)
	if err != nil {
		return err.Error()
	}
	m := b.Manifest
	text := fmt.Sprintf("%s (%s): %d×%d pixels, %d×%d tokens, vocabulary %d",
		m.Name, l.Path, m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Vocabulary)
	if !m.HasPrior() {
		return text + ", no prior"
	}
	return fmt.Sprintf("%s, %d classes", text, len(m.Classes))
}

// timings describes how fast the model that the settings name runs on each device,
// where there is a choice.
func timings(ctx context.Context, a *app, rt *ort.Runtime) []string {
	b, err := a.bundle(ctx, a.config.Model)
	if err != nil {
		return nil // reported with the model
	}
	_, timings, err := benchmark.Fastest(ctx, b, rt, ort.Options{Threads: a.config.Threads, Precision: a.config.Precision}, benchmark.TimingCache(), a.reporter)
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, t := range timings {
		text := fmt.Sprintf("%-8s a step %.1f ms, a decode %.1f ms", t.Device, t.Step, t.Decode)
		switch {
		case t.Fault != "":
			text = fmt.Sprintf("%-8s not used: %s", t.Device, t.Fault)
		case !b.Manifest.HasPrior():
			text = fmt.Sprintf("%-8s a decode %.1f ms", t.Device, t.Decode)
		}
		lines = append(lines, text)
	}
	return lines
}
