package train

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gomlx/compute"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/picture"
	"sundae/internal/progress"
	"sundae/train/augment"
	"sundae/train/dataset"
	"sundae/train/export"
	"sundae/train/latents"
	"sundae/train/prior"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
	"sundae/train/vqgan"
)

// Run is what all stages of a training share.
type Run struct {
	Recipe   recipe.Recipe
	Out      string           // the run's folder: checkpoints, metrics, sample sheets, latents
	Backend  compute.Backend  // trains
	Open     inference.Opener // opens the models of a bundle
	Reporter *progress.Reporter
}

// Tokenizer opens the VQ-GAN that the run has trained, or the tokenizer that needs no
// training.
func (r Run) Tokenizer() (tokenizer.Tokenizer, error) {
	if r.Recipe.Tokenizer == recipe.Pixels {
		return tokenizer.NewPixels(r.Recipe.Image.Size, r.Recipe.Vocabulary()), nil
	}
	if err := r.Recipe.NeedVQGAN(); err != nil {
		return nil, err
	}
	path := filepath.Join(r.Out, vqgan.Checkpoint)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: run `sundae train vqgan` first, or name the model whose VQ-GAN to use with --tokenizer", path)
	}
	return tokenizer.OpenCheckpoint(path, r.Recipe, r.Backend)
}

func (r Run) latents() string { return filepath.Join(r.Out, "latents") }

// VQGANOptions configure the training of the VQ-GAN on pictures.
type VQGANOptions struct {
	Run
	Data   []string // folders or IDX files of pictures
	Resume bool     // continue the run in Out
	Start  Start    // Pretrained only fine-tunes the decoder, without All
	All    bool     // with Pretrained, train encoder and codebook further as well
}

// VQGAN trains the VQ-GAN.
func VQGAN(ctx context.Context, o VQGANOptions) (vqgan.Report, error) {
	if err := o.Recipe.NeedVQGAN(); err != nil {
		return vqgan.Report{}, err
	}
	set, err := dataset.Open(o.Data...)
	if err != nil {
		return vqgan.Report{}, err
	}
	options := vqgan.Options{
		Backend: o.Backend, Set: set, Size: o.Recipe.Image.Size, Seed: o.Recipe.Seed, Out: o.Out, Resume: o.Resume, Reporter: o.Reporter,
		Folder: o.Recipe.Folder,
	}
	if pretrained, ok := o.Start.(Pretrained); ok {
		if err := o.checkNetwork(pretrained.Bundle.Manifest); err != nil {
			return vqgan.Report{}, err
		}
		options.From = pretrained.vqgan()
		options.From.All = o.All
		if !o.All && o.Recipe.VQGAN.Finetune.TokenAugmentation > 0 {
			if m := pretrained.Bundle.Manifest; !m.HasPrior() {
				return vqgan.Report{}, fmt.Errorf("vqgan.finetune.token_augmentation needs a prior, and the model %s has none: set it to 0", m.Name)
			}
			p, err := augment.Open(pretrained.Bundle, o.Open)
			if err != nil {
				return vqgan.Report{}, err
			}
			defer p.Close()
			options.From.Augment = func(tokens []int32, steps int, seed uint64) error { return p.Resample(ctx, tokens, steps, seed) }
		}
	}
	return vqgan.Train(ctx, o.Recipe.VQGAN, options)
}

// checkNetwork compares the recipe with the model that training starts from.
func (r Run) checkNetwork(m bundle.Manifest) error {
	own := r.Recipe
	if m.Downsample == own.Factor() && m.Vocabulary == own.Vocabulary() {
		return nil
	}
	return fmt.Errorf("the model %s has f = %d and %d codes, the recipe %s f = %d and %d codes: use the vqgan section of the recipe in the model's %s",
		m.Name, m.Downsample, m.Vocabulary, own.Name, own.Factor(), own.Vocabulary(), bundle.ManifestFile)
}

// LatentsOptions configure the encoding of pictures to latents.
type LatentsOptions struct {
	Run
	Data      []string            // folders or IDX files of pictures
	Tokenizer tokenizer.Tokenizer // a Pretrained one may choose codes by its prior as well: see recipe.Latents.Rate
}

// Latents encodes the pictures.
func Latents(ctx context.Context, o LatentsOptions) (latents.Info, error) {
	set, err := dataset.Open(o.Data...)
	if err != nil {
		return latents.Info{}, err
	}
	side := o.Recipe.Latent()
	info := latents.Info{
		Tokenizer: o.Tokenizer.Name(),
		Height:    side, Width: side, Vocabulary: o.Recipe.Vocabulary(), Classes: set.Classes, Flips: o.Recipe.Latents.Flips,
	}
	encode := func(ctx context.Context, bytes []uint8, classes []int32) ([]int32, error) {
		return o.Tokenizer.Encode(ctx, bytes, len(classes))
	}
	if t, ok := o.Tokenizer.(*tokenizer.Pretrained); ok && o.Recipe.Latents.Rate > 0 {
		m := t.Bundle.Manifest
		if !m.HasPrior() {
			return latents.Info{}, fmt.Errorf("latents.rate needs a prior, and the model %s has none: set it to 0", m.Name)
		}
		info.Prior = fmt.Sprintf("%s, prior %.12s, rate %g", m.Name, m.Files[bundle.PriorFile].SHA256, o.Recipe.Latents.Rate)
		constrained, err := o.entropyConstrained(Pretrained{t.Bundle}, len(set.Classes))
		if err != nil {
			return latents.Info{}, err
		}
		encode = func(_ context.Context, bytes []uint8, classes []int32) ([]int32, error) {
			return constrained.Encode(bytes, classes)
		}
	}
	return latents.Encode(ctx, info, latents.Options{
		Set: set, Size: o.Recipe.Image.Size, Batch: o.Recipe.Latents.Batch, Encode: encode, Out: o.latents(), Reporter: o.Reporter,
	})
}

// entropyConstrained is the quantizer that takes the bundle's prior into account.
func (r Run) entropyConstrained(from Pretrained, classes int) (latents.EntropyConstrained, error) {
	if !r.Recipe.HasVQGAN() {
		return latents.EntropyConstrained{}, fmt.Errorf("latents.rate needs the VQ-GAN's network, and the model %s has no record of it: set it to 0", from.Bundle.Manifest.Name)
	}
	distances, err := r.Recipe.VQGAN.Distances(from.vqgan(), r.Recipe.Image.Size, r.Backend)
	if err != nil {
		return latents.EntropyConstrained{}, err
	}
	logProbabilities, err := r.Recipe.Prior.LogProbabilities(from.prior(), r.Recipe.Grid(classes), r.Backend)
	if err != nil {
		return latents.EntropyConstrained{}, fmt.Errorf("use the prior of %s for %d classes (latents.rate 0 does without): %w", from.Bundle.Manifest.Name, classes, err)
	}
	return latents.EntropyConstrained{
		Rate: r.Recipe.Latents.Rate, Vocabulary: r.Recipe.Vocabulary(), Seed: r.Recipe.Seed, Distances: distances, LogProbabilities: logProbabilities,
	}, nil
}

// PriorOptions configure the training of the prior on the run's latents.
type PriorOptions struct {
	Run
	Tokenizer tokenizer.Tokenizer // the one of the latents: decodes the sample sheets
	Resume    bool                // continue the run in Out
	Start     Start
}

// Prior trains the prior.
func Prior(ctx context.Context, o PriorOptions) (prior.Report, error) {
	pretrained, continued := o.Start.(Pretrained)
	if continued && !pretrained.Bundle.Manifest.HasPrior() {
		return prior.Report{}, fmt.Errorf("the model %s has no prior to start from: leave out --from", pretrained.Bundle.Manifest.Name)
	}
	info, ids, labels, err := latents.Open(o.latents())
	if err != nil {
		return prior.Report{}, err
	}
	if info.Tokenizer != o.Tokenizer.Name() {
		return prior.Report{}, fmt.Errorf("the latents in %s were made by another tokenizer (%s) than this run's (%s): run `sundae train latents` again", o.latents(), info.Tokenizer, o.Tokenizer.Name())
	}
	set := prior.Latents{Grid: o.Recipe.Grid(len(info.Classes)), Tokens: ids}
	if len(info.Classes) > 0 {
		set.Labels = labels
	}
	options := prior.Options{
		Backend: o.Backend, Latents: set, Per: info.Per(), Seed: o.Recipe.Seed, Out: o.Out, Resume: o.Resume, Reporter: o.Reporter,
		Sheet: func(path string, samples [][]int32) error { return o.sheet(ctx, path, samples, o.Tokenizer) },
	}
	if continued {
		options.From = pretrained.prior()
	}
	return prior.Train(ctx, o.Recipe.Prior, options)
}

// sheetSamples and sheetSide bound a sheet of samples; larger pictures are shrunk by a
// whole factor.
const (
	sheetSamples = 8
	sheetSide    = 256
)

// sheet writes samples [n][h·w] to a PNG.
func (r Run) sheet(ctx context.Context, path string, samples [][]int32, t tokenizer.Tokenizer) error {
	size := r.Recipe.Image.Size
	shrink := max(1, size/sheetSide)
	side := size / shrink
	var cells []image.Image
	for _, ids := range samples[:min(len(samples), sheetSamples)] {
		bytes, err := t.Decode(ctx, ids, 1)
		if err != nil {
			return fmt.Errorf("decode samples: %w", err)
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

// ExportOptions configure the writing of a bundle.
type ExportOptions struct {
	Run
	Tokenizer tokenizer.Tokenizer
	Prior     PriorSource
	Labels    export.Labels
	Writer    compute.Backend // an ONNX backend: writes the files
	Bundle    string          // the bundle's folder
	Command   string          // the command line, for the record
}

// PriorSource is where a bundle's prior comes from: Trained, Pretrained or NoPrior.
type PriorSource interface {
	export(r Run, writer compute.Backend) (classes []string, p export.Prior, err error)
}

// Trained is the prior that the run has trained.
type Trained struct{}

func (Trained) export(r Run, writer compute.Backend) ([]string, export.Prior, error) {
	info, _, _, err := latents.Open(r.latents())
	if err != nil {
		return nil, export.Prior{}, err
	}
	p, err := export.TrainedPrior(filepath.Join(r.Out, prior.Checkpoint), r.Recipe.Prior, r.Recipe.Grid(len(info.Classes)), writer)
	p.Data = fmt.Sprintf("%d pictures", info.Rows/info.Per())
	if n := len(info.Classes); n > 0 {
		p.Data += fmt.Sprintf(" in %d classes", n)
	}
	return info.Classes, p, err
}

func (p Pretrained) export(Run, compute.Backend) ([]string, export.Prior, error) {
	if !p.Bundle.Manifest.HasPrior() {
		return nil, export.Prior{}, fmt.Errorf("the model %s has no prior to export: name another one with --prior", p.Bundle.Manifest.Name)
	}
	return p.Bundle.Manifest.Classes, export.PretrainedPrior(p.Bundle), nil
}

// NoPrior leaves the prior out: the bundle is a VQ-GAN.
type NoPrior struct{}

func (NoPrior) export(Run, compute.Backend) ([]string, export.Prior, error) {
	return nil, export.Prior{}, nil
}

// Export writes the bundle and returns its manifest.
func Export(ctx context.Context, o ExportOptions) (bundle.Manifest, error) {
	classes, p, err := o.Prior.export(o.Run, o.Writer)
	if err != nil {
		return bundle.Manifest{}, err
	}
	return export.Bundle(ctx, export.Options{
		Backend: o.Writer, Recipe: o.Recipe, Tokenizer: o.Tokenizer, Prior: p, Classes: classes, Labels: o.Labels, Out: o.Bundle, Command: o.Command,
	})
}

// AllOptions configure a training from pictures to a bundle in Out/bundle.
type AllOptions struct {
	Run
	Data    []string // folders or IDX files of pictures
	Resume  bool     // continue the run in Out: finished stages are not repeated
	Labels  export.Labels
	Writer  compute.Backend
	Command string // the command line, for the record
}

// All trains a VQ-GAN, if the recipe has one, and a prior, and writes the bundle.
func All(ctx context.Context, o AllOptions) (bundle.Manifest, error) {
	if err := o.check(); err != nil {
		return bundle.Manifest{}, err
	}
	if o.Recipe.Tokenizer != recipe.Pixels {
		if _, err := VQGAN(ctx, VQGANOptions{Run: o.Run, Data: o.Data, Resume: o.Resume, Start: Random{}}); err != nil {
			return bundle.Manifest{}, fmt.Errorf("vqgan: %w", err)
		}
	}
	t, err := o.Tokenizer()
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer t.Close()
	return fromTokenizer(ctx, o, t)
}

// AllFromTokenizer trains a prior on the tokens of a VQ-GAN that exists already, and writes
// the bundle.
func AllFromTokenizer(ctx context.Context, o AllOptions, t tokenizer.Tokenizer) (bundle.Manifest, error) {
	if err := o.check(); err != nil {
		return bundle.Manifest{}, err
	}
	return fromTokenizer(ctx, o, t)
}

// check reports what would fail at the end of the run, and keeps a new run from
// overwriting another.
func (o AllOptions) check() error {
	set, err := dataset.Open(o.Data...)
	if err != nil {
		return err
	}
	if err := export.CheckTarget(o.bundle(), o.Labels, len(set.Classes)); err != nil || o.Resume {
		return err
	}
	for _, name := range []string{vqgan.Checkpoint, prior.Checkpoint} {
		if _, err := os.Stat(filepath.Join(o.Out, name)); err == nil {
			return fmt.Errorf("%s already holds a run: pass --resume to continue it, or another --out", o.Out)
		}
	}
	return nil
}

func (o AllOptions) bundle() string { return filepath.Join(o.Out, "bundle") }

func fromTokenizer(ctx context.Context, o AllOptions, t tokenizer.Tokenizer) (bundle.Manifest, error) {
	info, err := Latents(ctx, LatentsOptions{Run: o.Run, Data: o.Data, Tokenizer: t})
	if err != nil {
		return bundle.Manifest{}, fmt.Errorf("latents: %w", err)
	}
	o.Reporter.Printf("latents: %d of %d×%d tokens, %.0f%% of codes used, perplexity %.0f", info.Rows, info.Height, info.Width, 100*info.CodeUsage, info.Perplexity)
	if _, err := Prior(ctx, PriorOptions{Run: o.Run, Tokenizer: t, Resume: o.Resume, Start: Random{}}); err != nil {
		return bundle.Manifest{}, fmt.Errorf("prior: %w", err)
	}
	m, err := Export(ctx, ExportOptions{Run: o.Run, Tokenizer: t, Prior: Trained{}, Labels: o.Labels, Writer: o.Writer, Bundle: o.bundle(), Command: o.Command})
	if err != nil {
		return m, fmt.Errorf("export: %w", err)
	}
	return m, nil
}
