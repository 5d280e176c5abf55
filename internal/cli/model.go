package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"sundae/assets"
	"sundae/decoder"
	"sundae/internal/benchmark"
	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/internal/inference"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
	"sundae/sampler"
)

// modelFlags say which model runs on which device.
type modelFlags struct {
	model, device, precision string
	threads                  int
}

func (f *modelFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.model, "model", "", "model to open: the `folder` or the name of a bundle (default from the settings)")
	cmd.Flags().StringVar(&f.device, "device", "", "`device` for models: "+ort.DeviceList()+" (default from the settings)")
	cmd.Flags().StringVar(&f.precision, "precision", "", "`precision` of matrix products and convolutions: "+strings.Join(config.Precisions, ", ")+" (default from the settings)")
	cmd.Flags().IntVar(&f.threads, "threads", 0, "CPU threads; 0: all cores (default from the settings)")
}

// name is the model that the flags or the settings name.
func (f *modelFlags) name(a *app) string { return cmp.Or(f.model, a.config.Model) }

// bundle opens the bundle that the flags or the settings name.
func (f *modelFlags) bundle(ctx context.Context, a *app) (*bundle.Bundle, error) {
	return a.bundle(ctx, f.name(a))
}

// bundleWithPrior is bundle for a command that samples. [app.open] verifies it.
func (f *modelFlags) bundleWithPrior(a *app) (*bundle.Bundle, error) {
	l, err := a.search().Find(f.name(a))
	if err != nil {
		return nil, err
	}
	b, err := l.OpenUnverified()
	if err != nil {
		return nil, err
	}
	return b, b.Manifest.NeedPrior()
}

// search returns where models are looked for.
func (a *app) search() bundle.Search {
	return bundle.Search{Folders: a.config.Models, BuiltIn: assets.Models}
}

// bundle opens the bundle called name, or in the folder of that name.
func (a *app) bundle(ctx context.Context, name string) (*bundle.Bundle, error) {
	l, err := a.search().Find(name)
	if err != nil {
		return nil, err
	}
	b, err := l.Open(ctx, a.reporter)
	if ctx.Err() != nil {
		return nil, errOpening
	}
	return b, err
}

// errOpening says that Ctrl-C came while a model was being opened.
var errOpening = errors.New("interrupted while the model was being opened")

// runtime loads ONNX Runtime, and returns the options that the flags and settings give
// for a model. Where they leave the device open, it is the fastest for this model.
func (f *modelFlags) runtime(ctx context.Context, a *app, b *bundle.Bundle) (*ort.Runtime, ort.Options, error) {
	o := ort.Options{Device: a.config.Device, Threads: a.config.Threads, Precision: a.config.Precision}
	if f.device != "" {
		o.Device = f.device
	}
	if f.precision != "" {
		o.Precision = f.precision
	}
	switch {
	case f.threads < 0 || f.threads > config.MaxThreads:
		return nil, o, fmt.Errorf("--threads must be 0 to %d, not %d", config.MaxThreads, f.threads)
	case f.threads > 0:
		o.Threads = f.threads
	}
	if err := a.offerCUDA(ctx, o.Device); err != nil {
		return nil, o, err
	}
	rt, err := a.runtime(ctx)
	if err == nil && o.Device == ort.Auto {
		o.Device, _, err = benchmark.Fastest(ctx, b, rt, o, benchmark.TimingCache(), a.reporter)
	}
	return rt, o, err
}

// runtime finds or installs the ONNX Runtime library, and loads it.
func (a *app) runtime(ctx context.Context) (*ort.Runtime, error) {
	lib, err := install.Ensure(ctx, a.config.ONNXRuntime, a.reporter)
	if err != nil {
		return nil, err
	}
	return ort.Load(lib)
}

// opened is a bundle with its networks loaded.
type opened struct {
	bundle.Manifest
	prior    *sampler.Prior
	pictures *decoder.Decoder
}

// load loads the prior and the decoder of a bundle.
func (f *modelFlags) load(ctx context.Context, a *app, b *bundle.Bundle) (*opened, error) {
	rt, o, err := f.runtime(ctx, a, b)
	if err != nil {
		return nil, err
	}
	return a.open(ctx, b, rt.Opener(o))
}

// open opens prior and decoder and verifies the bundle, side by side: of a large one each
// takes a core for seconds.
func (a *app) open(ctx context.Context, b *bundle.Bundle, open inference.Opener) (*opened, error) {
	m := &opened{Manifest: b.Manifest}
	var work sync.WaitGroup
	var priorErr, decoderErr, bundleErr error
	shown := func() {}
	work.Go(func() { m.pictures, decoderErr = decoder.Open(b, open) })
	work.Go(func() {
		bundleErr = b.Verify(ctx, a.reporter)
		shown = a.reporter.Wait("opening the model")
	})
	m.prior, priorErr = sampler.Open(b, open)
	work.Wait()
	shown()
	if ctx.Err() != nil {
		bundleErr = errOpening
	}
	if err := cmp.Or(bundleErr, priorErr, decoderErr); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Close frees the networks that are open.
func (m *opened) Close() {
	if m.pictures != nil {
		m.pictures.Close()
	}
	if m.prior != nil {
		m.prior.Close()
	}
}
