package pretrained

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// VQGANConfig is what a YAML of taming-transformers or latent-diffusion says of a VQ-GAN. What
// it leaves out is zero or nil, until Complete fills it in.
type VQGANConfig struct {
	File       string // the YAML's name, for messages
	Quantizer  string // "euclidean" or "gumbel"
	Resolution int    // side of the pictures that it was trained on
	Channels   int    // ch
	// Multipliers are ch_mult: level i is Channels·Multipliers[i] wide.
	Multipliers []int
	Blocks      int // num_res_blocks
	// AttentionResolutions are the sides of the activations that have self-attention.
	AttentionResolutions []int
	ZChannels            int // z_channels
	Embedding            int // embed_dim
	Vocabulary           int // n_embed
}

// The quantizers of a VQGANConfig.
const (
	Euclidean = "euclidean"
	Gumbel    = "gumbel"
)

// network is a model in a YAML: the class and its arguments.
type network struct {
	Target string `yaml:"target"`
	Params struct {
		EmbedDim   int      `yaml:"embed_dim"`
		NEmbed     int      `yaml:"n_embed"`
		Remap      any      `yaml:"remap"`
		FirstStage *network `yaml:"first_stage_config"`
		DDConfig   struct {
			DoubleZ       bool   `yaml:"double_z"`
			ZChannels     int    `yaml:"z_channels"`
			Resolution    int    `yaml:"resolution"`
			InChannels    *int   `yaml:"in_channels"`
			OutCh         *int   `yaml:"out_ch"`
			Ch            int    `yaml:"ch"`
			ChMult        []int  `yaml:"ch_mult"`
			NumResBlocks  int    `yaml:"num_res_blocks"`
			AttnRes       []int  `yaml:"attn_resolutions"`
			ResampConv    *bool  `yaml:"resamp_with_conv"`
			TanhOut       bool   `yaml:"tanh_out"`
			GivePreEnd    bool   `yaml:"give_pre_end"`
			AttnType      string `yaml:"attn_type"`
			UseLinearAttn bool   `yaml:"use_linear_attn"`
		} `yaml:"ddconfig"`
	} `yaml:"params"`
}

// ReadVQGANConfig reads the YAML of a VQModel, a GumbelVQ or latent-diffusion's
// VQModelInterface, or of a transformer or diffusion model around one (first_stage_config).
// Keys that don't shape the network are passed over.
func ReadVQGANConfig(path string) (VQGANConfig, error) {
	text, err := readConfig(path)
	if err != nil {
		return VQGANConfig{}, fmt.Errorf("read the VQ-GAN's config: %w", err)
	}
	name := filepath.Base(path)
	var file struct {
		Model *network `yaml:"model"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return VQGANConfig{}, fmt.Errorf("read the VQ-GAN's config %s: it is no YAML of taming-transformers: %w", name, firstYAMLError(err))
	}
	if file.Model == nil {
		return VQGANConfig{}, fmt.Errorf("read the VQ-GAN's config %s: it has no model: give the YAML that was published with the checkpoint", name)
	}
	n := *file.Model
	if n.Params.FirstStage != nil {
		n = *n.Params.FirstStage
	}
	c, err := n.config()
	if err != nil {
		return VQGANConfig{}, fmt.Errorf("read the VQ-GAN's config %s: %w", name, err)
	}
	c.File = name
	return c, nil
}

// firstYAMLError is the first of the errors that yaml.v3 lists, without the Go type.
func firstYAMLError(err error) error {
	var list *yaml.TypeError
	if errors.As(err, &list) {
		first, _, _ := strings.Cut(list.Errors[0], " into ")
		return errors.New(first)
	}
	return errors.New(strings.ReplaceAll(err.Error(), "\n", " "))
}

// config checks what the network is, and leaves out how it was trained.
func (n network) config() (VQGANConfig, error) {
	p := n.Params
	d := p.DDConfig
	c := VQGANConfig{
		Resolution: d.Resolution, Channels: d.Ch, Multipliers: d.ChMult, Blocks: d.NumResBlocks,
		AttentionResolutions: d.AttnRes, ZChannels: d.ZChannels, Embedding: p.EmbedDim, Vocabulary: p.NEmbed,
	}
	switch class := n.Target[strings.LastIndex(n.Target, ".")+1:]; class {
	case "VQModel", "VQModelInterface":
		c.Quantizer = Euclidean
	case "GumbelVQ":
		c.Quantizer = Gumbel
	case "":
	default:
		return c, fmt.Errorf("%s is no VQ-GAN that can be imported: VQModel, GumbelVQ and VQModelInterface can", n.Target)
	}
	for _, unsupported := range []struct {
		setting string
		set     bool
	}{
		{"double_z: true", d.DoubleZ},
		{"remap", p.Remap != nil},
		{"in_channels other than 3", d.InChannels != nil && *d.InChannels != 3},
		{"out_ch other than 3", d.OutCh != nil && *d.OutCh != 3},
		{"resamp_with_conv: false", d.ResampConv != nil && !*d.ResampConv},
		{"tanh_out: true", d.TanhOut},
		{"give_pre_end: true", d.GivePreEnd},
		{"attn_type other than vanilla", d.AttnType != "" && d.AttnType != "vanilla" && d.AttnType != "vanilla-xformers"},
		{"use_linear_attn: true", d.UseLinearAttn},
	} {
		if unsupported.set {
			return c, fmt.Errorf("a VQ-GAN with %s cannot be imported", unsupported.setting)
		}
	}
	return c, nil
}

// maxResolution bounds the side of the pictures, before sizes are computed of it.
const maxResolution = 1 << 14

// Complete fills in what the weights say and the config does not. Where both say something
// else, the error names both values. The side of the pictures is in no weight, so the config
// must say it.
func (c VQGANConfig) Complete(w *Weights) (VQGANConfig, error) {
	w = firstStage(w)
	if _, ok := w.Shape("encoder.conv_in.weight"); !ok {
		return c, fmt.Errorf("it holds another network than a VQ-GAN of taming-transformers: unexpected keys: %s", firstKeys(w))
	}
	found := vqganOf(w)
	m := merger{file: c.File}
	m.text("quantizer", &c.Quantizer, found.Quantizer)
	m.number("ch", &c.Channels, found.Channels)
	m.numbers("ch_mult", &c.Multipliers, found.Multipliers)
	m.number("num_res_blocks", &c.Blocks, found.Blocks)
	m.number("z_channels", &c.ZChannels, found.ZChannels)
	m.number("embed_dim", &c.Embedding, found.Embedding)
	m.number("n_embed", &c.Vocabulary, found.Vocabulary)
	if m.err != nil {
		return c, m.err
	}
	if c.Resolution < 1 {
		return c, fmt.Errorf("%s has no resolution, which is in no weight: add the side of the pictures under ddconfig", c.File)
	}
	if c.Resolution > maxResolution {
		return c, fmt.Errorf("%s has resolution %d: it must be at most %d", c.File, c.Resolution, maxResolution)
	}
	var attention, configured []int // resolutions in order of the levels
	for level := range c.Multipliers {
		side := c.Resolution >> level
		if _, ok := w.Shape(fmt.Sprintf("encoder.down.%d.attn.0.q.weight", level)); ok {
			attention = append(attention, side)
		}
		if slices.Contains(c.AttentionResolutions, side) {
			configured = append(configured, side)
		}
	}
	if c.AttentionResolutions != nil && !slices.Equal(attention, configured) {
		return c, fmt.Errorf("%s has attention at the resolutions %v of a picture of %d pixels, the weights at %v: give the YAML of these weights", c.File, configured, c.Resolution, attention)
	}
	c.AttentionResolutions = attention
	return c, nil
}

// firstStage are the weights of the VQ-GAN in a checkpoint of a model around it.
func firstStage(w *Weights) *Weights {
	if first := w.Sub("first_stage_model."); len(first.tensors) > 0 {
		return first
	}
	return w
}

// firstKeys names the first keys, for messages.
func firstKeys(w *Weights) string {
	const most = 3
	keys := w.Keys()
	text := strings.Join(keys[:min(most, len(keys))], ", ")
	if more := len(keys) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// vqganOf is what the weights tell of the network. What they don't is zero.
func vqganOf(w *Weights) VQGANConfig {
	var c VQGANConfig
	c.Channels = w.dim("encoder.conv_in.weight", 0)
	for level := 0; c.Channels > 0; level++ {
		width := w.dim(fmt.Sprintf("encoder.down.%d.block.0.conv1.weight", level), 0)
		if width == 0 {
			break
		}
		c.Multipliers = append(c.Multipliers, width/c.Channels)
	}
	c.Blocks = w.count("encoder.down.0.block.%d.conv1.weight")
	c.ZChannels = w.dim("encoder.conv_out.weight", 0)
	for quantizer, key := range map[string]string{Euclidean: "quantize.embedding.weight", Gumbel: "quantize.embed.weight"} {
		if w.dim(key, 0) > 0 {
			c.Quantizer, c.Vocabulary, c.Embedding = quantizer, w.dim(key, 0), w.dim(key, 1)
		}
	}
	return c
}

// dim is one dimension of a tensor, 0 if there is no such tensor or dimension.
func (w *Weights) dim(key string, axis int) int {
	if shape, ok := w.Shape(key); ok && axis < len(shape) {
		return shape[axis]
	}
	return 0
}

// count is the number of keys of the form pattern, from 0 on.
func (w *Weights) count(pattern string) int {
	for n := 0; ; n++ {
		if _, ok := w.Shape(fmt.Sprintf(pattern, n)); !ok {
			return n
		}
	}
}

// merger puts what the weights say in the place of what a config leaves out, and keeps the
// first contradiction.
type merger struct {
	file string // of the config
	err  error
}

func (m *merger) number(name string, value *int, found int) {
	mergeInto(m, name, value, found, *value == 0, found == 0, *value == found)
}

func (m *merger) numbers(name string, value *[]int, found []int) {
	mergeInto(m, name, value, found, *value == nil, found == nil, slices.Equal(*value, found))
}

func (m *merger) text(name string, value *string, found string) {
	mergeInto(m, name, value, found, *value == "", found == "", *value == found)
}

func mergeInto[T any](m *merger, name string, value *T, found T, absent, unknown, equal bool) {
	switch {
	case unknown:
	case absent:
		*value = found
	case !equal && m.err == nil:
		m.err = fmt.Errorf("%s has %s %v, the weights have %v: give the config of these weights", m.file, name, *value, found)
	}
}
