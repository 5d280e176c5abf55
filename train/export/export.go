// Package export makes a model bundle of the trained VQ-GAN and prior.
package export

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/train/prior"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
)

// Options says what to export and where to.
type Options struct {
	Backend   compute.Backend // an ONNX one: its compiler writes the files
	Recipe    recipe.Recipe
	Tokenizer tokenizer.Tokenizer
	Classes   []string
	Run       string         // folder of the prior's checkpoint
	Lender    *bundle.Bundle // whose prior to take instead, if not nil
	Out       string         // folder of the bundle
	Command   string         // the command line, for the record
}

// Bundle writes the bundle and returns its manifest.
func Bundle(o Options) (bundle.Manifest, error) {
	r := o.Recipe
	encoder, decoder, err := o.Tokenizer.Export(o.Backend)
	if err != nil {
		return bundle.Manifest{}, err
	}
	models := map[string][]byte{bundle.EncoderFile: encoder, bundle.DecoderFile: decoder}
	for name, file := range models {
		if models[name], err = onnxfile.Half(file); err != nil {
			return bundle.Manifest{}, fmt.Errorf("shorten the numbers of %s: %w", name, err)
		}
	}
	var p part
	if o.Lender != nil {
		p, err = lent(o.Lender, models[bundle.EncoderFile])
	} else {
		p, err = o.trained()
	}
	if err != nil {
		return bundle.Manifest{}, err
	}
	models[bundle.PriorFile] = p.file
	text, err := yaml.Marshal(r)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("write the recipe down: %w", err)
	}
	tokens := o.Tokenizer.Training()
	figures := maps.Clone(tokens.Figures)
	maps.Copy(figures, p.figures)
	m := bundle.Manifest{
		Name: r.Name, Description: r.Description, ImageSize: r.Image.Size, Downsample: r.VQGAN.Factor(),
		Latent: bundle.Latent{Height: r.Latent(), Width: r.Latent()}, Vocabulary: r.VQGAN.Vocabulary, Classes: o.Classes,
		Sampling: r.Sampling, Licence: r.Licence,
		Training: bundle.Training{
			Recipe: string(text), Command: o.Command, Seed: r.Seed, Date: time.Now().UTC().Format(time.DateOnly),
			Machine: fmt.Sprintf("%d cores, %s/%s, backend %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.Backend.Name()),
			Steps:   map[string]int{"vqgan": tokens.Steps, "prior": p.steps},
			Hours:   map[string]float64{"vqgan": tokens.Hours, "prior": p.hours},
			Figures: figures,
		},
	}
	return m, bundle.Write(o.Out, m, models)
}

// part is a prior and the record of its training.
type part struct {
	file    []byte
	steps   int
	hours   float64
	figures map[string]float64 // their names begin with prior_
}

// trained is the prior of the run.
func (o Options) trained() (part, error) {
	model, err := prior.Open(filepath.Join(o.Run, prior.Checkpoint), o.Recipe.Prior, o.Recipe.Grid(len(o.Classes)))
	if err != nil {
		return part{}, err
	}
	file, err := model.Export(o.Backend)
	if err != nil {
		return part{}, fmt.Errorf("export the prior: %w", err)
	}
	if file, err = onnxfile.Half(file); err != nil {
		return part{}, fmt.Errorf("shorten the numbers of %s: %w", bundle.PriorFile, err)
	}
	round := func(v float64, digits int) float64 {
		p := math.Pow10(digits)
		return math.Round(v*p) / p
	}
	figures := map[string]float64{"prior_loss": round(model.Report.Loss, 4)}
	for i, level := range prior.Levels {
		figures[fmt.Sprintf("prior_heldout_%g", level)] = round(model.Report.HeldOut[i], 4)
	}
	return part{file, model.Report.Earlier + model.Report.Step, round(model.Report.Hours, 3), figures}, nil
}

// lent is the prior of a bundle, which fits no other tokens than its encoder's.
func lent(b *bundle.Bundle, encoder []byte) (part, error) {
	if !bytes.Equal(b.Model(bundle.EncoderFile), encoder) {
		return part{}, fmt.Errorf("the prior of %s is of other tokens than the run's encoder makes: take that of the model that the run began as", b.Manifest.Name)
	}
	t := b.Manifest.Training
	figures := maps.Clone(t.Figures)
	maps.DeleteFunc(figures, func(name string, _ float64) bool { return !strings.HasPrefix(name, "prior_") })
	return part{b.Model(bundle.PriorFile), t.Steps["prior"], t.Hours["prior"], figures}, nil
}
