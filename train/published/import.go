// Package published makes model bundles of published checkpoints: a VQ-GAN of
// taming-transformers (Esser et al., 2012.09841) or latent-diffusion, and a prior of the
// author's code (McKinney & Willcocks, 2206.12351).
//
// A prior may have no VQ-GAN: then its tokens are grey levels.
//
// [Import] checks all names, shapes and sizes first, against the configs and each other, and
// then streams the weights, one at a time, into the bundle's files.
package published

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/internal/progress"
	"sundae/train/engine"
	"sundae/train/export"
	"sundae/train/recipe"
)

// Options say what to import and where to.
type Options struct {
	VQGAN, VQGANConfig string // the checkpoint and its YAML; without a checkpoint the prior's tokens are grey levels
	Prior, PriorConfig string // the checkpoint and its TOML; without a checkpoint the bundle is a VQ-GAN, without a TOML the weights say all of the network
	Labels             export.Labels
	Out                string          // the bundle's folder
	Force              bool            // replace a bundle that is there
	Backend            compute.Backend // an ONNX one: its compiler writes the files
	Reporter           *progress.Reporter
	Command            string // the command line, for the record
}

// Import writes the bundle and returns its manifest. The folder holds the whole bundle
// afterwards or, if there was an error, what it held before.
func Import(ctx context.Context, o Options) (bundle.Manifest, error) {
	if err := o.checkTarget(); err != nil {
		return bundle.Manifest{}, err
	}
	var p *publishedPrior
	if o.Prior != "" {
		var err error
		if p, err = openPrior(o.Prior, o.PriorConfig); err != nil {
			return bundle.Manifest{}, err
		}
		defer p.weights.Close()
	}
	t, err := o.openTokens(p)
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer t.close()
	if p != nil {
		if err := p.open(t); err != nil {
			return bundle.Manifest{}, err
		}
	}
	m, err := o.manifest(t, p)
	if err != nil {
		return bundle.Manifest{}, err
	}
	if m.Origin, err = o.origin(ctx); err != nil {
		return bundle.Manifest{}, err
	}
	draft, err := bundle.Create(o.Out)
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer draft.Discard()
	if err := o.write(ctx, draft.Folder(), t, p); err != nil {
		return bundle.Manifest{}, fmt.Errorf("import: %w", err)
	}
	return draft.Commit(m)
}

// tokens is what a model's tokens stand for: codes of a VQ-GAN, or grey levels.
type tokens interface {
	name() string    // for messages
	size() int       // side of the pictures, in pixels
	side() int       // of the grid of tokens
	vocabulary() int // different tokens
	recipe() (recipe.Recipe, error)
	// export gives encoder.onnx and decoder.onnx.
	export(compute.Backend) (encoder, decoder onnxfile.File, err error)
	// onRead calls f with the number of elements of every weight that is read.
	onRead(f func(elements int))
	close()
}

// openTokens opens the VQ-GAN, or takes the prior's tokens as grey levels.
func (o Options) openTokens(p *publishedPrior) (tokens, error) {
	if o.VQGAN == "" {
		return newGreyLevels(p)
	}
	return openVQGAN(o.VQGAN, o.VQGANConfig)
}

// write writes the ONNX files.
func (o Options) write(ctx context.Context, folder string, t tokens, p *publishedPrior) error {
	done := o.Reporter.Wait("building the networks")
	defer done()
	files := map[string]onnxfile.File{}
	var err error
	if files[bundle.EncoderFile], files[bundle.DecoderFile], err = t.export(o.Backend); err != nil {
		return err
	}
	if p != nil {
		network, err := p.model.Export(o.Backend)
		if err != nil {
			return err
		}
		files[bundle.PriorFile] = float32File{network}
	}
	done()
	var total int64
	for _, file := range files {
		if f, ok := file.(float32File); ok {
			total += f.Size()
		}
	}
	bar := o.Reporter.Bar("writing", total, "bytes")
	defer bar.Done()
	onRead := func(elements int) { bar.Add(4 * int64(elements)) }
	t.onRead(onRead)
	if p != nil {
		p.weights.OnRead(onRead)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := files[name].Write(ctx, folder, name); err != nil {
			return err
		}
	}
	return nil
}

// checkTarget reports what keeps the bundle from being written.
func (o Options) checkTarget() error {
	if _, err := os.Stat(filepath.Join(o.Out, bundle.ManifestFile)); err == nil && !o.Force {
		return fmt.Errorf("%s already holds a model: pass --force to replace it, or name another folder", o.Out)
	}
	return bundle.CheckTarget(o.Out)
}

// maxInline is the size from which weights lie beside their ONNX file. Smaller ones are held
// in memory together.
const maxInline = 64 << 20

// float32File is an ONNX file with all weights in float32, so that the results are those of
// the published code.
type float32File struct{ onnxfile.Network }

// Write implements onnxfile.File.
func (f float32File) Write(ctx context.Context, folder, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.Size() > maxInline {
		return f.WriteExternal(ctx, folder, name)
	}
	graph, err := f.Marshal()
	if err != nil {
		return err
	}
	return onnxfile.Model{Graph: graph}.Write(ctx, folder, name)
}

// manifest describes the bundle, without its files and their origin.
func (o Options) manifest(t tokens, p *publishedPrior) (bundle.Manifest, error) {
	r, err := t.recipe()
	if err != nil {
		return bundle.Manifest{}, err
	}
	r.Name, r.Licence = filepath.Base(filepath.Clean(o.Out)), o.Labels.Licence
	if o.Labels.Name != "" {
		r.Name = o.Labels.Name
	}
	var from []string
	for _, checkpoint := range []string{o.VQGAN, o.Prior} {
		if checkpoint != "" {
			from = append(from, filepath.Base(checkpoint))
		}
	}
	r.Description = "Imported from " + strings.Join(from, " and ")
	m := bundle.Manifest{
		Name: r.Name, Description: r.Description, ImageSize: t.size(), Downsample: t.size() / t.side(), Vocabulary: t.vocabulary(),
		Latent: bundle.Latent{Height: t.side(), Width: t.side()},
	}
	if p != nil {
		r.Prior = p.model.Config
		if r.Sampling, err = p.sampling(); err != nil {
			return bundle.Manifest{}, err
		}
		m.Sampling = r.Sampling
		m.NoAnyClass = p.model.Grid.Classes > 0
		for class := range p.model.Grid.Classes {
			m.Classes = append(m.Classes, fmt.Sprint(class))
		}
	}
	text, err := yaml.Marshal(r)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("write the recipe: %w", err)
	}
	m.Training = bundle.Training{Recipe: string(text), Command: o.Command, Date: time.Now().UTC().Format(time.DateOnly)}
	return m, o.Labels.Apply(&m)
}

// origin hashes the files that are imported.
func (o Options) origin(ctx context.Context) ([]bundle.Origin, error) {
	var origin []bundle.Origin
	var files []*os.File
	var total int64
	for _, from := range []struct{ role, path string }{
		{"vqgan", o.VQGAN}, {"vqgan config", o.VQGANConfig}, {"prior", o.Prior}, {"prior config", o.PriorConfig},
	} {
		if from.path == "" {
			continue
		}
		file, err := os.Open(from.path)
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		total += info.Size()
		files = append(files, file)
		origin = append(origin, bundle.Origin{Role: from.role, File: filepath.Base(from.path), Licence: o.Labels.Licence})
	}
	bar := o.Reporter.Bar("hashing", total, "bytes")
	defer bar.Done()
	for i, file := range files {
		var err error
		if origin[i].SHA256, err = hash(ctx, file, bar); err != nil {
			return nil, fmt.Errorf("import %s: %w", origin[i].File, err)
		}
	}
	return origin, nil
}

// hash is the SHA-256 of a file in hexadecimal digits.
func hash(ctx context.Context, file io.Reader, bar *progress.Bar) (string, error) {
	sum := sha256.New()
	for {
		const part = 16 << 20
		n, err := io.CopyN(sum, file, part)
		bar.Add(n)
		switch {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(sum.Sum(nil)), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
	}
}

// differ says how a checkpoint's names and shapes differ from those of the network that its
// config describes.
func differ(checkpoint, config string, e *engine.MismatchError) error {
	return fmt.Errorf("import %s: it holds another network than %s says: %s", checkpoint, cmp.Or(config, "its own sizes"), e.Differences())
}
