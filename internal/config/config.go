// Package config holds Sundae's settings.
//
// The defaults are a YAML file that the program carries (config.yaml at the
// repository's root, which also says what each setting is for). [Load] lays the
// user's own file over them. Reading is strict: a key that doesn't exist and a
// value that can't be used are errors naming file, line and key, because a
// setting that is silently ignored costs an evening.
//
// [SavePreset] adds one preset to the user's file and leaves the rest of it,
// comments included, as it was.
package config

import "sundae/sampler/schedule"

// A Config is every setting. The comments in config.yaml say what each is for.
type Config struct {
	Device      string              `yaml:"device"`
	Threads     int                 `yaml:"threads"`
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

// Mask is how masks are read and pictures composed after inpainting.
type Mask struct {
	Rule      string  `yaml:"rule"` // any or all
	Composite bool    `yaml:"composite"`
	Feather   float64 `yaml:"feather"` // pixels
}

// Pictures is how pictures are read and runs written.
type Pictures struct {
	Fit       string `yaml:"fit"`       // crop or letterbox
	Animation string `yaml:"animation"` // gif or apng
}

// Graphics is how pictures are shown in the terminal.
type Graphics struct {
	Protocol string  `yaml:"protocol"`
	MaxRate  Rate    `yaml:"max_rate"`
	Scale    float64 `yaml:"scale"` // (0, 1]
}

// Train is what training commands take from the settings; the rest is in the
// recipes.
type Train struct {
	Backend string `yaml:"backend"`
}

// A Rate is a number of bytes a second, written plain or with k or M behind it
// (thousands and millions). 0 means that nobody set one.
type Rate int64
