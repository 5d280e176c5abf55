// Package export makes a model bundle of a trained VQ-GAN and prior.
package export

import (
	"bytes"
	"context"
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
	ONNX    onnxfile.File // nil for none
	Data    string        // what it was trained on: "800 pictures in 8 classes"
	Steps   int
	Hours   float64
	Figures map[string]float64 // their names begin with prior_
	Origin  []bundle.Origin    // of an imported prior
	NoAny   bool               // it knows its classes, but no "any"

	bundle *bundle.Bundle // that it was trained for, if it is a pretrained one
}

// Bundle writes the bundle and returns its manifest.
func Bundle(ctx context.Context, o Options) (bundle.Manifest, error) {
	r := o.Recipe
	if err := CheckTarget(o.Out, o.Labels, len(o.Classes)); err != nil {
		return bundle.Manifest{}, err
	}
	encoder, decoder, err := o.Tokenizer.Export(o.Backend)
	if err != nil {
		return bundle.Manifest{}, err
	}
	draft, err := bundle.Create(o.Out)
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer draft.Discard()
	files := map[string]onnxfile.File{bundle.EncoderFile: encoder, bundle.DecoderFile: decoder}
	if o.Prior.ONNX != nil {
		files[bundle.PriorFile] = o.Prior.ONNX
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := files[name].Write(ctx, draft.Folder(), name); err != nil {
			return bundle.Manifest{}, fmt.Errorf("write bundle: %w", err)
		}
	}
	if b := o.Prior.bundle; b != nil {
		written, err := onnxfile.Read(draft.Folder(), bundle.EncoderFile)
		if err != nil {
			return bundle.Manifest{}, err
		}
		if same, err := sameWeights(b.Model(bundle.EncoderFile), written); err != nil {
			return bundle.Manifest{}, err
		} else if !same {
			return bundle.Manifest{}, fmt.Errorf("the prior of %s was trained with another encoder than the run's: use the prior of the model that the run started from", b.Manifest.Name)
		}
	}
	text, err := yaml.Marshal(r)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("write the recipe: %w", err)
	}
	tokens := o.Tokenizer.Training()
	figures := map[string]float64{}
	maps.Copy(figures, tokens.Figures)
	maps.Copy(figures, o.Prior.Figures)
	m := bundle.Manifest{
		Name: r.Name, Description: o.description(), ImageSize: r.Image.Size, Downsample: r.Factor(),
		Latent: bundle.Latent{Height: r.Latent(), Width: r.Latent()}, Vocabulary: r.Vocabulary(), Classes: o.Classes,
		NoAnyClass: o.Prior.NoAny, Origin: slices.Concat(tokens.Origin, o.Prior.Origin), Licence: r.Licence,
		Training: bundle.Training{
			Recipe: string(text), Command: o.Command, Seed: r.Seed, Date: time.Now().UTC().Format(time.DateOnly),
			Machine: fmt.Sprintf("%d cores, %s/%s, backend %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.Backend.Name()),
			Steps:   map[string]int{},
			Hours:   map[string]float64{},
			Figures: figures,
		},
	}
	if tokens.Steps > 0 { // an imported model does not say
		m.Training.Steps["vqgan"], m.Training.Hours["vqgan"] = tokens.Steps, tokens.Hours
	}
	if o.Prior.ONNX != nil {
		m.Sampling = r.Sampling
	}
	if o.Prior.Steps > 0 {
		m.Training.Steps["prior"], m.Training.Hours["prior"] = o.Prior.Steps, o.Prior.Hours
	}
	if err := o.Labels.Apply(&m); err != nil {
		return bundle.Manifest{}, err
	}
	return draft.Commit(m)
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
	case o.Prior.ONNX == nil && o.Recipe.Tokenizer == recipe.Pixels:
		return fmt.Sprintf("Grey levels of the recipe %s as tokens, without a prior", o.Recipe.Name)
	case o.Prior.ONNX == nil:
		return fmt.Sprintf("VQ-GAN of the recipe %s, without a prior", o.Recipe.Name)
	case o.Prior.bundle != nil:
		return fmt.Sprintf("VQ-GAN of the recipe %s, with the prior of %s", o.Recipe.Name, o.Prior.bundle.Manifest.Name)
	}
	return fmt.Sprintf("Trained by the recipe %s on %s", o.Recipe.Name, o.Prior.Data)
}

// sameWeights reports whether two ONNX files are the same network with the same weights.
func sameWeights(a, b onnxfile.Model) (bool, error) {
	if bytes.Equal(a.Graph, b.Graph) && a.Folder == "" {
		return true, nil
	}
	of, errA := onnxfile.OpenWeights(a)
	with, errB := onnxfile.OpenWeights(b)
	if errA != nil || errB != nil {
		return false, nil // weights without names, which an earlier version wrote
	}
	return of.Equal(with)
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
	round := func(v, scale float64) float64 { return math.Round(v*scale) / scale }
	r := model.Report
	figures := map[string]float64{"prior_loss": round(r.Loss, 1e4)}
	for i, level := range prior.Levels {
		figures[fmt.Sprintf("prior_heldout_%g", level)] = round(r.HeldOut[i], 1e4)
	}
	return Prior{ONNX: file, Steps: r.Earlier + r.Step, Hours: round(r.Hours, 1e3), Figures: figures, NoAny: grid.Classes > 0 && !c.HasAny()}, nil
}

// PretrainedPrior is the prior of a bundle. It fits the tokens of that bundle's encoder
// alone, which Bundle checks.
func PretrainedPrior(b *bundle.Bundle) Prior {
	t := b.Manifest.Training
	figures := maps.Clone(t.Figures)
	maps.DeleteFunc(figures, func(name string, _ float64) bool { return !strings.HasPrefix(name, "prior_") })
	return Prior{ONNX: b.Model(bundle.PriorFile), Steps: t.Steps["prior"], Hours: t.Hours["prior"], Figures: figures, NoAny: b.Manifest.NoAnyClass, Origin: b.Manifest.OriginOf("prior"), bundle: b}
}
