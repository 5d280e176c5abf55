package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/ort"
)

// run runs a command line like the program, without a settings file.
func run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	defaults, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	var stdout, stderr bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr, defaults)
	return code, stdout.String(), stderr.String()
}

func TestExitCodes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(bad, []byte("# mine\ndevcie: cpu\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		out  string // part of standard output
		err  string // part of standard error
	}{
		{[]string{"--help"}, exitOK, "doctor", ""},
		{[]string{"help", "train"}, exitOK, "vqgan", ""},
		{[]string{"train"}, exitOK, "vqgan", ""},
		{[]string{"completion", "bash"}, exitOK, "complete", ""},
		{[]string{"--config", bad, "completion", "zsh"}, exitOK, "compdef", ""},
		{[]string{"__complete", "doc"}, exitOK, "doctor", ""},
		{nil, exitBad, "", "sundae sample"}, // no terminal here
		{[]string{"nothing"}, exitUsage, "", `unknown command "nothing"`},
		{[]string{"sampel"}, exitUsage, "", "did you mean sample?"},
		{[]string{"train", "scene"}, exitUsage, "", "did you mean scenes?"},
		{[]string{"doctor", "--no-such"}, exitUsage, "", "See sundae doctor --help."},
		{[]string{"doctor", "me"}, exitUsage, "", `takes no arguments, only flags, not "me"`},
		{[]string{"train", "prior"}, exitUsage, "", `"out" not set`},
		{[]string{"--config", bad, "doctor"}, exitBad, "", bad + ":2: devcie: unknown setting (did you mean device?)"},
		{[]string{"--config", bad + ".none", "doctor"}, exitBad, "", "no such file"},
		{[]string{"train", "prior", "--out", t.TempDir(), "--recipe", "nothing"}, exitBad, "", "nothing"},
	} {
		code, out, errs := run(t, c.args...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
			t.Errorf("sundae %s: code %d, want %d\nout: %s\nerr: %s", strings.Join(c.args, " "), code, c.code, out, errs)
		}
		if code != exitOK && out != "" {
			t.Errorf("sundae %s failed and printed on standard output: %s", strings.Join(c.args, " "), out)
		}
		if c.code == exitOK && errs != "" && c.args[0] != "__complete" {
			t.Errorf("sundae %s said: %s", strings.Join(c.args, " "), errs)
		}
	}
}

// config.yaml names all devices, like the help of --device.
func TestConfigNamesDevices(t *testing.T) {
	defaults, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(defaults), ort.DeviceList()) {
		t.Errorf("config.yaml does not list %s", ort.DeviceList())
	}
}

// Every command has a help text and an example.
func TestHelp(t *testing.T) {
	root := newRoot(&app{})
	for _, c := range root.Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if c.Short == "" {
			t.Errorf("%s has no short help", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	}
}
