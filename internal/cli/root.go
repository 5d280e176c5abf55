// Package cli is Sundae's command line: flags in, calls out.
//
// Each command has its own file and a constructor that takes the [app], so that tests
// can run it with their own streams and settings. [commands] lists the constructors.
//
// Results are printed to standard output, messages and progress to standard error. The
// exit code is 0 on success, 1 if the command failed, and 2 if the command line is
// wrong.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	newDevices,
	newInstall,
	newSample,
	newInpaint,
	newReconstruct,
	newModels,
	newBench,
	newTrain,
	newImport,
}

// app is what all commands share. config and reporter are set after the flags are parsed,
// before the RunE of a command is called.
type app struct {
	in       io.Reader
	out, err io.Writer
	defaults []byte // the embedded config.yaml

	configPath string // --config
	quiet      bool   // --quiet
	yes        bool   // --yes

	config   config.Config
	reporter *progress.Reporter // silent with --quiet
}

// usageError is an error in the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef returns an error that ends the program with exit code 2.
func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// flagError returns a usage error for an error in the flags. It names the flag and what
// is wrong with the value, instead of the function that parsed it.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return usageError{err}
	}
	flag := invalid.GetFlag()
	var number *strconv.NumError
	switch {
	case !errors.As(err, &number):
		return usagef("--%s: %w", flag.Name, invalid.Unwrap())
	case errors.Is(err, strconv.ErrRange):
		return usagef("--%s: %s is out of range", flag.Name, number.Num)
	case flag.Value.Type() == "bool":
		return usagef("--%s must be true or false, not %q", flag.Name, number.Num)
	case strings.HasPrefix(flag.Value.Type(), "float"):
		return usagef("--%s must be a number, not %q", flag.Name, number.Num)
	}
	return usagef("--%s must be a whole number, not %q", flag.Name, number.Num)
}

// Main runs a command line and returns the exit code. defaults is the embedded
// config.yaml. The app and progress bars need streams that are an *os.File of a
// terminal; others get plain text.
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
		Long: `Sundae samples images from step-unrolled denoising autoencoders (SUNDAE). It needs
a few steps from noise to an image, which you can watch and steer in the terminal.

Without a sub-command it opens the app with the default model.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			return a.begin(cmd)
		},
	}
	root.PersistentFlags().StringVar(&a.configPath, "config", "",
		"settings `file` (default $XDG_CONFIG_HOME/sundae/config.yaml)")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print only results and errors")
	root.PersistentFlags().BoolVarP(&a.yes, "yes", "y", false, "install what is missing without asking")
	for _, newCommand := range commands {
		root.AddCommand(newCommand(a))
	}
	openApp(a, root)
	root.Args = unknown
	root.SetIn(a.in)
	root.SetOut(a.out) // before InitDefaultCompletionCmd, which keeps it
	root.SetErr(a.err)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	everyCommand(root, func(c *cobra.Command) {
		c.SuggestionsMinimumDistance = 2 // edits, so that two swapped letters are understood
		c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
		switch {
		case c.Name() == "help":
			c.Args = cobra.ArbitraryArgs // names of commands
		case !c.Runnable():
			group(c)
		}
		c.Args = asUsage(c.Args)
	})
	return root
}

// group makes a command that has only sub-commands print its help without arguments,
// and return a usage error for an unknown sub-command, for which cobra would print the
// help and succeed.
func group(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return unknown(c, args)
	}
}

// unknown returns an error if there is an argument, which is not a known command.
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

// begin reads the settings after the flags are parsed and before the command runs. The
// completion commands do without, so that they work if the settings have errors.
func (a *app) begin(cmd *cobra.Command) error {
	// cobra checks these after this function, and its errors would not be usage errors.
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
		return usageError{err}
	}
	a.reporter = progress.New(a.err, a.quiet)
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

// asUsage returns a check whose errors are usage errors. Without a check a command takes
// no arguments.
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

// noArguments returns an error if there is an argument.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, only flags, not %q", c.CommandPath(), args[0])
}

func everyCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		everyCommand(sub, f)
	}
}
