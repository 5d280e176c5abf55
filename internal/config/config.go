// Package config holds Sundae's settings.
//
// The defaults are in config.yaml at the root of the repository, which is embedded in
// the program and also explains every setting. [Load] applies the user's own file to
// them. Reading is strict: unknown keys and invalid values are errors with file, line
// and key, so that no setting is silently ignored.
//
// [SavePreset] adds a preset to the user's file and keeps the rest of it, comments
// included.
package config

import "sundae/sampler/schedule"

// Config holds all settings. The comments in config.yaml explain them.
type Config struct {
	Device      string              `yaml:"device"`
	Threads     int                 `yaml:"threads"`
	Precision   string              `yaml:"precision"`
	ONNXRuntime string              `yaml:"onnxruntime"`
	Model       string              `yaml:"model"`
	Models      []string            `yaml:"models"`
	Sampling    Sampling            `yaml:"sampling"`
	Mask        Mask                `yaml:"mask"`
	Pictures    Pictures            `yaml:"pictures"`
	Graphics    Graphics            `yaml:"graphics"`
	Train       Train               `yaml:"train"`
	Presets     map[string]Sampling `yaml:"presets"`
}

// Sampling is how images are sampled: all of the section sampling, or the part of it
// that a preset holds. What it leaves out is nil, or 0, and stays as it is.
type Sampling struct {
	schedule.Patch `yaml:",inline"`
	N              int `yaml:"n,omitempty"` // samples at once
}

// Mask says how masks are read and images composed after inpainting.
type Mask struct {
	Rule      string  `yaml:"rule"` // any or all
	Composite bool    `yaml:"composite"`
	Feather   float64 `yaml:"feather"` // pixels
}

// Pictures says how images are read and animations written.
type Pictures struct {
	Fit       string `yaml:"fit"`       // crop or letterbox
	Animation string `yaml:"animation"` // gif or apng
}

// Graphics says how images are shown in the terminal.
type Graphics struct {
	Protocol string  `yaml:"protocol"`
	MaxRate  Rate    `yaml:"max_rate"`
	Scale    float64 `yaml:"scale"` // (0, 1]
}

// Train holds the settings of training that are not part of a recipe.
type Train struct {
	Backend string `yaml:"backend"`
}

// Rate is a number of bytes per second, written as a number or with k (10^3) or M
// (10^6). 0 means that none is set.
type Rate int64
