package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/onnx"
	"sundae/sampler"
)

// modelFlags say which model runs where.
type modelFlags struct {
	model, device string
	threads       int
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.model, "model", "", "bundle `folder`, or a name in the settings' model folders")
	cmd.Flags().StringVar(&f.device, "device", "", "auto, cuda, tensorrt, webgpu, coreml or cpu")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "CPU threads (0: all cores)")
}

// open finds the library and the bundle.
func (f *modelFlags) open(a *app, cmd *cobra.Command) (*bundle.Bundle, onnx.Options, error) {
	o := onnx.Options{Device: a.config.Device, Threads: a.config.Threads}
	if f.device != "" {
		o.Device = f.device
	}
	if f.threads > 0 {
		o.Threads = f.threads
	}
	name := f.model
	if name == "" {
		name = a.config.Model
	}
	dir, err := findBundle(name, a.config.Models)
	if err != nil {
		return nil, o, err
	}
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		return nil, o, err
	}
	library, err := onnx.Ensure(cmd.Context(), a.config.ONNXRuntime, a.talk)
	if err != nil {
		return nil, o, err
	}
	return b, o, onnx.Start(library)
}

// findBundle looks for a bundle: a folder, or a name in one of the folders.
func findBundle(name string, folders []string) (string, error) {
	tried := []string{name}
	if !strings.ContainsRune(name, filepath.Separator) {
		for _, folder := range folders {
			tried = append(tried, filepath.Join(expandHome(folder), name))
		}
	}
	for _, dir := range tried {
		if _, err := os.Stat(filepath.Join(dir, bundle.ManifestFile)); err == nil {
			return dir, nil
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrInvalid) {
			return "", fmt.Errorf("look for model %s: %w", name, err)
		}
	}
	return "", fmt.Errorf("no model %s: there is no %s in %s; train one (`sundae train all`) and name its folder with --model", name, bundle.ManifestFile, strings.Join(tried, ", "))
}

// expandHome puts the user's home folder in the place of a leading ~.
func expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// samplingFlags are the settings of a run; what is not given comes from the
// settings file, and what that leaves open from the model.
type samplingFlags struct {
	steps, minSteps         int
	temperature, proportion string
	class, freeze           string
	seed                    uint64
}

func (f *samplingFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.steps, "steps", 0, "denoising steps (0: as the model recommends)")
	cmd.Flags().StringVar(&f.temperature, "temperature", "", "`schedule` start:end:curve, curve constant, linear, cosine or exponential; or keyframes 0:1.0,0.5:0.9,1:0.6")
	cmd.Flags().StringVar(&f.proportion, "proportion", "", "`schedule` of the share of tokens updated at a step")
	cmd.Flags().IntVar(&f.minSteps, "min-steps", 0, "no sample is frozen before this step (0: as the model recommends)")
	cmd.Flags().StringVar(&f.freeze, "freeze", "", "freeze samples that no longer change: on or off")
	cmd.Flags().StringVar(&f.class, "class", "", "class by `name` (default any)")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "seed of every draw")
}

// settings lays flags over the settings file over the model's recommendation.
func (f *samplingFlags) settings(a *app, cmd *cobra.Command, m bundle.Manifest) (sampler.Settings, error) {
	s, err := sampler.Recommended(m)
	if err != nil {
		return s, err
	}
	c := a.config.Sampling
	for _, text := range []struct {
		flag, config string
		to           *sampler.Schedule
		name         string
	}{{f.temperature, c.Temperature, &s.Temperature, "temperature"}, {f.proportion, c.Proportion, &s.Proportion, "proportion"}} {
		given := text.flag
		if given == "" {
			given = text.config
		}
		if given == "model" || given == "" {
			continue
		}
		if *text.to, err = sampler.ParseSchedule(given); err != nil {
			return s, fmt.Errorf("%s: %w", text.name, err)
		}
	}
	s.Seed = c.Seed
	if cmd.Flags().Changed("seed") {
		s.Seed = f.seed
	}
	number := func(to *int, flag string, given, config int) {
		if cmd.Flags().Changed(flag) {
			*to = given
		} else if config > 0 {
			*to = config
		}
	}
	number(&s.Steps, "steps", f.steps, c.Steps)
	number(&s.MinSteps, "min-steps", f.minSteps, c.MinSteps)
	freeze := f.freeze
	if freeze == "" {
		freeze = c.Freeze
	}
	switch freeze {
	case "on":
		s.Freeze = true
	case "off":
		s.Freeze = false
	case "model", "":
	default:
		return s, fmt.Errorf("--freeze is on or off, not %q", freeze)
	}
	class := f.class
	if class == "" {
		class = c.Class
	}
	if class != "" {
		if s.Class, err = classByName(class, m.Classes); err != nil {
			return s, err
		}
	}
	return s, s.Validate(len(m.Classes))
}

func classByName(name string, classes []string) (int, error) {
	for i, class := range classes {
		if class == name {
			return i, nil
		}
	}
	if len(classes) == 0 {
		return 0, fmt.Errorf("no class %q: the model has none", name)
	}
	return 0, fmt.Errorf("no class %q: there are %s", name, strings.Join(classes, ", "))
}
