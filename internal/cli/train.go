package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/ort"
	"sundae/internal/ort/install"
	"sundae/train"
	"sundae/train/engine"
	"sundae/train/export"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
)

func newTrain(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a model of your own, from a folder of pictures to a bundle",
		Long: `Train a model of your own. The stages are, in this order: scenes (draws pictures,
if you have none), vqgan, latents, prior and export. "all" runs the last four.
Every stage keeps its checkpoints in --out; --resume continues a stopped one.`,
	}
	cmd.AddCommand(newScenes(a), newNeighbours(a), newTrainVQGAN(a), newTrainLatents(a), newTrainPrior(a), newTrainExport(a), newTrainAll(a))
	return cmd
}

// trainFlags are the flags of the stages.
type trainFlags struct {
	recipe, out, backend, tokenizer string
	data                            []string
	resume                          bool
	seed                            int64
}

func (f *trainFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.recipe, "recipe", "vistas", "recipe `file` or built-in name ("+strings.Join(recipe.BuiltIn(), ", ")+")")
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` of the run: checkpoints, metrics, sheets, latents")
	cmd.Flags().StringVar(&f.backend, "backend", "", strings.Join(engine.Backends, ", ")+" or auto (default from the settings)")
	cmd.Flags().Int64Var(&f.seed, "seed", -1, "seed of weights and batches (default the recipe's)")
	cmd.MarkFlagRequired("out")
}

func (f *trainFlags) addResume(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.resume, "resume", false, "continue the run in --out")
}

func (f *trainFlags) addData(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.data, "data", nil, "`folder` of PNG, JPEG or WebP pictures, one sub-folder per class, or an IDX file of images, as MNIST has them; may be repeated")
	cmd.MarkFlagRequired("data")
}

func (f *trainFlags) addTokenizer(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tokenizer, "tokenizer", "", "`model` whose encoder and decoder to use instead of training a VQ-GAN: a folder or a name")
}

// session is what a stage runs with: the recipe, two backends and the command line.
type session struct {
	train.Run
	writer  compute.Backend // an ONNX backend: writes the bundle
	command string
}

// open reads the recipe and opens the backends. Close frees them.
func (f *trainFlags) open(a *app, cmd *cobra.Command) (*session, error) {
	r, err := recipe.Open(f.recipe)
	if err != nil {
		return nil, err
	}
	if f.seed >= 0 {
		r.Seed = uint64(f.seed)
	}
	name := f.backend
	if name == "" {
		name = a.config.Train.Backend
	}
	// The library is needed with any backend: it writes the bundle.
	library, err := install.Ensure(cmd.Context(), a.config.ONNXRuntime, a.reporter)
	if err != nil {
		return nil, err
	}
	backend, err := engine.Open(name, library.Path)
	if err != nil {
		return nil, err
	}
	writer, err := engine.Open("onnx:cpu", library.Path)
	if err != nil {
		backend.Finalize()
		return nil, err
	}
	rt, err := ort.Load(library)
	if err != nil {
		backend.Finalize()
		writer.Finalize()
		return nil, err
	}
	open := rt.Opener(ort.Options{Device: ort.CPU, Threads: a.config.Threads})
	return &session{
		Run:    train.Run{Recipe: r, Out: f.out, Backend: backend, Open: open, Reporter: a.reporter},
		writer: writer, command: cmd.CommandPath() + " --recipe " + r.Name,
	}, nil
}

// Close frees the backends.
func (s *session) Close() {
	s.writer.Finalize()
	s.Backend.Finalize()
}

// openTokenizer opens the tokenizer that the flags name: a model's or the run's own.
func (f *trainFlags) openTokenizer(ctx context.Context, a *app, s *session) (tokenizer.Tokenizer, error) {
	if f.tokenizer == "" {
		return s.Tokenizer()
	}
	return f.openPretrained(ctx, a, s)
}

// openPretrained opens the tokenizer of the model that --tokenizer names, and fits the
// recipe to it.
func (f *trainFlags) openPretrained(ctx context.Context, a *app, s *session) (*tokenizer.Pretrained, error) {
	b, err := a.bundle(ctx, f.tokenizer)
	if err != nil {
		return nil, err
	}
	s.command += " --tokenizer " + b.Manifest.Name
	own := s.Recipe
	if s.Recipe, err = own.WithTokenizer(b.Manifest); err != nil {
		return nil, err
	}
	if m := b.Manifest; own.HasVQGAN() && (m.ImageSize != own.Image.Size || m.Downsample != own.Factor() || m.Vocabulary != own.Vocabulary()) {
		s.Reporter.Printf("images and tokens are those of the model %s (%d pixels, f = %d, %d codes), not of the recipe %s (%d pixels, f = %d, %d codes)",
			m.Name, m.ImageSize, m.Downsample, m.Vocabulary, own.Name, own.Image.Size, own.Factor(), own.Vocabulary())
	}
	return tokenizer.OpenBundle(b, s.Open)
}

// run returns a command's RunE that runs a stage in a session.
func (f *trainFlags) run(a *app, stage func(context.Context, *session) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		s, err := f.open(a, cmd)
		if err != nil {
			return err
		}
		defer s.Close()
		return stage(cmd.Context(), s)
	}
}

// runWithTokenizer is run for a stage that uses the tokenizer.
func (f *trainFlags) runWithTokenizer(a *app, stage func(context.Context, *session, tokenizer.Tokenizer) error) func(*cobra.Command, []string) error {
	return f.run(a, func(ctx context.Context, s *session) error {
		t, err := f.openTokenizer(ctx, a, s)
		if err != nil {
			return err
		}
		defer t.Close()
		return stage(ctx, s, t)
	})
}

// start is what training starts from: the model called name, or random weights.
func start(ctx context.Context, a *app, name string) (train.Start, error) {
	if name == "" {
		return train.Random{}, nil
	}
	b, err := a.bundle(ctx, name)
	return train.Pretrained{Bundle: b}, err
}

func newTrainVQGAN(a *app) *cobra.Command {
	var f trainFlags
	var from string
	var all bool
	cmd := &cobra.Command{
		Use:   "vqgan",
		Short: "Train the VQ-GAN: pictures to tokens and back",
		Long: `Train the VQ-GAN: pictures to tokens and back. With --from it starts from the
weights of a model and only fine-tunes the decoder: it learns to draw better what
the tokens say, while the tokens, and a prior trained on them, stay valid. The
recipe may give the decoder more blocks than it had. With --all it trains encoder and
codebook further as well: the tokens change, and need a new prior.`,
		Example: `  sundae train vqgan --recipe tiny --data pictures --out runs/tiny
  sundae train vqgan --recipe my.yaml --data pictures --out runs/my --resume
  sundae train vqgan --recipe vistas --from vistas --data pictures --out runs/sharper
  sundae train vqgan --recipe my.yaml --from imported --all --data pictures --out runs/adapted`,
		RunE: f.run(a, func(ctx context.Context, s *session) error {
			if all && from == "" {
				return usagef("--all needs --from, the model to train further")
			}
			from, err := start(ctx, a, from)
			if err != nil {
				return err
			}
			report, err := train.VQGAN(ctx, train.VQGANOptions{Run: s.Run, Data: f.data, Resume: f.resume, Start: from, All: all})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "held-out L1 %.4f, PSNR %.2f dB, %.0f%% of codes used, perplexity %.0f, %.2f hours\n",
				report.L1, report.PSNR, 100*report.CodeUsage, report.Perplexity, report.Hours)
			return nil
		}),
	}
	f.add(cmd)
	f.addData(cmd)
	f.addResume(cmd)
	cmd.Flags().StringVar(&from, "from", "", "`model` whose encoder and decoder to start from: a folder or a name")
	cmd.Flags().BoolVar(&all, "all", false, "with --from, train encoder and codebook further as well")
	return cmd
}

func newTrainLatents(a *app) *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "latents",
		Short: "Encode the pictures into the prior's token data set",
		Long: `Encode the pictures with the run's VQ-GAN into OUT/latents: latents.npy, uint16
[n, h, w], and labels.npy, uint16 [n]. The same command continues a stopped run.
With --tokenizer and a latents.rate above 0 in the recipe, the prior of that model
chooses among codes that are almost equally close: the tokens are easier to learn,
and decode to almost the same pictures.`,
		Example: `  sundae train latents --recipe tiny --data pictures --out runs/tiny
  sundae train latents --recipe my.yaml --tokenizer vistas --data pictures --data more --out runs/longer`,
		RunE: f.runWithTokenizer(a, func(ctx context.Context, s *session, t tokenizer.Tokenizer) error {
			info, err := train.Latents(ctx, train.LatentsOptions{Run: s.Run, Data: f.data, Tokenizer: t})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%d latents of %d×%d tokens, %.0f%% of %d codes used, perplexity %.0f\n",
				info.Rows, info.Height, info.Width, 100*info.CodeUsage, info.Vocabulary, info.Perplexity)
			return nil
		}),
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	f.addData(cmd)
	return cmd
}

func newTrainPrior(a *app) *cobra.Command {
	var f trainFlags
	var from string
	cmd := &cobra.Command{
		Use:   "prior",
		Short: "Train the SUNDAE prior on the run's latents",
		Long: `Train the SUNDAE prior on the run's latents. With --from it starts from the weights
of a model with the same network and classes, to train that longer or on your own
pictures. The recipe may add shift mixing, or layers after the bottleneck.`,
		Example: `  sundae train prior --recipe tiny --out runs/tiny
  sundae train prior --recipe tiny --out runs/tiny --resume
  sundae train prior --recipe vistas --tokenizer vistas --from vistas --out runs/longer`,
		RunE: f.runWithTokenizer(a, func(ctx context.Context, s *session, t tokenizer.Tokenizer) error {
			from, err := start(ctx, a, from)
			if err != nil {
				return err
			}
			report, err := train.Prior(ctx, train.PriorOptions{Run: s.Run, Tokenizer: t, Resume: f.resume, Start: from})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%v; %.2f hours\n", report, report.Hours)
			return nil
		}),
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	f.addResume(cmd)
	cmd.Flags().StringVar(&from, "from", "", "`model` whose prior to start from: a folder or a name")
	return cmd
}

func newTrainExport(a *app) *cobra.Command {
	var f trainFlags
	var labels labelFlags
	var dir, priorOf string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the run's model as a bundle",
		Long: `Write the run's model as a bundle. A decoder fine-tuned from a model is used with
that model's prior, which fits the same tokens: --prior names it. With --prior none the
bundle is the VQ-GAN alone, for others to train priors on. The classes have the names of
the pictures' folders, unless --classes names them.`,
		Example: `  sundae train export --recipe tiny --out runs/tiny --bundle models/tiny
  sundae train export --recipe my.yaml --out runs/my --bundle models/cats --name cats --description "My cats" --classes cats.txt
  sundae train export --recipe vistas --out runs/sharper --prior vistas --bundle models/sharper`,
		RunE: f.runWithTokenizer(a, func(ctx context.Context, s *session, t tokenizer.Tokenizer) error {
			labels, err := labels.labels()
			if err != nil {
				return err
			}
			source, err := priorSource(ctx, a, s, priorOf)
			if err != nil {
				return err
			}
			m, err := train.Export(ctx, train.ExportOptions{Run: s.Run, Tokenizer: t, Prior: source, Labels: labels, Writer: s.writer, Bundle: dir, Command: s.command})
			if err != nil {
				return err
			}
			printBundle(a, m, dir)
			return nil
		}),
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	cmd.Flags().StringVar(&dir, "bundle", "", "`folder` to write the bundle to")
	cmd.Flags().StringVar(&priorOf, "prior", "", "`model` whose prior to use instead of the run's: a folder or a name; none: without a prior")
	labels.add(cmd)
	cmd.MarkFlagRequired("bundle")
	return cmd
}

// priorSource is where the prior of a bundle comes from: the model called name, none, or
// the run.
func priorSource(ctx context.Context, a *app, s *session, name string) (train.PriorSource, error) {
	switch name {
	case "":
		return train.Trained{}, nil
	case "none":
		s.command += " --prior none"
		return train.NoPrior{}, nil
	}
	b, err := a.bundle(ctx, name)
	if err != nil {
		return nil, err
	}
	s.command += " --prior " + b.Manifest.Name
	return train.Pretrained{Bundle: b}, nil
}

func newTrainAll(a *app) *cobra.Command {
	var f trainFlags
	var labels labelFlags
	cmd := &cobra.Command{
		Use:   "all",
		Short: "Train everything: pictures in, bundle out",
		Example: `  sundae train scenes --out pictures --count 800 --size 32
  sundae train all --recipe tiny --data pictures --out runs/tiny
  sundae train all --recipe vistas --tokenizer vistas --data pictures --out runs/mine   # only the prior`,
		RunE: f.run(a, func(ctx context.Context, s *session) error {
			labels, err := labels.labels()
			if err != nil {
				return err
			}
			m, err := f.trainAll(ctx, a, s, labels)
			if err != nil {
				return err
			}
			printBundle(a, m, s.Out+"/bundle")
			return nil
		}),
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	f.addData(cmd)
	f.addResume(cmd)
	labels.add(cmd)
	return cmd
}

// trainAll trains all stages, or the prior alone on the tokenizer of a model.
func (f *trainFlags) trainAll(ctx context.Context, a *app, s *session, labels export.Labels) (bundle.Manifest, error) {
	if f.tokenizer == "" {
		return train.All(ctx, f.all(s, labels))
	}
	t, err := f.openPretrained(ctx, a, s)
	if err != nil {
		return bundle.Manifest{}, err
	}
	defer t.Close()
	return train.AllFromTokenizer(ctx, f.all(s, labels), t)
}

// all is the options of a training of all stages.
func (f *trainFlags) all(s *session, labels export.Labels) train.AllOptions {
	return train.AllOptions{Run: s.Run, Data: f.data, Resume: f.resume, Labels: labels, Writer: s.writer, Command: s.command}
}

// printBundle says what was written to a bundle's folder.
func printBundle(a *app, m bundle.Manifest, dir string) {
	fmt.Fprintf(a.out, "%s: %d×%d pixels, %d×%d tokens of %d codes, in %s\n", m.Name, m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Vocabulary, dir)
}
