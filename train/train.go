package train

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"sundae/internal/bundle"
	"sundae/internal/picture"
	"sundae/internal/progress"
	"sundae/train/dataset"
	"sundae/train/export"
	"sundae/train/latents"
	"sundae/train/prior"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
	"sundae/train/vqgan"
)

// Run is one training: a recipe, its pictures and its folder.
type Run struct {
	Recipe  recipe.Recipe
	Data    []string // the pictures' folders
	Out     string   // the run's folder: checkpoints, metrics, sheets, latents
	Resume  bool
	Backend compute.Backend // trains
	Writer  compute.Backend // an ONNX backend: writes the bundle
	Command string          // the command line, for the record
	Talk    *progress.Talk

	// Tokenizer, if not nil, takes the place of a VQ-GAN of the run's own.
	Tokenizer tokenizer.Tokenizer
	// Expect, if not nil, is the model that Tokenizer comes from: its prior is asked which
	// tokens are expected where the recipe's latents.rate is above 0.
	Expect *Expect
	// FromVQGAN and FromPrior, if not nil, are what the two begin as.
	FromVQGAN *vqgan.Files
	FromPrior *prior.File
	// Lender, if not nil, is the model whose prior goes into the bundle instead of one
	// of the run's own.
	Lender *bundle.Bundle
}

// Expect is a model whose prior has a say in what tokens a picture has.
type Expect struct {
	Name  string // names the prior's file: another one chooses other tokens
	VQGAN *vqgan.Files
	Prior *prior.File
}

// VQGAN trains the tokenizer.
func (r Run) VQGAN(ctx context.Context) (vqgan.Report, error) {
	set, err := dataset.Open(r.Data...)
	if err != nil {
		return vqgan.Report{}, err
	}
	return vqgan.Train(ctx, r.Recipe.VQGAN, vqgan.Options{
		Backend: r.Backend, Set: set, Size: r.Recipe.Image.Size, Seed: r.Recipe.Seed, Out: r.Out, Resume: r.Resume, Talk: r.Talk, From: r.FromVQGAN,
	})
}

func (r Run) tokenizer() (tokenizer.Tokenizer, error) {
	if r.Tokenizer != nil {
		return r.Tokenizer, nil
	}
	return tokenizer.Open(filepath.Join(r.Out, vqgan.Checkpoint), r.Recipe, r.Backend)
}

func (r Run) latents() string { return filepath.Join(r.Out, "latents") }

// Latents encodes the pictures.
func (r Run) Latents(ctx context.Context) (latents.Info, error) {
	set, err := dataset.Open(r.Data...)
	if err != nil {
		return latents.Info{}, err
	}
	tokens, err := r.tokenizer()
	if err != nil {
		return latents.Info{}, err
	}
	side := r.Recipe.Latent()
	info := latents.Info{
		Tokenizer: tokens.Name(),
		Height:    side, Width: side, Vocabulary: r.Recipe.VQGAN.Vocabulary, Classes: set.Classes, Flips: r.Recipe.Latents.Flips,
	}
	encode := func(bytes []uint8, classes []int32) ([]int32, error) { return tokens.Encode(bytes, len(classes)) }
	if r.Recipe.Latents.Rate > 0 && r.Expect != nil {
		info.Expected = fmt.Sprintf("%s, rate %g", r.Expect.Name, r.Recipe.Latents.Rate)
		expected, err := r.expected(len(set.Classes))
		if err != nil {
			return latents.Info{}, err
		}
		encode = expected.Encode
	}
	return latents.Encode(ctx, info, latents.Options{
		Set: set, Size: r.Recipe.Image.Size, Batch: r.Recipe.Latents.Batch, Encode: encode, Out: r.latents(), Talk: r.Talk,
	})
}

func (r Run) expected(classes int) (latents.Expected, error) {
	distances, err := r.Recipe.VQGAN.Distances(r.Expect.VQGAN, r.Recipe.Image.Size, r.Backend)
	if err != nil {
		return latents.Expected{}, err
	}
	likely, err := r.Recipe.Prior.LogProbabilities(r.Expect.Prior, r.Recipe.Grid(classes), r.Backend)
	if err != nil {
		return latents.Expected{}, fmt.Errorf("ask %s what it expects of %d classes (latents.rate 0 does without): %w", r.Expect.Name, classes, err)
	}
	return latents.Expected{
		Rate: r.Recipe.Latents.Rate, Vocabulary: r.Recipe.VQGAN.Vocabulary, Seed: r.Recipe.Seed, Distances: distances, LogProbabilities: likely,
	}, nil
}

// Prior trains the prior on the run's latents.
func (r Run) Prior(ctx context.Context) (prior.Report, error) {
	info, ids, labels, err := latents.Open(r.latents())
	if err != nil {
		return prior.Report{}, err
	}
	tokens, err := r.tokenizer()
	if err != nil {
		return prior.Report{}, err
	}
	if info.Tokenizer != tokens.Name() {
		return prior.Report{}, fmt.Errorf("the latents in %s were made by another tokenizer (%s) than this run's (%s): run `sundae train latents` again", r.latents(), info.Tokenizer, tokens.Name())
	}
	set := prior.Latents{Grid: r.Recipe.Grid(len(info.Classes)), Tokens: ids}
	if len(info.Classes) > 0 {
		set.Labels = labels
	}
	return prior.Train(ctx, r.Recipe.Prior, prior.Options{
		Backend: r.Backend, Latents: set, Per: info.Per(), Seed: r.Recipe.Seed, Out: r.Out, Resume: r.Resume, Talk: r.Talk, From: r.FromPrior,
		Sheet: func(path string, samples [][]int32) error { return r.sheet(path, samples, tokens.Decode) },
	})
}

// sheetSamples and sheetSide bound a sheet of samples: pictures larger than that
// are shown smaller by whole pixels.
const (
	sheetSamples = 8
	sheetSide    = 256
)

func (r Run) sheet(path string, samples [][]int32, decode func([]int32, int) ([]uint8, error)) error {
	size := r.Recipe.Image.Size
	shrink := max(1, size/sheetSide)
	side := size / shrink
	var cells []image.Image
	for _, ids := range samples[:min(len(samples), sheetSamples)] {
		bytes, err := decode(ids, 1)
		if err != nil {
			return err
		}
		cell := image.NewRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				at := 3 * (y*shrink*size + x*shrink)
				cell.SetRGBA(x, y, color.RGBA{bytes[at], bytes[at+1], bytes[at+2], 255})
			}
		}
		cells = append(cells, cell)
	}
	return picture.Save(path, picture.Grid(cells, 4, 2, color.Black))
}

// Export writes the bundle into dir.
func (r Run) Export(dir string) (bundle.Manifest, error) {
	tokens, err := r.tokenizer()
	if err != nil {
		return bundle.Manifest{}, err
	}
	o := export.Options{Backend: r.Writer, Recipe: r.Recipe, Tokenizer: tokens, Run: r.Out, Lender: r.Lender, Out: dir, Command: r.Command}
	if r.Lender != nil {
		o.Classes = r.Lender.Manifest.Classes
		return export.Bundle(o)
	}
	info, _, _, err := latents.Open(r.latents())
	if err != nil {
		return bundle.Manifest{}, err
	}
	o.Classes = info.Classes
	return export.Bundle(o)
}

// All runs every stage and writes the bundle into Out/bundle. Stages that are
// done already are not done again when Resume is set.
func (r Run) All(ctx context.Context) (bundle.Manifest, error) {
	if !r.Resume {
		for _, name := range []string{vqgan.Checkpoint, prior.Checkpoint} {
			if _, err := os.Stat(filepath.Join(r.Out, name)); err == nil {
				return bundle.Manifest{}, fmt.Errorf("%s already holds a run: go on with --resume, or choose another --out", r.Out)
			}
		}
	}
	if r.Tokenizer == nil {
		if _, err := r.VQGAN(ctx); err != nil {
			return bundle.Manifest{}, fmt.Errorf("vqgan: %w", err)
		}
	}
	info, err := r.Latents(ctx)
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("latents: %w", err)
	}
	r.Talk.Printf("latents: %d of %d×%d tokens, %.0f%% of codes used, perplexity %.0f", info.Rows, info.Height, info.Width, 100*info.Live, info.Perplexity)
	if _, err := r.Prior(ctx); err != nil {
		return bundle.Manifest{}, fmt.Errorf("prior: %w", err)
	}
	m, err := r.Export(filepath.Join(r.Out, "bundle"))
	if err != nil {
		return m, fmt.Errorf("export: %w", err)
	}
	return m, nil
}
