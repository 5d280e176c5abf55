// Package vqgan trains the image tokenizer: a convolutional encoder and decoder
// around a learned codebook (VQ-VAE, van den Oord et al., 1711.00937; VQ-GAN, Esser
// et al., 2012.09841; section 3.6 of 2206.12351). An image of H×W pixels becomes
// (H/f)×(W/f) tokens.
//
// Start with train.go, the training loop, and step.go, one step of it.
//
//	autoencoder.go    encoder and decoder
//	taming.go         the encoder and decoder that VQ-GAN was published with
//	taming_weights.go reading its checkpoints
//	strips.go         its layers, on activations cut into strips
//	quantizer.go      codebook: nearest codes, EMA, k-means start, restarts
//	discriminator.go  the discriminator and its adaptive weight
//	patchgan.go       the discriminator that VQ-GAN was published with
//	losses.go         reconstruction losses; LPIPS is in lpips
//	finetune.go       decoder fine-tuning and token augmentation
//	layers.go         convolution, group norm, attention, pixel shuffle
//	evaluate.go       held-out figures and sheets
//	export.go         ONNX files
//
// Tensors are channels first, [B, C, H, W], and images lie in [-1, 1].
package vqgan

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"sundae/train/engine"
	"sundae/train/vqgan/lpips"
)

// Config is the `vqgan` section of a recipe: the network and its training.
type Config struct {
	// Network is Taming for the published network, or absent for ours, which a CPU can train.
	// The published one has Channels, Multipliers, Blocks (the decoder one more in each
	// level), AttentionResolutions, ZChannels, Embedding, Vocabulary and Quantizer; all other
	// settings of the network must be absent.
	Network string `yaml:"network,omitempty"`
	// AttentionResolutions are the sides of the activations that have self-attention, for
	// pictures of image.size: crops have it in the same levels.
	AttentionResolutions []int `yaml:"attention_resolutions,omitempty,flow"`
	// ZChannels is the width of the encoder's output and the decoder's input, between which
	// and the codes are 1×1 convolutions.
	ZChannels int `yaml:"z_channels,omitempty"`
	// Quantizer is "euclidean", the default, for the nearest code, or Gumbel for the code that
	// the encoder gives the largest logit, which Codebook.Training: gradient and Gumbel train.
	Quantizer string `yaml:"quantizer,omitempty"`

	// Stem is the side of the patches that are unshuffled into channels before the
	// first level, a power of two. 1 starts at full resolution, as VQ-GAN does; 4 and
	// more keep all wide layers at a quarter of the image's side and below, which a CPU
	// can train.
	Stem int `yaml:"stem,omitempty"`
	// StemChannels is the width of the convolutions between the stem's pixel unshuffles.
	StemChannels int `yaml:"stem_channels,omitempty"`
	// Channels times Multipliers[i] is the width of level i. Every level but the last
	// halves the side, so f = Stem · 2^(len(Multipliers)-1).
	Channels    int   `yaml:"channels"`
	Multipliers []int `yaml:"multipliers"`
	// Blocks is the number of residual blocks in a level.
	Blocks int `yaml:"blocks"`
	// DecoderBlocks, if set, is the number for each level of the decoder, at least
	// Blocks: at the lowest resolutions a block costs little time and mixes the tokens.
	DecoderBlocks []int `yaml:"decoder_blocks,omitempty,flow"`
	// DecoderBottleneck, if set, divides the width between the two convolutions of a
	// residual block, for each level of the decoder: 2 halves its time.
	DecoderBottleneck []int `yaml:"decoder_bottleneck,omitempty,flow"`
	// Attention adds self-attention at the lowest resolution.
	Attention bool `yaml:"attention,omitempty"`
	// LinearShortcut adds a linear map of each token's patch around encoder and decoder.
	// VQ-GAN has none.
	LinearShortcut bool `yaml:"linear_shortcut,omitempty"`
	Groups         int  `yaml:"groups,omitempty"` // groups of the group norms
	Embedding      int  `yaml:"embedding"`        // E, the length of a code
	Vocabulary     int  `yaml:"vocabulary"`       // V, the number of codes
	// SphereCodes scales the encoder's outputs to length √E, so that the distance to a
	// code depends on the direction alone and more of the codebook is used (Yu et al.,
	// 2110.04627, section 3.2). VQ-GAN has plain Euclidean codes.
	SphereCodes bool `yaml:"sphere_codes,omitempty"`

	Crop          int `yaml:"crop"`    // side of the training crops, a multiple of f
	Batch         int `yaml:"batch"`   // crops per step
	CropsPerImage int `yaml:"crops"`   // crops taken from each decoded image
	Steps         int `yaml:"steps"`   // optimizer steps, without the fine-tuning
	Every         int `yaml:"every"`   // steps between evaluations and checkpoints
	HeldOut       int `yaml:"heldout"` // images kept for the evaluation

	// Optimizer is "adamw", the default, or "muon" for the convolutions of the levels.
	// The discriminator always has AdamW.
	Optimizer string `yaml:"optimizer,omitempty"`
	// Betas are the decays of AdamW's first and second moment, for the discriminator as
	// well. If absent, they are 0.9 and 0.99. Weights do not decay.
	Betas        []float64 `yaml:"betas,omitempty,flow"`
	LearningRate float64   `yaml:"learning_rate"`
	// Schedule is "constant" for a learning rate that stays as it is after the warm-up. If
	// it is absent, the rate falls by half a cosine to a twentieth.
	Schedule engine.Schedule `yaml:"schedule,omitempty"`
	Warmup   int             `yaml:"warmup"` // steps in which the learning rate rises; 0: none
	Clip     float64         `yaml:"clip"`   // largest global norm of the gradient; 0 does not clip
	// EMA is the decay of the weights' exponential moving average, which is evaluated and
	// exported. At 0 the weights themselves are.
	EMA float64 `yaml:"ema"`

	Loss     Loss     `yaml:"loss"`
	Codebook Codebook `yaml:"codebook"`
	// Gumbel trains a Gumbel quantizer, in which Loss.Commitment and Loss.Codebook have no part.
	Gumbel        GumbelTraining `yaml:"gumbel,omitempty"`
	Discriminator Discriminator  `yaml:"discriminator"`
	Finetune      Finetune       `yaml:"finetune"`

	size int // side of the pictures, which AttentionResolutions refer to
}

// Finetune is the decoder fine-tuning after Steps: encoder and codebook are frozen, so
// that latents made before stay valid, and the decoder is trained further against the
// discriminator. A step takes little more than half the time. It sharpens edges that L1
// leaves soft.
type Finetune struct {
	Steps        int     `yaml:"steps"` // 0: none
	LearningRate float64 `yaml:"learning_rate"`
	// Weight replaces Discriminator.Weight. 0 trains without the discriminator, on the
	// reconstruction loss alone, which is faster.
	Weight float64 `yaml:"weight"`
	// Crop and Batch replace Config.Crop and Config.Batch, with one crop per image; 0
	// keeps those. Group norms and borders behave as they will after training only if
	// the crop is the whole image.
	Crop  int `yaml:"crop,omitempty"`
	Batch int `yaml:"batch,omitempty"`
	// TokenAugmentation is the largest number of sampling steps in which a prior
	// resamples the tokens of every second step's crops before they are decoded, if the
	// VQ-GAN comes with one (Pretrained.Augment); 0 is none. The decoder then learns to draw
	// the prior's tokens as sharply as the encoder's. With a discriminator it is trained
	// on statistics of patches (patchLoss), without one on the pixels: then with few
	// steps, which keep objects in place, it learns to correct the prior's errors.
	TokenAugmentation int `yaml:"token_augmentation,omitempty"`
}

// Loss weighs the terms of the training objective; 0 leaves one out.
type Loss struct {
	L1       float64 `yaml:"l1"`
	L2       float64 `yaml:"l2"`
	Gradient float64 `yaml:"gradient"`        // L1 of image gradients at Scales scales
	Scales   int     `yaml:"scales"`          // each scale halves the image
	Seams    float64 `yaml:"seams,omitempty"` // L1 of differences at the borders of the stem's patches
	// Commitment weighs the mean squared distance of the encoder's outputs to their codes,
	// which moves the outputs.
	Commitment float64 `yaml:"commitment"`
	// Codebook weighs the same distance where it moves the codes, if they are trained by
	// gradients (Codebook.Training). 2012.09841 has a weight of 1 here and β = 0.25 for the
	// commitment; its published models were trained by code that applied β to this term
	// instead: 0.25 here, 1 there ("legacy" in taming-transformers).
	Codebook float64 `yaml:"codebook,omitempty"`
	// Perceptual adds LPIPS, which photographs need; nil leaves it out.
	Perceptual *Perceptual `yaml:"perceptual,omitempty"`
}

// Perceptual is the perceptual loss (package lpips) and the files of its weights, which
// the user supplies. A relative path starts at the recipe's folder, that of a built-in
// recipe at the working directory.
type Perceptual struct {
	VGG    string   `yaml:"vgg"`              // VGG16 as torchvision publishes it, vgg16-397923af.pth
	Heads  string   `yaml:"heads"`            // the heads for VGG16 as LPIPS publishes them, vgg.pth
	Weight *float64 `yaml:"weight,omitempty"` // nil is 1
}

// weight is the weight of the loss.
func (p Perceptual) weight() float64 {
	if p.Weight == nil {
		return 1
	}
	return *p.Weight
}

// Codebook says how the codes are trained.
type Codebook struct {
	// Training is "ema", the default, by which each code is the exponential moving average of
	// the vectors it was chosen for, or "gradient", by which Loss.Codebook moves the codes, as
	// in VQ-GAN: they start uniform in ±1/V at the first step, and the other settings here
	// do not apply.
	Training string `yaml:"training,omitempty"`
	// Start is the first step with a codebook. Before it the network trains as a plain
	// autoencoder; at it the codes start as k-means centres of the encoder's outputs.
	Start   int     `yaml:"start"`
	Decay   float64 `yaml:"decay"`
	Restart int     `yaml:"restart"` // steps between restarts of dead codes; 0: never
	Dead    float64 `yaml:"dead"`    // a code is dead below this share of the mean count
}

// Discriminator is the patch discriminator (hinge loss, adaptive weight).
type Discriminator struct {
	// Network is "patchgan" for the discriminator of VQ-GAN, with batch norm. If it is
	// absent, the discriminator is one without batch norm, which a CPU can train.
	Network string `yaml:"network,omitempty"`
	// Start is the first step with the discriminator, counted from 0. Without a Network, 0
	// means never.
	Start    int     `yaml:"start"`
	Channels int     `yaml:"channels"` // of the first layer
	Layers   int     `yaml:"layers"`   // how often the side is halved; without a Network, after a first pixel unshuffle by 4
	Weight   float64 `yaml:"weight"`   // on top of the adaptive weight
	// Contrast, if above 0, is the factor by which a second input amplifies details finer
	// than 8 pixels, through tanh, so that faint edges in haze count as much as strong
	// ones.
	Contrast     float64 `yaml:"contrast,omitempty"`
	LearningRate float64 `yaml:"learning_rate"`
}

// byGradient is the Training of a codebook whose codes are trained by gradients.
const byGradient = "gradient"

// patchGAN is the Network of VQ-GAN's discriminator.
const patchGAN = "patchgan"

// used reports whether a training has a discriminator.
func (d Discriminator) used() bool { return d.Network == patchGAN || d.Start > 0 }

// multiple is the number that divides the side of every crop for the discriminator.
func (d Discriminator) multiple() int {
	if d.Network == patchGAN {
		return 1 << max(d.Layers, 0)
	}
	return 4 << max(d.Layers, 0)
}

// The Quantizers.
const (
	euclidean = "euclidean"
	Gumbel    = "gumbel"
)

// decoderBlocks is the number of residual blocks in a level of the decoder.
func (c Config) decoderBlocks(level int) int {
	if len(c.DecoderBlocks) == 0 {
		return c.Blocks
	}
	return c.DecoderBlocks[level]
}

// hidden is the width between the convolutions of the decoder's residual blocks.
func (c Config) hidden(level int) int {
	width := c.Channels * c.Multipliers[level]
	if len(c.DecoderBottleneck) == 0 {
		return width
	}
	return width / c.DecoderBottleneck[level]
}

// totalSteps is the number of steps with the fine-tuning.
func (c Config) totalSteps() int { return c.Steps + c.Finetune.Steps }

// Factor is f, the side of a token's patch in pixels.
func (c Config) Factor() int { return max(c.Stem, 1) << (len(c.Multipliers) - 1) }

// forPictures returns c for pictures of the given side.
func (c Config) forPictures(size int) Config {
	c.size = size
	return c
}

// attentionAt reports whether a level of the published network has attention.
func (c Config) attentionAt(level int) bool {
	return slices.Contains(c.AttentionResolutions, c.size>>level)
}

// Validate reports the first setting that cannot work, for images of the given side.
func (c Config) Validate(size int) error {
	positive := []struct {
		name  string
		value int
	}{
		{"channels", c.Channels}, {"blocks", c.Blocks}, {"embedding", c.Embedding},
		{"crop", c.Crop}, {"batch", c.Batch}, {"crops", c.CropsPerImage}, {"steps", c.Steps}, {"every", c.Every},
	}
	for _, p := range positive {
		if p.value < 1 {
			return fmt.Errorf("vqgan.%s must be at least 1, not %d", p.name, p.value)
		}
	}
	if len(c.Multipliers) == 0 {
		return fmt.Errorf("vqgan.multipliers must have at least one level")
	}
	if least := slices.Min(c.Multipliers); least < 1 {
		return fmt.Errorf("vqgan.multipliers must be at least 1, not %d", least)
	}
	if err := c.validateNetwork(); err != nil {
		return err
	}
	if err := c.Schedule.Validate("vqgan.schedule"); err != nil {
		return err
	}
	if b := c.Betas; len(b) != 0 && (len(b) != 2 || min(b[0], b[1]) < 0 || max(b[0], b[1]) >= 1) {
		return fmt.Errorf("vqgan.betas must be two numbers of at least 0 and below 1, not %v", b)
	}
	if c.Warmup < 0 || c.Clip < 0 || c.EMA < 0 || c.EMA >= 1 {
		return fmt.Errorf("vqgan.warmup and clip must be at least 0, and ema at least 0 and below 1; 0 switches each off")
	}
	if c.Optimizer != "" && c.Optimizer != "adamw" && c.Optimizer != "muon" {
		return fmt.Errorf("vqgan.optimizer must be adamw or muon, not %q", c.Optimizer)
	}
	if c.Vocabulary < 2 || c.Vocabulary > 1<<16 {
		return fmt.Errorf("vqgan.vocabulary must be 2 to 65536, not %d", c.Vocabulary)
	}
	f := c.Factor()
	if size%f != 0 {
		return fmt.Errorf("image.size %d is not a multiple of the downsampling factor f = %d", size, f)
	}
	if c.Crop%f != 0 || c.Crop > size {
		return fmt.Errorf("vqgan.crop %d must be a multiple of f = %d and at most image.size %d", c.Crop, f, size)
	}
	if scales := c.Loss.Scales; scales > 0 && c.Crop>>(scales-1) < 2 {
		return fmt.Errorf("vqgan.loss.scales %d halves a crop of %d below 2 pixels", scales, c.Crop)
	}
	if c.Loss.Seams < 0 {
		return fmt.Errorf("vqgan.loss.seams must be at least 0, not %g", c.Loss.Seams)
	}
	if c.Batch%c.CropsPerImage != 0 {
		return fmt.Errorf("vqgan.batch %d is not a multiple of vqgan.crops %d", c.Batch, c.CropsPerImage)
	}
	if err := c.validateLosses(); err != nil {
		return err
	}
	if c.Finetune.Crop < 0 || c.Finetune.Batch < 0 {
		return fmt.Errorf("vqgan.finetune.crop and batch must be at least 1, or 0 to keep vqgan.crop and batch, not %d and %d", c.Finetune.Crop, c.Finetune.Batch)
	}
	if c.Finetune.TokenAugmentation < 0 {
		return fmt.Errorf("vqgan.finetune.token_augmentation must be at least 0, not %d", c.Finetune.TokenAugmentation)
	}
	if c.Finetune.TokenAugmentation > 0 && c.finetuning().Crop != size {
		return fmt.Errorf("vqgan.finetune.token_augmentation needs whole images for the prior: set vqgan.finetune.crop to %d", size)
	}
	if s := c.finetuning(); c.Finetune.Crop != 0 && (s.Crop < f || s.Crop%max(f, c.Discriminator.multiple()) != 0 || s.Crop > size) {
		return fmt.Errorf("vqgan.finetune.crop %d must be a multiple of f = %d and at most image.size %d", s.Crop, f, size)
	}
	if crop := min(c.Crop, c.finetuning().Crop); c.Loss.Seams > 0 && crop <= c.Stem {
		return fmt.Errorf("vqgan.loss.seams needs crops larger than the stem's patches of %d pixels, not %d", c.Stem, crop)
	}
	if c.Finetune.Weight < 0 {
		return fmt.Errorf("vqgan.finetune.weight must be at least 0, not %g", c.Finetune.Weight)
	}
	if c.Finetune.Steps > 0 && c.Finetune.LearningRate <= 0 {
		return fmt.Errorf("vqgan.finetune needs a learning rate: set vqgan.finetune.learning_rate above 0")
	}
	if c.Finetune.Steps > 0 && c.Finetune.Weight > 0 && !c.Discriminator.used() {
		return fmt.Errorf("vqgan.finetune needs a discriminator: set vqgan.discriminator.start, or vqgan.finetune.weight to 0")
	}
	return nil
}

// validateLosses reports the first setting of the losses, the codebook and the
// discriminator that cannot work.
func (c Config) validateLosses() error {
	if p := c.Loss.Perceptual; p != nil {
		if p.VGG == "" || p.Heads == "" {
			return errors.New("vqgan.loss.perceptual needs the files of its weights: set vgg and heads, or leave it out")
		}
		if p.weight() <= 0 {
			return fmt.Errorf("vqgan.loss.perceptual.weight must be above 0, not %g: leave perceptual out to train without it", p.weight())
		}
		if crop := min(c.Crop, c.finetuning().Crop); crop < lpips.MinSide {
			return fmt.Errorf("vqgan.loss.perceptual needs crops of at least %d pixels, not %d", lpips.MinSide, crop)
		}
	}
	if c.Loss.Codebook < 0 {
		return fmt.Errorf("vqgan.loss.codebook must be at least 0, not %g", c.Loss.Codebook)
	}
	if err := c.Gumbel.validate(); err != nil {
		return err
	}
	switch b := c.Codebook; b.Training {
	case "", "ema":
		if c.Loss.Codebook > 0 {
			return errors.New("vqgan.loss.codebook needs codes trained by gradients: set vqgan.codebook.training to gradient")
		}
	case byGradient:
		if c.Loss.Codebook == 0 || b.Start != 0 || b.Restart != 0 {
			return errors.New("vqgan.codebook.training: gradient needs vqgan.loss.codebook above 0, and codebook.start and restart of 0")
		}
	default:
		return fmt.Errorf("vqgan.codebook.training must be ema or gradient, not %q", b.Training)
	}
	return c.Discriminator.validate(c.Crop)
}

// validate reports the first setting that does not work on crops.
func (d Discriminator) validate(crop int) error {
	if d.Network != "" && d.Network != patchGAN {
		return fmt.Errorf("vqgan.discriminator.network must be %s, or absent, not %q", patchGAN, d.Network)
	}
	if d.Contrast < 0 || d.Contrast > 0 && d.Network == patchGAN {
		return fmt.Errorf("vqgan.discriminator.contrast must be at least 0, and 0 with network: %s, not %g", patchGAN, d.Contrast)
	}
	if d.used() && (d.Channels < 1 || d.Layers < 1 || crop%d.multiple() != 0) {
		return fmt.Errorf("vqgan.discriminator needs channels and layers of at least 1, and vqgan.crop a multiple of %d", d.multiple())
	}
	if d.Network == patchGAN && crop>>d.Layers < 3 {
		return fmt.Errorf("vqgan.discriminator needs crops of at least %d pixels for its %d layers, not %d: raise vqgan.crop or lower its layers", 3<<d.Layers, d.Layers, crop)
	}
	return nil
}

// validateNetwork reports the first setting that is not one of the network's or cannot work
// in it.
func (c Config) validateNetwork() error {
	switch c.Network {
	case "":
		return c.validateOurs()
	case Taming:
		return c.validateTaming()
	}
	return fmt.Errorf("vqgan.network must be %s or absent, not %q", Taming, c.Network)
}

func (c Config) validateOurs() error {
	if len(c.AttentionResolutions) > 0 || c.ZChannels != 0 || c.Quantizer != "" {
		return fmt.Errorf("vqgan.attention_resolutions, z_channels and quantizer need vqgan.network: %s", Taming)
	}
	if c.Groups < 1 {
		return fmt.Errorf("vqgan.groups must be at least 1, not %d", c.Groups)
	}
	for _, m := range c.Multipliers {
		if c.Channels*m%c.Groups != 0 {
			return fmt.Errorf("vqgan.groups %d does not divide the %d channels of a level", c.Groups, c.Channels*m)
		}
	}
	if bits.OnesCount(uint(c.Stem)) != 1 {
		return fmt.Errorf("vqgan.stem must be a power of two, not %d", c.Stem)
	}
	if c.Stem > 2 && c.StemChannels < 1 {
		return fmt.Errorf("vqgan.stem_channels must be at least 1 with a stem of %d", c.Stem)
	}
	if len(c.DecoderBlocks) > 0 && (len(c.DecoderBlocks) != len(c.Multipliers) || slices.Min(c.DecoderBlocks) < c.Blocks) {
		return fmt.Errorf("vqgan.decoder_blocks must be %d numbers, one per level, each at least %d, not %v", len(c.Multipliers), c.Blocks, c.DecoderBlocks)
	}
	if n := len(c.DecoderBottleneck); n > 0 && n != len(c.Multipliers) {
		return fmt.Errorf("vqgan.decoder_bottleneck must be %d numbers, one per level, not %v", len(c.Multipliers), c.DecoderBottleneck)
	}
	for level, divisor := range c.DecoderBottleneck {
		if divisor < 1 || c.Channels*c.Multipliers[level]%(divisor*c.Groups) != 0 {
			return fmt.Errorf("vqgan.decoder_bottleneck %d does not divide the %d channels of a level into %d groups", divisor, c.Channels*c.Multipliers[level], c.Groups)
		}
	}
	return nil
}

func (c Config) validateTaming() error {
	if c.Stem != 0 || c.StemChannels != 0 || c.Groups != 0 || c.Attention || c.LinearShortcut || c.SphereCodes ||
		len(c.DecoderBlocks) > 0 || len(c.DecoderBottleneck) > 0 || c.Loss.Seams != 0 {
		return fmt.Errorf("vqgan.stem, stem_channels, groups, attention, linear_shortcut, sphere_codes, decoder_blocks, decoder_bottleneck and loss.seams are not for vqgan.network: %s: remove them", Taming)
	}
	if c.Channels%tamingGroups != 0 {
		return fmt.Errorf("vqgan.channels must be a multiple of %d, not %d", tamingGroups, c.Channels)
	}
	if c.ZChannels < 1 {
		return fmt.Errorf("vqgan.z_channels must be at least 1, not %d", c.ZChannels)
	}
	switch c.Quantizer {
	case "", euclidean:
	case Gumbel:
		if c.ZChannels != c.Embedding {
			return fmt.Errorf("vqgan.quantizer %s needs the same z_channels (%d) and embedding (%d)", Gumbel, c.ZChannels, c.Embedding)
		}
	default:
		return fmt.Errorf("vqgan.quantizer must be %s or %s, not %q", euclidean, Gumbel, c.Quantizer)
	}
	return nil
}
