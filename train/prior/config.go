// Package prior trains the SUNDAE prior: a 2D-aware hourglass transformer over the tokens
// of a VQ-GAN, trained with step-unrolled denoising.
//
// The method is "Megapixel Image Generation with Step-unrolled Denoising Autoencoders"
// (McKinney & Willcocks, 2206.12351), on SUNDAE (Savinov et al., 2112.06749), Hourglass
// (Nawrot et al., 2110.13711) and RoPE (Su et al., 2104.09864):
//
//   - hourglass.go, attention.go, rope.go: the network, section 3.2
//   - unroll.go: corruption, unrolling and loss, section 3.3
//   - train.go: the training loop; step.go, data.go and evaluate.go are what it calls
//   - sample.go, export.go: a sampling step inside the graph, and the ONNX file
//   - published.go, published_weights.go: the network of the author's code, and its weights
//
// Our additions are off unless the recipe switches them on: position_embedding.go,
// shift_mixing.go, distillation.go, and Config's Partial and NoiseExponent. The moving
// average of the weights (EMA) is in train/engine.
package prior

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gopkg.in/yaml.v3"

	"sundae/train/engine"
)

// Config sizes the network and its training. It is the `prior` section of a
// recipe; Grid says what it models.
type Config struct {
	// Network is "published" for the network of the author's code (published.go). Without
	// it the network is ours.
	Network string `yaml:"network,omitempty"`
	// Depth is the hourglass: [a, b, c] is a layers on all tokens, b on the downsampled
	// ones, c on all again. b may be an hourglass itself.
	Depth Depth `yaml:"depth"`
	// Downsample is k, the number of tokens that become one at each level: √k along each
	// axis.
	Downsample int `yaml:"downsample"`
	// Resample is "linear", or "attention" to add cross-attention between the levels.
	Resample string  `yaml:"resample"`
	Dim      int     `yaml:"dim"`      // width of the network
	Heads    int     `yaml:"heads"`    // attention heads
	HeadDim  int     `yaml:"head_dim"` // width of a head, a multiple of 4 (pairs of channels, on two axes)
	MLP      float64 `yaml:"mlp"`      // hidden width of the MLP, as a multiple of Dim
	// PositionEmbedding adds a learned embedding of the row and the column to every token.
	// In the published network it is one embedding for each position, in place of RoPE.
	PositionEmbedding bool `yaml:"position_embedding"`
	// ShiftMixing is the number of channels that each MLP gets from each of the eight
	// adjacent tokens. 0 switches it off.
	ShiftMixing int `yaml:"shift_mixing,omitempty"`

	Unroll int `yaml:"unroll"` // T, the unrolled steps of the objective
	// Partial is the share of unrolled steps in which only a random share of a sample's
	// tokens, U[0, 1], is drawn, as the partial updates of sampling do. At 0 all are drawn,
	// as in the paper.
	Partial float64 `yaml:"partial,omitempty"`
	// Distillation, if above 0, trains on the prediction of the pretrained prior that a run
	// starts from (--from), under this weight of guidance, in place of the clean tokens.
	Distillation float64 `yaml:"distillation,omitempty"`
	ClassDropout float64 `yaml:"class_dropout"` // share of samples whose class is hidden
	// NoiseExponent is the exponent p of the corruption rate r = u^p, u ~ U[0, 1]. 0 and 1
	// are the paper's uniform rate; at 2 half of the samples have a rate below 1/4, where
	// sampling works out the details.
	NoiseExponent float64 `yaml:"noise_exponent,omitempty"`
	Batch         int     `yaml:"batch"`
	Steps         int     `yaml:"steps"`
	Every         int     `yaml:"every"`   // steps between checkpoints, sample sheets and reports
	HeldOut       int     `yaml:"heldout"` // number of held-out latents
	// Optimizer is "adamw", the default, or "muon" for the matrices of the hourglass, with
	// which a step is a little slower and about half as many are needed.
	Optimizer    string  `yaml:"optimizer,omitempty"`
	LearningRate float64 `yaml:"learning_rate"`
	// Schedule is "constant" for a learning rate that stays as it is after the warm-up. If
	// it is absent, the rate falls by half a cosine to a twentieth.
	Schedule engine.Schedule `yaml:"schedule,omitempty"`
	Warmup   int             `yaml:"warmup"` // steps in which the learning rate rises; 0: none
	// Betas are the decays of AdamW's two moments, [0.9, 0.98] if they are absent.
	Betas       []float64 `yaml:"betas,omitempty,flow"`
	WeightDecay float64   `yaml:"weight_decay"`
	Clip        float64   `yaml:"clip"` // largest global gradient norm; 0 does not clip
	EMA         float64   `yaml:"ema"`  // decay of the weights' moving average; 0: there is none
}

// Grid is what the prior models: Height×Width tokens out of Vocabulary, in
// Classes classes. 0 classes is an unconditional prior; otherwise the class id
// Classes stands for "any", if the network has it (Config.HasAny).
type Grid struct {
	Height, Width, Vocabulary, Classes int
}

// Tokens is N, the number of tokens.
func (g Grid) Tokens() int { return g.Height * g.Width }

// Depth is an hourglass: Before layers, a downsampled middle of either Middle layers or
// another hourglass, After layers.
type Depth struct {
	Before, Middle, After int
	Inner                 *Depth
}

// UnmarshalYAML reads [a, b, c] with b a number or an hourglass.
func (d *Depth) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.SequenceNode || len(node.Content) != 3 {
		return fmt.Errorf("line %d: depth must be [before, middle, after]", node.Line)
	}
	if err := errors.Join(node.Content[0].Decode(&d.Before), node.Content[2].Decode(&d.After)); err != nil {
		return err
	}
	if node.Content[1].Kind == yaml.SequenceNode {
		d.Inner = new(Depth)
		return node.Content[1].Decode(d.Inner)
	}
	return node.Content[1].Decode(&d.Middle)
}

// MarshalYAML writes the form that UnmarshalYAML reads.
func (d Depth) MarshalYAML() (any, error) {
	if d.Inner != nil {
		return []any{d.Before, *d.Inner, d.After}, nil
	}
	return []int{d.Before, d.Middle, d.After}, nil
}

func (d Depth) String() string {
	if d.Inner != nil {
		return fmt.Sprintf("[%d %v %d]", d.Before, *d.Inner, d.After)
	}
	return fmt.Sprintf("[%d %d %d]", d.Before, d.Middle, d.After)
}

// publishedNetwork is the Network of the author's code.
const publishedNetwork = "published"

// isPublished reports whether the network is that of the author's code.
func (c Config) isPublished() bool { return c.Network == publishedNetwork }

// HasAny reports whether the network knows the class id Classes, which stands for "any".
// The published one does where its training hides classes.
func (c Config) HasAny() bool { return !c.isPublished() || c.ClassDropout > 0 }

// Validate reports the first setting that does not work on the grid g.
func (c Config) Validate(g Grid) error {
	if err := c.validateNetwork(g); err != nil {
		return err
	}
	if err := positive([]count{{"unroll", c.Unroll}, {"batch", c.Batch}, {"steps", c.Steps}, {"every", c.Every}}); err != nil {
		return err
	}
	if c.Optimizer != "" && c.Optimizer != "adamw" && c.Optimizer != "muon" {
		return fmt.Errorf("prior.optimizer must be adamw or muon, not %q", c.Optimizer)
	}
	if err := c.Schedule.Validate("prior.schedule"); err != nil {
		return err
	}
	if len(c.Betas) > 0 && len(c.Betas) != 2 || slices.ContainsFunc(c.Betas, func(b float64) bool { return b < 0 || b >= 1 }) {
		return fmt.Errorf("prior.betas must be two numbers from 0 to below 1, not %v", c.Betas)
	}
	if c.Warmup < 0 {
		return fmt.Errorf("prior.warmup must be at least 0, not %d", c.Warmup)
	}
	if c.Clip < 0 {
		return fmt.Errorf("prior.clip must be at least 0, not %g", c.Clip)
	}
	if c.EMA < 0 || c.EMA >= 1 {
		return fmt.Errorf("prior.ema must be 0 to below 1, not %g", c.EMA)
	}
	if c.NoiseExponent < 0 {
		return fmt.Errorf("prior.noise_exponent must be at least 0, not %g", c.NoiseExponent)
	}
	if c.Partial < 0 || c.Partial > 1 {
		return fmt.Errorf("prior.partial must be 0 to 1, not %g", c.Partial)
	}
	if c.Partial > 0 && c.Unroll == 1 {
		return errors.New("prior.partial needs prior.unroll to be at least 2")
	}
	if c.Distillation < 0 {
		return fmt.Errorf("prior.distillation must be at least 0, not %g", c.Distillation)
	}
	if c.Distillation > 0 && c.ShiftMixing == 0 {
		return errors.New("prior.distillation needs prior.shift_mixing to be above 0: the teacher is guided away from itself without it")
	}
	return nil
}

// validateNetwork reports the first setting of the network itself that does not work.
func (c Config) validateNetwork(g Grid) error {
	if err := positive([]count{{"dim", c.Dim}, {"heads", c.Heads}, {"head_dim", c.HeadDim}, {"downsample", c.Downsample}}); err != nil {
		return err
	}
	if c.HeadDim%4 != 0 {
		return fmt.Errorf("prior.head_dim %d must be a multiple of 4: RoPE rotates pairs of channels on two axes", c.HeadDim)
	}
	if c.MLP <= 0 {
		return fmt.Errorf("prior.mlp must be above 0, not %g", c.MLP)
	}
	if c.ShiftMixing < 0 {
		return fmt.Errorf("prior.shift_mixing must be at least 0, not %d", c.ShiftMixing)
	}
	if c.Network != "" && !c.isPublished() {
		return fmt.Errorf("prior.network must be published or absent, not %q", c.Network)
	}
	if c.isPublished() && c.ShiftMixing > 0 {
		return errors.New("prior.shift_mixing must be 0: the published network has none")
	}
	if c.isPublished() && g.Height != g.Width {
		return fmt.Errorf("the published network needs a square grid of tokens, not %d×%d", g.Height, g.Width)
	}
	if c.Resample != "linear" && c.Resample != "attention" {
		return fmt.Errorf("prior.resample must be linear or attention, not %q", c.Resample)
	}
	if c.ClassDropout < 0 || c.ClassDropout > 1 {
		return fmt.Errorf("prior.class_dropout must be 0 to 1, not %g", c.ClassDropout)
	}
	side := c.downsampleSide()
	if side*side != c.Downsample {
		return fmt.Errorf("prior.downsample must be a square number, not %d", c.Downsample)
	}
	h, w := g.Height, g.Width
	for d := &c.Depth; d != nil; d = d.Inner {
		if d.Before < 0 || d.Middle < 0 || d.After < 0 || d.Before+d.Middle+d.After == 0 && d.Inner == nil {
			return fmt.Errorf("prior.depth %v must have layers", c.Depth)
		}
		if h%side != 0 || w%side != 0 {
			return fmt.Errorf("prior.depth %v downsamples %d×%d tokens by %d along each axis, which does not divide them", c.Depth, h, w, side)
		}
		h, w = h/side, w/side
	}
	return nil
}

// count is a setting that must be at least 1.
type count struct {
	name  string
	value int
}

// positive reports the first that is not.
func positive(counts []count) error {
	for _, c := range counts {
		if c.value < 1 {
			return fmt.Errorf("prior.%s must be at least 1, not %d", c.name, c.value)
		}
	}
	return nil
}

// adamW is the optimizer of the run.
func (c Config) adamW() engine.AdamW {
	a := engine.AdamW{Beta1: 0.9, Beta2: 0.98, WeightDecay: c.WeightDecay, Clip: c.Clip}
	if len(c.Betas) == 2 {
		a.Beta1, a.Beta2 = c.Betas[0], c.Betas[1]
	}
	return a
}

// downsampleSide is √k.
func (c Config) downsampleSide() int { return int(math.Round(math.Sqrt(float64(c.Downsample)))) }
