// Sundae explores and trains SUNDAE image models from a terminal.
//
// Without a sub-command it opens the app, which shows images as they are sampled, step
// by step, and lets you change the settings meanwhile. The sub-commands work without
// a terminal: sample, inpaint, reconstruct, train and more (see sundae --help).
package main

import (
	"context"
	_ "embed"
	"os"
	"os/signal"
	"syscall"

	"sundae/internal/cli"
)

// defaults holds all settings with their defaults, to which the user's own file is
// applied.
//
//go:embed config.yaml
var defaults []byte

func main() {
	// The first Ctrl-C cancels ctx, so that the command stops and saves. It also restores
	// the default, so that the second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, defaults))
}
