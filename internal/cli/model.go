package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sundae/assets"
	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
	"sundae/sampler"
)

// modelFlags say which model runs where.
type modelFlags struct {
	model, device string
	threads       int
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.model, "model", "", "bundle `folder`, or a name in the settings' model folders")
	cmd.Flags().StringVar(&f.device, "device", "", ort.DeviceList())
	cmd.Flags().IntVar(&f.threads, "threads", 0, "CPU threads (0: all cores)")
}

// open opens the bundle and loads ONNX Runtime.
func (f *modelFlags) open(a *app, cmd *cobra.Command) (*bundle.Bundle, *ort.Runtime, ort.Options, error) {
	b, err := f.bundle(a)
	if err != nil {
		return nil, nil, ort.Options{}, err
	}
	rt, o, err := f.runtime(cmd.Context(), a)
	return b, rt, o, err
}

// bundle opens the bundle that the flags or the settings name.
func (f *modelFlags) bundle(a *app) (*bundle.Bundle, error) {
	name := f.model
	if name == "" {
		name = a.config.Model
	}
	return a.bundle(name)
}

// bundle opens the bundle called name, or in the folder of that name.
func (a *app) bundle(name string) (*bundle.Bundle, error) {
	p, err := findBundle(name, a.config.Models)
	if err != nil {
		return nil, err
	}
	defer a.talk.Wait("reading the model")()
	return p.open()
}

// runtime loads ONNX Runtime, and returns the options that the flags and settings
// give for models.
func (f *modelFlags) runtime(ctx context.Context, a *app) (*ort.Runtime, ort.Options, error) {
	o := ort.Options{Device: a.config.Device, Threads: a.config.Threads}
	if f.device != "" {
		o.Device = f.device
	}
	switch {
	case f.threads < 0 || f.threads > config.MaxThreads:
		return nil, o, fmt.Errorf("--threads must be 0 to %d, not %d", config.MaxThreads, f.threads)
	case f.threads > 0:
		o.Threads = f.threads
	}
	rt, err := a.runtime(ctx)
	return rt, o, err
}

// runtime finds or installs the ONNX Runtime library, and loads it.
func (a *app) runtime(ctx context.Context) (*ort.Runtime, error) {
	lib, err := install.Ensure(ctx, a.config.ONNXRuntime, a.talk)
	if err != nil {
		return nil, err
	}
	return ort.Load(lib)
}

// An opened model is a bundle whose two halves are ready to run.
type opened struct {
	bundle.Manifest
	prior    *sampler.Prior
	pictures *decoder.Decoder
}

// load puts the bundle's prior and decoder on the device.
func (f *modelFlags) load(ctx context.Context, a *app, b *bundle.Bundle) (*opened, error) {
	rt, o, err := f.runtime(ctx, a)
	if err != nil {
		return nil, err
	}
	open := rt.Opener(o)
	defer a.talk.Wait("opening the model")()
	m := &opened{Manifest: b.Manifest}
	if m.prior, err = sampler.Open(b, open); err != nil {
		return nil, err
	}
	if m.pictures, err = decoder.Open(b, open); err != nil {
		m.prior.Close()
		return nil, err
	}
	return m, nil
}

func (m *opened) Close() {
	m.pictures.Close()
	m.prior.Close()
}

// A place is where a bundle lies.
type place struct {
	where string // its folder
	files fs.FS
}

func (p place) open() (*bundle.Bundle, error) {
	b, err := bundle.Open(p.files)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.where, err)
	}
	return b, nil
}

// manifest reads model.yaml alone, which takes no time.
func (p place) manifest() (bundle.Manifest, error) {
	text, err := fs.ReadFile(p.files, bundle.ManifestFile)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("%s: %w", p.where, err)
	}
	m, err := bundle.Parse(text)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("%s: %w", p.where, err)
	}
	return m, nil
}

// findBundle looks for a bundle: a folder, a name in one of the folders, or a
// built-in one.
func findBundle(name string, folders []string) (place, error) {
	tried := []string{name}
	if !strings.ContainsRune(name, filepath.Separator) {
		for _, folder := range folders {
			tried = append(tried, filepath.Join(folder, name))
		}
	}
	for _, dir := range tried {
		_, err := os.Stat(filepath.Join(dir, bundle.ManifestFile))
		switch {
		case err == nil:
			return place{dir, os.DirFS(dir)}, nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return place{}, fmt.Errorf("look for model %s: %w", name, err)
		}
	}
	if p, ok := builtIn(name); ok {
		return p, nil
	}
	return place{}, fmt.Errorf("no model %s: there is no %s in %s; train one (`sundae train all`) and name its folder with --model", name, bundle.ManifestFile, strings.Join(tried, ", "))
}

// builtIn is the place of a model that the program carries.
func builtIn(name string) (place, bool) {
	files, ok := assets.Model(name)
	return place{"built in", files}, ok
}
