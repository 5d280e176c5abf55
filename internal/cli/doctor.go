package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"sundae/internal/config"
)

func newDoctor(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what Sundae found on this machine, and what is missing",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := config.Path()
			if err != nil {
				return err
			}
			fmt.Fprintln(a.out, "settings", path)
			return nil
		},
	}
}
