package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"sundae/internal/config"
	"sundae/internal/onnx"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say what Sundae found on this machine, and what is missing",
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
			lib, err := onnx.Ensure(cmd.Context(), a.config.ONNXRuntime, a.talk)
			if err != nil {
				return err
			}
			if err := onnx.Start(lib); err != nil {
				return err
			}
			line("ONNX Runtime", "%s, %s (%s)", onnx.Loaded(), lib.Path, lib.Source)
			for _, device := range onnx.Devices() {
				if device.OK {
					line("device", "%-8s runs", device.Name)
				} else {
					line("device", "%-8s not here: %s", device.Name, device.Why)
				}
			}
			line("training", "backend %s", a.config.Train.Backend)
			return nil
		},
	}
}
