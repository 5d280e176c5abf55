package pretrained

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const vqgans = "../vqgan/testdata/"

func TestReadVQGANConfig(t *testing.T) {
	for name, want := range map[string]VQGANConfig{
		"vq-f2":             {File: "model.yaml", Quantizer: Euclidean, Resolution: 32, Channels: 32, Multipliers: []int{1, 2}, Blocks: 1, AttentionResolutions: []int{16}, ZChannels: 16, Embedding: 8, Vocabulary: 64},
		"vq-f4-first-stage": {File: "model.yaml", Quantizer: Euclidean, Resolution: 32, Channels: 32, Multipliers: []int{1, 1, 1}, Blocks: 2, AttentionResolutions: []int{8}, ZChannels: 16, Embedding: 16, Vocabulary: 48},
		"gumbel-f4":         {File: "model.yaml", Quantizer: Gumbel, Resolution: 32, Channels: 32, Multipliers: []int{1, 1, 1}, Blocks: 1, AttentionResolutions: []int{}, ZChannels: 16, Embedding: 16, Vocabulary: 64},
	} {
		got, err := ReadVQGANConfig(filepath.Join(vqgans, name, "model.yaml"))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, expected %+v", name, got, err, want)
		}
		// The weights say the same, except for the side of the pictures.
		found, err := VQGANConfig{File: "model.yaml", Resolution: 32}.Complete(open(t, filepath.Join(vqgans, name, "last.ckpt")))
		if len(found.AttentionResolutions) == 0 {
			found.AttentionResolutions = []int{}
		}
		if err != nil || !reflect.DeepEqual(found, want) {
			t.Errorf("%s: the weights say %+v, %v, expected %+v", name, found, err, want)
		}
	}
}

// latent-diffusion's VQModelInterface is the same network.
func TestLatentDiffusionConfig(t *testing.T) {
	read := func(text string) (VQGANConfig, error) {
		path := filepath.Join(t.TempDir(), "ldm.yaml")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return ReadVQGANConfig(path)
	}
	const text = `
model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    unet_config: {target: ldm.modules.diffusionmodules.openaimodel.UNetModel, params: {dims: 2}}
    first_stage_config:
      target: ldm.models.autoencoder.VQModelInterface
      params:
        embed_dim: 3
        n_embed: 8192
        ddconfig: {double_z: false, z_channels: 3, resolution: 256, in_channels: 3, out_ch: 3, ch: 128, ch_mult: [1, 2, 4], num_res_blocks: 2, attn_resolutions: [], dropout: 0.0}
        lossconfig: {target: torch.nn.Identity}
`
	c, err := read(text)
	if err != nil || c.Quantizer != Euclidean || c.Vocabulary != 8192 || !slices.Equal(c.Multipliers, []int{1, 2, 4}) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []struct{ old, new, want string }{
		{"VQModelInterface", "AutoencoderKL", "ldm.models.autoencoder.AutoencoderKL is no VQ-GAN that can be imported"},
		{"double_z: false", "double_z: true", "double_z: true can't be imported"},
		{"dropout: 0.0", "attn_type: none", "attn_type other than vanilla"},
		{"ch: 128", "ch: wide", "line 11 has another kind of value): give the one that was published"},
		{"model:", "network:", "has no model"},
	} {
		if _, err := read(strings.Replace(text, bad.old, bad.new, 1)); err == nil || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, expected %q", bad.new, err, bad.want)
		}
	}
}

func TestReadPriorConfig(t *testing.T) {
	c, err := ReadPriorConfig(filepath.Join(priors, "prior-class", "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Unroll != 2 || c.Batch != 8 || c.Rate != 3e-5 || c.Vocabulary != 48 || c.Tokens != 64 || !slices.Equal(c.Latent, []int{8, 8}) || *c.Sampling.EndTemperature != 0.7 {
		t.Errorf("%+v", c)
	}
	w := open(t, filepath.Join(priors, "prior-class", "sundae.pt"))
	configured, err := c.Complete(w)
	if err != nil {
		t.Fatal(err)
	}
	found, err := PriorConfig{}.Complete(w) // what the weights say
	if err != nil {
		t.Fatal(err)
	}
	want := HourglassConfig{Dim: 64, Heads: 2, HeadDim: 64, Downsample: 4, Depth: &HourglassDepth{1, 1, 1, nil}, Classes: 5, MLP: 4, AttentionResampling: true}
	configured.Network.conditional, configured.Network.rotary = nil, nil
	if !reflect.DeepEqual(configured.Network, want) || !reflect.DeepEqual(found.Network, want) {
		t.Errorf("the config and the weights say %+v, the weights %+v, expected %+v", configured.Network, found.Network, want)
	}
}

func TestParsePriorConfig(t *testing.T) {
	c, err := parsePriorConfig("[net]\ndepth = [2, [1, 8, 1], 2]\nshorten_factor = [4, 4]\n")
	if err != nil || c.Network.Depth.String() != "[2, [1, 8, 1], 2]" || c.Network.Downsample != 4 {
		t.Errorf("%+v, %v", c.Network, err)
	}
	for text, want := range map[string]string{
		"[net]\ntype = 'transformer'":        `net.type "transformer" cannot be imported`,
		"[net]\ndepth = [1, 2]":              "net.depth must be",
		"[net]\nshorten_factor = [4, 2]":     "one number for all levels",
		"[vqgan]\nlatent_shape = [16]":       "latent_shape must be two numbers",
		"[net":                               "no TOML (line 1",
		"[net]\ndim = 'wide'":                "no config of the author's code",
		"[net]\ndepth = [1, [1, [1], 1], 1]": "net.depth must be",
	} {
		if _, err := parsePriorConfig(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}
