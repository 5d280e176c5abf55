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

// Path is the user's own file: $XDG_CONFIG_HOME/sundae/config.yaml, or
// ~/.config/sundae/config.yaml where that isn't set. It need not exist.
func Path() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) { // the XDG specification ignores relative ones
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding your settings: %w (set XDG_CONFIG_HOME, or name a file with --config)", err)
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "sundae", "config.yaml"), nil
}

// Load reads the defaults and lays the user's file over them. An empty path
// means [Path], which need not exist; a path that was named must. A leading ~ in
// a path among the settings becomes the home folder. devices are the valid values
// of the device setting; nil accepts any.
func Load(defaults []byte, path string, devices []string) (Config, error) {
	var c Config
	if err := lay(&c, defaults, "the built-in config.yaml", devices); err != nil {
		return Config{}, err
	}
	named := path != ""
	if !named {
		p, err := Path()
		if err != nil {
			return c.withHome(), nil // no home folder, no file in it
		}
		path = p
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return c.withHome(), nil
	case err != nil:
		return Config{}, fmt.Errorf("reading the settings: %w", err)
	}
	if err := lay(&c, text, path, devices); err != nil {
		return Config{}, err
	}
	return c.withHome(), nil
}

// lay reads text and sets in c what it mentions.
func lay(c *Config, text []byte, name string, devices []string) error {
	root, err := parse(text, name)
	if err != nil || root == nil {
		return err
	}
	r := reader{name: name, devices: devices}
	return r.read(root, "", c)
}

// parse returns the document's top node, nil for a file without any.
func parse(text []byte, name string) (*yaml.Node, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s: isn't UTF-8 text", name)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		// yaml.v3 says "yaml: line 3: what"; the rest of our errors say "file:3: what".
		what := strings.TrimPrefix(err.Error(), "yaml: ")
		var line int
		if n, _ := fmt.Sscanf(what, "line %d:", &line); n == 1 {
			return nil, fmt.Errorf("%s:%d:%s", name, line, what[strings.Index(what, ":")+1:])
		}
		return nil, fmt.Errorf("%s: %s", name, what)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// withHome puts the home folder where a path begins with ~.
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
