package cli

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/spf13/cobra"

	"sundae/internal/onnx"
	"sundae/train/dataset"
	"sundae/train/engine"
	"sundae/train/recipe"
	"sundae/train/vqgan"
)

func newTrain(a *app) *cobra.Command {
	train := &cobra.Command{
		Use:   "train",
		Short: "Train a model of your own, from a folder of pictures to a bundle",
		Long: `Train a model of your own. The stages, in order: scenes (draw pictures, if you
have none), vqgan, latents, prior, export; all runs the last four in one go.`,
	}
	train.AddCommand(newTrainVQGAN(a))
	return train
}

// trainFlags are what every stage is told.
type trainFlags struct {
	recipe, data, out, backend string
	resume                     bool
	seed                       int64
}

func (f *trainFlags) add(a *app, cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.recipe, "recipe", "vistas", "recipe `file` or built-in name ("+strings.Join(recipe.BuiltIn(), ", ")+")")
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` of the run: checkpoints, metrics, sheets")
	cmd.Flags().StringVar(&f.backend, "backend", "", "onnx:cpu, onnx:cuda, xla:cuda, xla:cpu or go (default from the settings)")
	cmd.Flags().BoolVar(&f.resume, "resume", false, "go on with the run in --out")
	cmd.Flags().Int64Var(&f.seed, "seed", -1, "seed of weights and batches (default the recipe's)")
	cmd.MarkFlagRequired("out")
}

func (f *trainFlags) addData(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.data, "data", "", "`folder` of PNG, JPEG or WebP pictures, one sub-folder a class")
	cmd.MarkFlagRequired("data")
}

// open reads the recipe and opens the backend.
func (f *trainFlags) open(a *app, cmd *cobra.Command) (recipe.Recipe, compute.Backend, error) {
	r, err := recipe.Open(f.recipe)
	if err != nil {
		return r, nil, err
	}
	if f.seed >= 0 {
		r.Seed = uint64(f.seed)
	}
	name := f.backend
	if name == "" {
		name = a.config.Train.Backend
	}
	// The library is needed whatever the backend: the export goes through it.
	library, err := onnx.Ensure(cmd.Context(), a.config.ONNXRuntime, a.talk)
	if err != nil {
		return r, nil, err
	}
	backend, err := engine.Open(name, library.Path)
	return r, backend, err
}

func newTrainVQGAN(a *app) *cobra.Command {
	var f trainFlags
	cmd := &cobra.Command{
		Use:   "vqgan",
		Short: "Train the VQ-GAN: pictures to tokens and back",
		Example: `  sundae train vqgan --recipe tiny --data pictures --out runs/tiny
  sundae train vqgan --recipe my.yaml --data pictures --out runs/my --resume`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			r, backend, err := f.open(a, cmd)
			if err != nil {
				return err
			}
			defer backend.Finalize()
			set, err := dataset.Open(f.data)
			if err != nil {
				return err
			}
			report, err := vqgan.Train(cmd.Context(), r.VQGAN, vqgan.Options{
				Backend: backend, Set: set, Size: r.Image.Size, Seed: r.Seed, Out: f.out, Resume: f.resume, Talk: a.talk,
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "held-out L1 %.4f, PSNR %.2f dB, %.0f%% of codes live, perplexity %.0f, %.2f hours\n",
				report.L1, report.PSNR, 100*report.Live, report.Perplexity, report.Hours)
			return nil
		},
	}
	f.add(a, cmd)
	f.addData(cmd)
	return cmd
}
