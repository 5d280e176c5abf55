package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Path returns the path of the user's own file: $XDG_CONFIG_HOME/sundae/config.yaml, or
// ~/.config/sundae/config.yaml if that variable is not set. The file need not exist.
func Path() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // relative paths are ignored, says the XDG specification
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the settings: %w (set XDG_CONFIG_HOME, or name a file with --config)", err)
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "sundae", "config.yaml"), nil
}

// Load reads the defaults and applies the user's file to them. If path is empty the file
// is [Path], which need not exist; else it must exist. A leading ~ in paths becomes the
// home folder. devices are the valid values of the setting device; nil accepts any.
func Load(defaults []byte, path string, devices []string) (Config, error) {
	var c Config
	if err := merge(&c, defaults, "the built-in config.yaml", devices); err != nil {
		return Config{}, err
	}
	named := path != ""
	if !named {
		p, err := Path()
		if err != nil {
			return c.withHome(), nil // without a home folder there is no file
		}
		path = p
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return c.withHome(), nil
	case err != nil:
		return Config{}, fmt.Errorf("read the settings: %w", err)
	}
	if err := merge(&c, text, path, devices); err != nil {
		return Config{}, err
	}
	return c.withHome(), nil
}

// merge sets in c the settings in text.
func merge(c *Config, text []byte, name string, devices []string) error {
	root, err := parse(text, name)
	if err != nil || root == nil {
		return err
	}
	r := reader{name: name, devices: devices}
	return r.read(root, "", c)
}

// parse returns the top node of the YAML document, nil for an empty file.
func parse(text []byte, name string) (*yaml.Node, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: is not UTF-8 text", name)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		// The errors of yaml.v3 are "yaml: line 3: message", the others "file:3: message".
		message := strings.TrimPrefix(err.Error(), "yaml: ")
		var line int
		if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
			return nil, fmt.Errorf("%s:%d:%s", name, line, message[strings.Index(message, ":")+1:])
		}
		return nil, fmt.Errorf("%s: %s", name, message)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// withHome replaces a leading ~ of paths with the home folder.
func (c Config) withHome() Config {
	c.ONNXRuntime = expand(c.ONNXRuntime)
	c.Model = expand(c.Model)
	models := make([]string, len(c.Models))
	for i, m := range c.Models {
		models[i] = expand(m)
	}
	c.Models = models
	return c
}

func expand(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, path[1:])
}
