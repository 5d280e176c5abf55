// Package export makes a model bundle of the trained VQ-GAN and prior.
package export

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gomlx/compute"
	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/train/engine"
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
	Run       string // folder of the prior's checkpoint
	Out       string // folder of the bundle
	Command   string // the command line, for the record
}

// Bundle writes the bundle and returns its manifest.
func Bundle(o Options) (bundle.Manifest, error) {
	r := o.Recipe
	model, err := prior.Open(filepath.Join(o.Run, prior.Checkpoint), r.Prior, r.Grid(len(o.Classes)))
	if err != nil {
		return bundle.Manifest{}, err
	}
	full, err := model.Export(o.Backend)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("export the prior: %w", err)
	}
	encoder, decoder, err := o.Tokenizer.Export(o.Backend)
	if err != nil {
		return bundle.Manifest{}, err
	}
	models := map[string][]byte{bundle.PriorFile: full, bundle.EncoderFile: encoder, bundle.DecoderFile: decoder}
	for name, file := range models {
		if models[name], err = engine.Half(file); err != nil {
			return bundle.Manifest{}, fmt.Errorf("shorten the numbers of %s: %w", name, err)
		}
	}
	text, err := yaml.Marshal(r)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("write the recipe down: %w", err)
	}
	round := func(v float64, digits int) float64 {
		p := math.Pow10(digits)
		return math.Round(v*p) / p
	}
	tokens := o.Tokenizer.Training()
	figures := maps.Clone(tokens.Figures)
	figures["prior_loss"] = round(model.Report.Loss, 4)
	for i, level := range prior.Levels {
		figures[fmt.Sprintf("prior_heldout_%g", level)] = round(model.Report.HeldOut[i], 4)
	}
	m := bundle.Manifest{
		Name: r.Name, Description: r.Description, ImageSize: r.Image.Size, Downsample: r.VQGAN.Factor(),
		Latent: bundle.Latent{Height: r.Latent(), Width: r.Latent()}, Vocabulary: r.VQGAN.Vocabulary, Classes: o.Classes,
		Sampling: r.Sampling, Licence: r.Licence,
		Training: bundle.Training{
			Recipe: string(text), Command: o.Command, Seed: r.Seed, Date: time.Now().UTC().Format(time.DateOnly),
			Machine: fmt.Sprintf("%d cores, %s/%s, backend %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.Backend.Name()),
			Steps:   map[string]int{"vqgan": tokens.Steps, "prior": model.Report.Earlier + model.Report.Step},
			Hours:   map[string]float64{"vqgan": tokens.Hours, "prior": round(model.Report.Hours, 3)},
			Figures: figures,
		},
	}
	return m, bundle.Write(o.Out, m, models)
}
