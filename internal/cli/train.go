package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/ort/install"
	"sundae/train"
	"sundae/train/engine"
	"sundae/train/recipe"
)

func newTrain(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a model of your own, from a folder of pictures to a bundle",
		Long: `Train a model of your own. The stages, in order: scenes (draw pictures, if you
have none), vqgan, latents, prior, export; "all" runs the last four in one go.
Every stage keeps its checkpoints in --out; --resume goes on where it stopped.`,
	}
	cmd.AddCommand(newScenes(a), newNeighbours(a), newTrainVQGAN(a), newTrainLatents(a), newTrainPrior(a), newTrainExport(a), newTrainAll(a))
	return cmd
}

// trainFlags are what the stages are told.
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
	cmd.Flags().BoolVar(&f.resume, "resume", false, "go on with the run in --out")
}

func (f *trainFlags) addData(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.data, "data", nil, "`folder` of PNG, JPEG or WebP pictures, one sub-folder a class; give it again for more")
	cmd.MarkFlagRequired("data")
}

func (f *trainFlags) addTokenizer(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.tokenizer, "tokenizer", "", "`model` whose encoder and decoder to take instead of training a VQ-GAN: a folder or a name")
}

// run reads the recipe and opens the backends, and then does work.
func (f *trainFlags) run(a *app, cmd *cobra.Command, work func(train.Run) error) error {
	r, err := recipe.Open(f.recipe)
	if err != nil {
		return err
	}
	if f.seed >= 0 {
		r.Seed = uint64(f.seed)
	}
	name := f.backend
	if name == "" {
		name = a.config.Train.Backend
	}
	// The library is needed whatever the backend: the bundle is written through it.
	library, err := install.Ensure(cmd.Context(), a.config.ONNXRuntime, a.talk)
	if err != nil {
		return err
	}
	backend, err := engine.Open(name, library.Path)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	writer, err := engine.Open("onnx:cpu", library.Path)
	if err != nil {
		return err
	}
	defer writer.Finalize()
	run := train.Run{
		Recipe: r, Data: f.data, Out: f.out, Resume: f.resume, Backend: backend, Writer: writer, Talk: a.talk,
		Command: cmd.CommandPath() + " --recipe " + r.Name,
	}
	if f.tokenizer != "" {
		t, err := borrow(cmd.Context(), a, f.tokenizer, r)
		if err != nil {
			return err
		}
		defer t.Close()
		run.Tokenizer = t
		if r.Latents.Rate > 0 {
			m := t.bundle.Manifest
			run.Expect = &train.Expect{
				Name:  fmt.Sprintf("%s, prior %.12s", m.Name, m.Files[bundle.PriorFile].SHA256),
				VQGAN: vqganFiles(t.bundle, writer), Prior: priorOf(t.bundle, writer),
			}
		}
		run.Command += " --tokenizer " + t.bundle.Manifest.Name
	}
	return work(run)
}

func newTrainVQGAN(a *app) *cobra.Command {
	var f trainFlags
	var from string
	cmd := &cobra.Command{
		Use:   "vqgan",
		Short: "Train the VQ-GAN: pictures to tokens and back",
		Long: `Train the VQ-GAN: pictures to tokens and back. With --from it begins as the one in
a bundle, and only the recipe's fine-tuning is done: the decoder learns to draw
better what the tokens say, while every token, and a prior trained on them, stays
good. The recipe may give the decoder more blocks than it had.`,
		Example: `  sundae train vqgan --recipe tiny --data pictures --out runs/tiny
  sundae train vqgan --recipe my.yaml --data pictures --out runs/my --resume
  sundae train vqgan --recipe vistas --from vistas --data pictures --out runs/sharper`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(a, cmd, func(r train.Run) error {
				if from != "" {
					b, err := a.bundle(from)
					if err != nil {
						return err
					}
					r.FromVQGAN = vqganFiles(b, r.Writer)
					if r.Recipe.VQGAN.Finetune.TokenAugmentation > 0 {
						drawer, err := newRedrawer(cmd.Context(), a, b)
						if err != nil {
							return err
						}
						defer drawer.Close()
						r.FromVQGAN.Augment = drawer.redraw
					}
				}
				report, err := r.VQGAN(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "held-out L1 %.4f, PSNR %.2f dB, %.0f%% of codes used, perplexity %.0f, %.2f hours\n",
					report.L1, report.PSNR, 100*report.CodeUsage, report.Perplexity, report.Hours)
				return nil
			})
		},
	}
	f.add(cmd)
	f.addData(cmd)
	f.addResume(cmd)
	cmd.Flags().StringVar(&from, "from", "", "`model` whose encoder and decoder to begin as: a folder or a name")
	return cmd
}

func newTrainLatents(a *app) *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "latents",
		Short: "Encode the pictures into the prior's token data set",
		Long: `Encode the pictures with the run's VQ-GAN into OUT/latents: latents.npy, uint16
[n, h, w], and labels.npy, uint16 [n]. A run that was stopped goes on by itself.
With --tokenizer, and a latents.rate above 0 in the recipe, the prior of that model
chooses among the codes that are close to what the encoder says: tokens that are
easier to learn, of pictures that look the same.`,
		Example: `  sundae train latents --recipe tiny --data pictures --out runs/tiny
  sundae train latents --recipe my.yaml --tokenizer vistas --data pictures --data more --out runs/longer`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(a, cmd, func(r train.Run) error {
				info, err := r.Latents(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%d latents of %d×%d tokens, %.0f%% of %d codes used, perplexity %.0f\n",
					info.Rows, info.Height, info.Width, 100*info.Live, info.Vocabulary, info.Perplexity)
				return nil
			})
		},
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
		Long: `Train the SUNDAE prior on the run's latents. With --from it begins as the one in
a bundle, of the recipe's network, classes and all: to train that longer, or on
pictures of one's own. The recipe may give it what it had not: neighbours, or more
layers after the valley.`,
		Example: `  sundae train prior --recipe tiny --out runs/tiny
  sundae train prior --recipe tiny --out runs/tiny --resume
  sundae train prior --recipe vistas --tokenizer vistas --from vistas --out runs/longer`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(a, cmd, func(r train.Run) error {
				if from != "" {
					var err error
					if r.FromPrior, err = priorFile(a, from, r.Writer); err != nil {
						return err
					}
				}
				report, err := r.Prior(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "loss %.3f; held-out at corruption 0.1 to 0.9: %.3f; %.2f hours\n", report.Loss, report.HeldOut, report.Hours)
				return nil
			})
		},
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	f.addResume(cmd)
	cmd.Flags().StringVar(&from, "from", "", "`model` whose prior to begin as: a folder or a name")
	return cmd
}

func newTrainExport(a *app) *cobra.Command {
	var f trainFlags
	var dir, lender string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the run's model as a bundle",
		Long: `Write the run's model as a bundle. A decoder that was sharpened from a model goes
with that model's prior, which is of the same tokens: --prior names it.`,
		Example: `  sundae train export --recipe tiny --out runs/tiny --bundle models/tiny
  sundae train export --recipe vistas --out runs/sharper --prior vistas --bundle models/sharper`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(a, cmd, func(r train.Run) error {
				if lender != "" {
					var err error
					if r.Lender, err = a.bundle(lender); err != nil {
						return err
					}
					r.Command += " --prior " + r.Lender.Manifest.Name
				}
				m, err := r.Export(dir)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%s: %d×%d pixels, %d×%d tokens of %d codes, in %s\n", m.Name, m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Vocabulary, dir)
				return nil
			})
		},
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	cmd.Flags().StringVar(&dir, "bundle", "", "`folder` to write the bundle to")
	cmd.Flags().StringVar(&lender, "prior", "", "`model` whose prior to take instead of the run's: a folder or a name")
	cmd.MarkFlagRequired("bundle")
	return cmd
}

func newTrainAll(a *app) *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "all",
		Short: "Train everything: pictures in, bundle out",
		Example: `  sundae train scenes --out pictures --count 800 --size 32
  sundae train all --recipe tiny --data pictures --out runs/tiny
  sundae train all --recipe vistas --tokenizer vistas --data pictures --out runs/mine   # a prior alone`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(a, cmd, func(r train.Run) error {
				m, err := r.All(cmd.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%s: %d×%d pixels, %d×%d tokens of %d codes, in %s/bundle\n", m.Name, m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Vocabulary, r.Out)
				return nil
			})
		},
	}
	f.add(cmd)
	f.addTokenizer(cmd)
	f.addData(cmd)
	f.addResume(cmd)
	return cmd
}
