// Package cli is Sundae's command line: flags in, calls out.
//
// One file holds one command. Each command is made by a constructor that takes
// the [app], so that a test can run it with its own streams and settings, and
// is listed once, in [commands].
//
// Results go to standard output, talk to standard error. Exit codes: 0 it
// worked; 1 it didn't, the input or the machine being at fault; 2 the command
// line itself was wrong.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sundae/internal/config"
	"sundae/internal/ort"
	"sundae/internal/progress"
)

// Exit codes of the program.
const (
	exitOK    = 0
	exitBad   = 1
	exitUsage = 2
)

// commands lists the sub-commands in the order in which --help shows them.
var commands = []func(*app) *cobra.Command{
	newDoctor,
	newSample,
	newInpaint,
	newReconstruct,
	newModels,
	newBench,
	newTrain,
}

// An app is what every command works with. config and talk are set once the
// flags are read, before a command's RunE is called.
type app struct {
	in       io.Reader
	out, err io.Writer
	defaults []byte // the embedded config.yaml

	configPath string // --config
	quiet      bool   // --quiet

	config config.Config
	talk   *progress.Talk // nil with --quiet: says nothing
}

// usageError marks a fault in the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef makes an error that ends the program with code 2.
func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// Main runs one command line and returns the exit code. defaults is the
// embedded config.yaml. Streams that are *os.File terminals get colours, bars
// and the app; others get plain text.
func Main(ctx context.Context, args []string, in io.Reader, out, errw io.Writer, defaults []byte) int {
	a := &app{in: in, out: out, err: errw, defaults: defaults}
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintf(errw, "sundae: %v\n", err)
		return exitBad
	}
	fmt.Fprintf(errw, "sundae: %v\n", err)
	if errors.As(err, &usageError{}) {
		fmt.Fprintf(errw, "See %s --help.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitBad
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sundae",
		Short: "Explore and train SUNDAE image models from a terminal",
		Long: `Sundae makes pictures with step-unrolled denoising autoencoders: a few steps
from noise to a picture, watched and steered in the terminal.

Without a sub-command it opens the app on the default model.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return a.begin(cmd)
		},
	}
	root.PersistentFlags().StringVar(&a.configPath, "config", "",
		"settings `file` (default $XDG_CONFIG_HOME/sundae/config.yaml)")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print results and errors only")
	for _, make := range commands {
		root.AddCommand(make(a))
	}
	openApp(a, root)
	root.Args = unknown
	root.SetIn(a.in)
	root.SetOut(a.out) // before the next lines: cobra's completion commands remember it
	root.SetErr(a.err)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	everyCommand(root, func(c *cobra.Command) {
		c.SuggestionsMinimumDistance = 2 // letters, so that two swapped ones are understood
		c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
		switch {
		case c.Name() == "help":
			c.Args = cobra.ArbitraryArgs // the commands it is asked about
		case !c.Runnable():
			group(c)
		}
		c.Args = asUsage(c.Args)
	})
	return root
}

// group makes a command that only holds others show its help, and call a word
// that is none of them a usage error: cobra would show the help and succeed.
func group(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return unknown(c, args)
	}
}

// unknown says that the first argument, if there is one, is no command.
func unknown(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := usagef("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err = usagef("%w (did you mean %s?)", err, strings.Join(near, " or "))
	}
	return err
}

// begin reads the settings, once the flags are known and before the command
// runs. Completion scripts must come out even where the settings are broken.
func (a *app) begin(cmd *cobra.Command) error {
	// cobra would check these two after this function, and its errors wouldn't
	// say that they are the command line's fault.
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
		return usageError{err}
	}
	a.talk = progress.New(a.err, a.quiet)
	if strings.HasPrefix(cmd.CommandPath(), "sundae completion") || strings.HasPrefix(cmd.Name(), "__complete") {
		return nil
	}
	c, err := config.Load(a.defaults, a.configPath, ort.DeviceNames())
	if err != nil {
		return err
	}
	a.config = c
	return nil
}

// asUsage makes every complaint about arguments a usage error. A command that
// says nothing of its arguments takes none.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	if check == nil {
		check = noArguments
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}

// noArguments says that there is an argument too many.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes flags alone, not %q", c.CommandPath(), args[0])
}

func everyCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		everyCommand(sub, f)
	}
}
