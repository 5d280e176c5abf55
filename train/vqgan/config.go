// Package vqgan trains the image tokenizer: a convolutional encoder and decoder
// around a learned codebook (VQ-VAE, van den Oord et al., 1711.00937; VQ-GAN,
// Esser et al., 2012.09841). A picture of H×W pixels becomes (H/f)×(W/f) tokens.
//
// net.go is the network, loss.go the objective, data.go the crops, train.go the
// training page, export.go the ONNX files. Tensors are channels first,
// [B, C, H, W], and pictures run over [-1, 1].
package vqgan

import (
	"fmt"
	"math/bits"
	"slices"
)

// Config sizes the network and its training. It is the `vqgan` section of a recipe.
type Config struct {
	// Stem is the patch side that is folded into channels before the first
	// level, a power of two. 1 is the paper's network; 4 keeps all heavy layers
	// at a quarter of the picture's side and below, which is what a CPU can train.
	Stem int `yaml:"stem"`
	// StemChannels is the width of the convolutions between the stem's foldings.
	StemChannels int `yaml:"stem_channels"`
	// Channels times Multipliers[i] is the width of level i; every level but the
	// last halves the side, so f = Stem · 2^(len(Multipliers)-1).
	Channels    int   `yaml:"channels"`
	Multipliers []int `yaml:"multipliers"`
	// Blocks is the number of residual blocks a level.
	Blocks int `yaml:"blocks"`
	// DecoderBlocks, if given, is the number for each level of the decoder, at
	// least Blocks: at the lowest resolutions a block costs little time and brings
	// the tokens around into what is drawn.
	DecoderBlocks []int `yaml:"decoder_blocks,omitempty,flow"`
	// DecoderBottleneck, if given, is by what each level of the decoder divides its
	// width between the two convolutions of a residual block: 2 halves its time.
	DecoderBottleneck []int `yaml:"decoder_bottleneck,omitempty,flow"`
	// Attention adds self-attention at the lowest resolution.
	Attention  bool `yaml:"attention"`
	Groups     int  `yaml:"groups"`     // group norm's groups
	Embedding  int  `yaml:"embedding"`  // length of a code
	Vocabulary int  `yaml:"vocabulary"` // v, the number of codes

	Crop    int `yaml:"crop"`    // side of the training crops, a multiple of f
	Batch   int `yaml:"batch"`   // crops a step
	PerPict int `yaml:"crops"`   // crops taken from each picture that is decoded
	Steps   int `yaml:"steps"`   // optimizer steps in all
	Every   int `yaml:"every"`   // steps between checkpoints, sheets and reports
	HeldOut int `yaml:"heldout"` // pictures kept back for the report

	// Optimizer is "adamw", which is the default, or "muon" for the convolutions of
	// the levels. The discriminator's is AdamW.
	Optimizer    string  `yaml:"optimizer,omitempty"`
	LearningRate float64 `yaml:"learning_rate"`
	Warmup       int     `yaml:"warmup"`
	Clip         float64 `yaml:"clip"`
	Average      float64 `yaml:"average"` // decay of the weights' moving average

	Loss          Loss          `yaml:"loss"`
	Codebook      Codebook      `yaml:"codebook"`
	Discriminator Discriminator `yaml:"discriminator"`
	Sharpen       Sharpen       `yaml:"sharpen"`
}

// Sharpen is a second stretch of training after Steps: encoder and codebook are
// held, so that latents made from then on stay what they are, and the decoder
// alone goes on against the discriminator. It costs little more than half of a
// step, and ridges gain by it what L1 leaves soft.
type Sharpen struct {
	Steps        int     `yaml:"steps"` // 0 is none
	LearningRate float64 `yaml:"learning_rate"`
	// Weight is the discriminator's, in the place of Discriminator.Weight. 0 leaves it out:
	// the decoder goes on by the reconstruction loss alone, and a step is faster.
	Weight float64 `yaml:"weight"`
	// Crop and Batch take the places of those above, one crop from each picture;
	// 0 leaves them. The nets' group norms, and the borders, are what they will be
	// only when the crop is the whole picture.
	Crop  int `yaml:"crop,omitempty"`
	Batch int `yaml:"batch,omitempty"`
	// Redraw is the most steps of sampling that the tokens of every second step's
	// crops go through before they are decoded, where the VQ-GAN comes with a prior
	// (Files.Redraw). The decoder then learns to draw what the prior makes of a
	// picture as sharp as what the encoder does. With a discriminator it is held to
	// what the picture is like (likenessLoss), without one to its pixels: then a few
	// steps, which leave things in their places, teach it to see through the prior's
	// slips.
	Redraw int `yaml:"redraw,omitempty"`
}

// Loss weighs the terms of the reconstruction objective; 0 leaves one out.
type Loss struct {
	L1         float64 `yaml:"l1"`
	L2         float64 `yaml:"l2"`
	Gradient   float64 `yaml:"gradient"`        // L1 between image gradients at Scales scales
	Scales     int     `yaml:"scales"`          // each scale halves the picture
	Seams      float64 `yaml:"seams,omitempty"` // L1 between changes where the stem's patches meet
	Commitment float64 `yaml:"commitment"`
}

// Codebook says how codes follow the encoder: each is the moving average of the
// vectors it was chosen for, and one that is hardly chosen starts anew at a
// vector from the batch.
type Codebook struct {
	// Start is the first step with a codebook. Before it the net learns as a
	// plain autoencoder; at it the codes start as cluster centres of what the
	// encoder makes by then, instead of chasing an encoder that knows nothing.
	Start   int     `yaml:"start"`
	Decay   float64 `yaml:"decay"`
	Restart int     `yaml:"restart"` // steps between searches for dead codes; 0 never
	Dead    float64 `yaml:"dead"`    // a code is dead below this share of an even use
}

// Discriminator sizes the patch discriminator (hinge loss, adaptive weight).
type Discriminator struct {
	Start    int     `yaml:"start"` // first step with it; 0 is never
	Channels int     `yaml:"channels"`
	Layers   int     `yaml:"layers"` // halvings after the first fold by 4
	Weight   float64 `yaml:"weight"` // on top of the adaptive weight
	// Contrast, if above 0, shows it the picture once more: what is finer than
	// 8 pixels, that many times as strong, up to saturation. Far ridges in haze
	// differ from the sky by little, and are worth as much as near ones.
	Contrast     float64 `yaml:"contrast,omitempty"`
	LearningRate float64 `yaml:"learning_rate"`
}

// sharpening is the configuration of the second stretch.
func (c Config) sharpening() Config {
	if c.Sharpen.Crop > 0 {
		c.Crop, c.PerPict = c.Sharpen.Crop, 1
	}
	if c.Sharpen.Batch > 0 {
		c.Batch, c.PerPict = c.Sharpen.Batch, 1
	}
	return c
}

// decoderBlocks is the number of residual blocks of a level of the decoder.
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

// TotalSteps is Steps and the sharpening's.
func (c Config) TotalSteps() int { return c.Steps + c.Sharpen.Steps }

// Factor is f, the side of the patch that one token stands for.
func (c Config) Factor() int { return c.Stem << (len(c.Multipliers) - 1) }

// Validate says in one sentence what cannot work, given the pictures' side.
func (c Config) Validate(size int) error {
	positive := []struct {
		name  string
		value int
	}{
		{"stem", c.Stem}, {"channels", c.Channels}, {"blocks", c.Blocks}, {"groups", c.Groups}, {"embedding", c.Embedding},
		{"crop", c.Crop}, {"batch", c.Batch}, {"crops", c.PerPict}, {"steps", c.Steps}, {"every", c.Every},
	}
	for _, p := range positive {
		if p.value < 1 {
			return fmt.Errorf("vqgan.%s must be at least 1, not %d", p.name, p.value)
		}
	}
	if bits.OnesCount(uint(c.Stem)) != 1 {
		return fmt.Errorf("vqgan.stem must be a power of two, not %d", c.Stem)
	}
	if c.Stem > 2 && c.StemChannels < 1 {
		return fmt.Errorf("vqgan.stem_channels must be at least 1 with a stem of %d", c.Stem)
	}
	if len(c.Multipliers) == 0 {
		return fmt.Errorf("vqgan.multipliers must name at least one level")
	}
	if len(c.DecoderBlocks) > 0 && (len(c.DecoderBlocks) != len(c.Multipliers) || slices.Min(c.DecoderBlocks) < c.Blocks) {
		return fmt.Errorf("vqgan.decoder_blocks must be %d numbers, one a level, of at least %d, not %v", len(c.Multipliers), c.Blocks, c.DecoderBlocks)
	}
	if n := len(c.DecoderBottleneck); n > 0 && n != len(c.Multipliers) {
		return fmt.Errorf("vqgan.decoder_bottleneck must be %d numbers, one a level, not %v", len(c.Multipliers), c.DecoderBottleneck)
	}
	for level, divisor := range c.DecoderBottleneck {
		if divisor < 1 || c.Channels*c.Multipliers[level]%(divisor*c.Groups) != 0 {
			return fmt.Errorf("vqgan.decoder_bottleneck %d does not divide the %d channels of a level into %d groups", divisor, c.Channels*c.Multipliers[level], c.Groups)
		}
	}
	if c.Optimizer != "" && c.Optimizer != "adamw" && c.Optimizer != "muon" {
		return fmt.Errorf("vqgan.optimizer must be adamw or muon, not %q", c.Optimizer)
	}
	if c.Discriminator.Contrast < 0 {
		return fmt.Errorf("vqgan.discriminator.contrast must be at least 0, not %g", c.Discriminator.Contrast)
	}
	for _, m := range c.Multipliers {
		if m < 1 {
			return fmt.Errorf("vqgan.multipliers must be at least 1, not %d", m)
		}
		if c.Channels*m%c.Groups != 0 {
			return fmt.Errorf("vqgan.groups %d does not divide the %d channels of a level", c.Groups, c.Channels*m)
		}
	}
	if c.Vocabulary < 2 || c.Vocabulary > 1<<16 {
		return fmt.Errorf("vqgan.vocabulary must be 2 to 65536, not %d", c.Vocabulary)
	}
	f := c.Factor()
	if size%f != 0 {
		return fmt.Errorf("image.size %d is no multiple of the downsample factor f = %d", size, f)
	}
	if c.Crop%f != 0 || c.Crop > size {
		return fmt.Errorf("vqgan.crop %d must be a multiple of f = %d and at most the picture's %d", c.Crop, f, size)
	}
	if scales := c.Loss.Scales; scales > 0 && c.Crop>>(scales-1) < 2 {
		return fmt.Errorf("vqgan.loss.scales %d halves a crop of %d to nothing", scales, c.Crop)
	}
	if c.Loss.Seams < 0 {
		return fmt.Errorf("vqgan.loss.seams must be at least 0, not %g", c.Loss.Seams)
	}
	if c.Batch%c.PerPict != 0 {
		return fmt.Errorf("vqgan.batch %d is no multiple of vqgan.crops %d", c.Batch, c.PerPict)
	}
	if d := c.Discriminator; d.Start > 0 && (d.Channels < 1 || d.Layers < 1 || c.Crop%(4<<d.Layers) != 0) {
		return fmt.Errorf("vqgan.discriminator needs channels and layers, and a crop that %d divides", 4<<max(d.Layers, 0))
	}
	if c.Sharpen.Crop < 0 || c.Sharpen.Batch < 0 {
		return fmt.Errorf("vqgan.sharpen.crop and batch must be at least 1, or 0 for those of the rest, not %d and %d", c.Sharpen.Crop, c.Sharpen.Batch)
	}
	if c.Sharpen.Redraw < 0 {
		return fmt.Errorf("vqgan.sharpen.redraw must be at least 0, not %d", c.Sharpen.Redraw)
	}
	if c.Sharpen.Redraw > 0 && c.sharpening().Crop != size {
		return fmt.Errorf("vqgan.sharpen.redraw needs whole pictures, which the prior knows: set vqgan.sharpen.crop to %d", size)
	}
	if s := c.sharpening(); c.Sharpen.Crop != 0 && (s.Crop < f || s.Crop%max(f, 4<<c.Discriminator.Layers) != 0 || s.Crop > size) {
		return fmt.Errorf("vqgan.sharpen.crop %d must be a multiple of f = %d and at most the picture's %d", s.Crop, f, size)
	}
	if crop := min(c.Crop, c.sharpening().Crop); c.Loss.Seams > 0 && crop <= c.Stem {
		return fmt.Errorf("vqgan.loss.seams needs crops larger than the stem's patches of %d, not %d", c.Stem, crop)
	}
	if c.Sharpen.Weight < 0 {
		return fmt.Errorf("vqgan.sharpen.weight must be at least 0, not %g", c.Sharpen.Weight)
	}
	if c.Sharpen.Steps > 0 && c.Sharpen.LearningRate <= 0 {
		return fmt.Errorf("vqgan.sharpen needs a rate: set vqgan.sharpen.learning_rate above 0")
	}
	if c.Sharpen.Steps > 0 && c.Sharpen.Weight > 0 && c.Discriminator.Start == 0 {
		return fmt.Errorf("vqgan.sharpen needs a discriminator: set vqgan.discriminator.start, or vqgan.sharpen.weight to 0")
	}
	return nil
}
