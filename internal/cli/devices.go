package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"sundae/internal/ort"
)

func newDevices(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices that models can run on",
		Long: `List the devices that models can run on: for each its card, the card's memory and
driver, or why it cannot be used. --device takes their names.`,
		Example: `  sundae devices
  sundae devices --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			rt, err := a.runtime(cmd.Context())
			if err != nil {
				return err
			}
			devices := rt.Devices()
			if asJSON {
				e := json.NewEncoder(a.out)
				e.SetIndent("", "  ")
				return e.Encode(devices)
			}
			for _, d := range devices {
				fmt.Fprintf(a.out, "%-8s %s\n", d.Device, deviceStatus(d))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of a table")
	return cmd
}

// deviceStatus describes a device in one line.
func deviceStatus(d ort.Device) string {
	status := "works"
	if !d.OK {
		status = "unavailable: " + d.Reason
	}
	if d.Card != nil {
		status += " (" + d.Card.String() + ")"
	}
	return status
}
