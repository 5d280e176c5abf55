// Sundae explores and trains SUNDAE image models from a terminal.
//
// Run without a sub-command it opens the app: a picture forms step by step as
// real pixels, and everything that shapes it can be changed while it forms.
// The sub-commands do the same work headless: sample, inpaint, reconstruct,
// train and more (see sundae --help).
package main

import (
	"context"
	_ "embed"
	"os"
	"os/signal"
	"syscall"

	"sundae/internal/cli"
)

// defaults is every setting with its default. The user's own file, if there is
// one, is laid over it.
//
//go:embed config.yaml
var defaults []byte

func main() {
	// The first Ctrl-C asks the work under way to stop and save. It also puts the
	// signals back to normal, so that a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, defaults))
}
