// Package export makes a model bundle of a trained VQ-GAN and prior.
package export

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
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
	Prior     Prior // its zero value for a bundle without a prior
	Classes   []string
	Labels    Labels // instead of what recipe and pictures say
	Out       string // the bundle's folder
	Command   string // the command line, for the record
}

// Prior is a prior and its part of the training record.
type Prior struct {
	ONNX    []byte
	Data    string // what it was trained on: "800 pictures in 8 classes"
	Steps   int
	Hours   float64
	Figures map[string]float64 // their names begin with prior_

	bundle *bundle.Bundle // that it was trained for, if it is a pretrained one
}

// Bundle writes the bundle and returns its manifest.
func Bundle(o Options) (bundle.Manifest, error) {
	r := o.Recipe
	if err := CheckTarget(o.Out, o.Labels, len(o.Classes)); err != nil {
		return bundle.Manifest{}, err
	}
	encoder, decoder, err := o.Tokenizer.Export(o.Backend)
	if err != nil {
		return bundle.Manifest{}, err
	}
	models := map[string][]byte{bundle.EncoderFile: encoder, bundle.DecoderFile: decoder}
	for name, file := range models {
		if models[name], err = onnxfile.Half(file); err != nil {
			return bundle.Manifest{}, fmt.Errorf("write %s: %w", name, err)
		}
	}
	if b := o.Prior.bundle; b != nil && !sameWeights(b.Model(bundle.EncoderFile).Graph, models[bundle.EncoderFile]) {
		return bundle.Manifest{}, fmt.Errorf("the prior of %s was trained with another encoder than the run's: use the prior of the model that the run started from", b.Manifest.Name)
	}
	text, err := yaml.Marshal(r)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("write the recipe: %w", err)
	}
	tokens := o.Tokenizer.Training()
	figures := maps.Clone(tokens.Figures)
	maps.Copy(figures, o.Prior.Figures)
	m := bundle.Manifest{
		Name: r.Name, Description: o.description(), ImageSize: r.Image.Size, Downsample: r.VQGAN.Factor(),
		Latent: bundle.Latent{Height: r.Latent(), Width: r.Latent()}, Vocabulary: r.VQGAN.Vocabulary, Classes: o.Classes,
		Licence: r.Licence,
		Training: bundle.Training{
			Recipe: string(text), Command: o.Command, Seed: r.Seed, Date: time.Now().UTC().Format(time.DateOnly),
			Machine: fmt.Sprintf("%d cores, %s/%s, backend %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.Backend.Name()),
			Steps:   map[string]int{"vqgan": tokens.Steps},
			Hours:   map[string]float64{"vqgan": tokens.Hours},
			Figures: figures,
		},
	}
	if o.Prior.ONNX != nil {
		models[bundle.PriorFile] = o.Prior.ONNX
		m.Sampling = r.Sampling
		m.Training.Steps["prior"], m.Training.Hours["prior"] = o.Prior.Steps, o.Prior.Hours
	}
	if err := o.Labels.Apply(&m); err != nil {
		return bundle.Manifest{}, err
	}
	return m, bundle.Write(o.Out, m, models)
}

// CheckTarget reports what would fail after a long training: that the bundle's folder holds
// something else, or that the labels do not name all classes.
func CheckTarget(dir string, l Labels, classes int) error {
	if err := bundle.CheckTarget(dir); err != nil {
		return err
	}
	return l.CheckClasses(classes)
}

// description says what is known of the model: a recipe does not know the pictures.
func (o Options) description() string {
	switch {
	case o.Prior.ONNX == nil:
		return fmt.Sprintf("VQ-GAN of the recipe %s, without a prior", o.Recipe.Name)
	case o.Prior.bundle != nil:
		return fmt.Sprintf("VQ-GAN of the recipe %s, with the prior of %s", o.Recipe.Name, o.Prior.bundle.Manifest.Name)
	}
	return fmt.Sprintf("Trained by the recipe %s on %s", o.Recipe.Name, o.Prior.Data)
}

// sameWeights reports whether two ONNX files are the same network with the same weights.
func sameWeights(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	of, errA := onnxfile.ReadWeights(a)
	with, errB := onnxfile.ReadWeights(b)
	return errA == nil && errB == nil && maps.EqualFunc(of, with, func(x, y onnxfile.NamedWeight) bool {
		return slices.Equal(x.Shape, y.Shape) && slices.Equal(x.Values, y.Values)
	})
}

// TrainedPrior exports the prior in a checkpoint.
func TrainedPrior(checkpoint string, c prior.Config, grid prior.Grid, backend compute.Backend) (Prior, error) {
	model, err := prior.Open(checkpoint, c, grid)
	if err != nil {
		return Prior{}, err
	}
	file, err := model.Export(backend)
	if err != nil {
		return Prior{}, fmt.Errorf("export the prior: %w", err)
	}
	if file, err = onnxfile.Half(file); err != nil {
		return Prior{}, fmt.Errorf("write %s: %w", bundle.PriorFile, err)
	}
	round := func(v, scale float64) float64 { return math.Round(v*scale) / scale }
	r := model.Report
	figures := map[string]float64{"prior_loss": round(r.Loss, 1e4)}
	for i, level := range prior.Levels {
		figures[fmt.Sprintf("prior_heldout_%g", level)] = round(r.HeldOut[i], 1e4)
	}
	return Prior{ONNX: file, Steps: r.Earlier + r.Step, Hours: round(r.Hours, 1e3), Figures: figures}, nil
}

// PretrainedPrior is the prior of a bundle. It fits the tokens of that bundle's encoder
// alone, which Bundle checks.
func PretrainedPrior(b *bundle.Bundle) Prior {
	t := b.Manifest.Training
	figures := maps.Clone(t.Figures)
	maps.DeleteFunc(figures, func(name string, _ float64) bool { return !strings.HasPrefix(name, "prior_") })
	return Prior{ONNX: b.Model(bundle.PriorFile).Graph, Steps: t.Steps["prior"], Hours: t.Hours["prior"], Figures: figures, bundle: b}
}
