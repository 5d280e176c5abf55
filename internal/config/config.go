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

// Model is what a sampling setting says to leave the choice to the model's own
// recommendation (the numbers say 0).
const Model = "model"

// A Config is every setting. The comments in config.yaml say what each is for.
type Config struct {
	Device      string            `yaml:"device"`
	Threads     int               `yaml:"threads"`
	ONNXRuntime string            `yaml:"onnxruntime"`
	Model       string            `yaml:"model"`
	Models      []string          `yaml:"models"`
	Sampling    Sampling          `yaml:"sampling"`
	Mask        Mask              `yaml:"mask"`
	Pictures    Pictures          `yaml:"pictures"`
	Graphics    Graphics          `yaml:"graphics"`
	Train       Train             `yaml:"train"`
	Presets     map[string]Preset `yaml:"presets"`
}

// Sampling is how pictures are drawn from a model.
type Sampling struct {
	Steps       int    `yaml:"steps"`       // 0: the model's
	Temperature string `yaml:"temperature"` // a schedule, or Model
	Proportion  string `yaml:"proportion"`  // a schedule, or Model
	Corruption  string `yaml:"corruption"`  // a schedule, or Model
	MinSteps    int    `yaml:"min_steps"`   // 0: the model's
	Freeze      string `yaml:"freeze"`      // Model, on or off
	N           int    `yaml:"n"`
	Class       string `yaml:"class"` // "" is any
	Seed        uint64 `yaml:"seed"`
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

// A Preset is a part of the sampling settings, with a name of its own. What it
// leaves out is nil and stays as it is when the preset is applied.
type Preset struct {
	Steps       *int    `yaml:"steps,omitempty"`
	Temperature *string `yaml:"temperature,omitempty"`
	Proportion  *string `yaml:"proportion,omitempty"`
	Corruption  *string `yaml:"corruption,omitempty"`
	MinSteps    *int    `yaml:"min_steps,omitempty"`
	Freeze      *string `yaml:"freeze,omitempty"`
	N           *int    `yaml:"n,omitempty"`
	Class       *string `yaml:"class,omitempty"`
	Seed        *uint64 `yaml:"seed,omitempty"`
}

// PresetOf is a preset that sets everything as s has it.
func PresetOf(s Sampling) Preset {
	return Preset{
		Steps: &s.Steps, Temperature: &s.Temperature, Proportion: &s.Proportion, Corruption: &s.Corruption, MinSteps: &s.MinSteps,
		Freeze: &s.Freeze, N: &s.N, Class: &s.Class, Seed: &s.Seed,
	}
}

// Apply returns s with what the preset sets.
func (p Preset) Apply(s Sampling) Sampling {
	set(&s.Steps, p.Steps)
	set(&s.Temperature, p.Temperature)
	set(&s.Proportion, p.Proportion)
	set(&s.Corruption, p.Corruption)
	set(&s.MinSteps, p.MinSteps)
	set(&s.Freeze, p.Freeze)
	set(&s.N, p.N)
	set(&s.Class, p.Class)
	set(&s.Seed, p.Seed)
	return s
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
