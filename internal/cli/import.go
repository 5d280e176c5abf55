package cli

import (
	"github.com/spf13/cobra"

	"sundae/internal/ort/install"
	"sundae/train/engine"
	"sundae/train/published"
)

func newImport(a *app) *cobra.Command {
	var o published.Options
	var labels labelFlags
	var pixels bool
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make a model of published PyTorch checkpoints",
		Long: `Make a model of published PyTorch checkpoints, without Python: a VQ-GAN of
taming-transformers or latent-diffusion with its YAML, and a prior of the author's
code with its TOML. Without a prior the model reconstructs images, and a prior can be
trained on its tokens. With --pixels the prior has no VQ-GAN: its tokens are grey
levels, as in the author's models of MNIST. Files are .ckpt, .pt, .pth or .safetensors; nothing in them is
executed.`,
		Example: `  sundae import --vqgan last.ckpt --vqgan-config model.yaml --out models/vqgan
  sundae import --vqgan last.ckpt --vqgan-config model.yaml --prior sundae.pt --prior-config config.toml \
    --out models/faces --name faces --licence MIT
  sundae import --pixels --prior mnist.pt --prior-config mnist.toml --out models/digits
  sundae train all --recipe vistas --tokenizer models/vqgan --data pictures --out runs/mine`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.VQGAN == "" && !pixels || pixels && o.Prior == "" {
				return usagef("import needs --vqgan and --vqgan-config or, for a prior whose tokens are grey levels, --prior and --pixels")
			}
			if pixels && (o.VQGAN != "" || o.VQGANConfig != "") {
				return usagef("--pixels is for a prior without a VQ-GAN: leave out --vqgan and --vqgan-config")
			}
			if !pixels && o.VQGANConfig == "" {
				return usagef("--vqgan needs --vqgan-config, the YAML that was published with it")
			}
			if o.PriorConfig != "" && o.Prior == "" {
				return usagef("--prior-config needs --prior, the checkpoint that it describes")
			}
			if labels.classes != "" && o.Prior == "" {
				return usagef("--classes needs --prior: a VQ-GAN alone has no classes")
			}
			var err error
			if o.Labels, err = labels.labels(); err != nil {
				return err
			}
			library, err := install.Ensure(cmd.Context(), a.config.ONNXRuntime, a.reporter)
			if err != nil {
				return err
			}
			if o.Backend, err = engine.Open("onnx:cpu", library.Path); err != nil {
				return err
			}
			defer o.Backend.Finalize()
			o.Reporter, o.Command = a.reporter, cmd.CommandPath()
			m, err := published.Import(cmd.Context(), o)
			if err != nil {
				return err
			}
			printBundle(a, m, o.Out)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.VQGAN, "vqgan", "", "checkpoint `file` of the VQ-GAN")
	cmd.Flags().StringVar(&o.VQGANConfig, "vqgan-config", "", "its YAML `file`")
	cmd.Flags().StringVar(&o.Prior, "prior", "", "checkpoint `file` of the prior")
	cmd.Flags().StringVar(&o.PriorConfig, "prior-config", "", "its TOML `file`")
	cmd.Flags().StringVar(&o.Out, "out", "", "`folder` of the model")
	cmd.Flags().BoolVar(&o.Force, "force", false, "replace the model in --out")
	cmd.Flags().BoolVar(&pixels, "pixels", false, "the prior's tokens are the grey levels of pixels, as with MNIST")
	cmd.MarkFlagRequired("out")
	labels.add(cmd)
	return cmd
}
