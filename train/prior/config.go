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
//
// Our additions are off unless the recipe switches them on: position_embedding.go,
// shift_mixing.go, distillation.go, and Config's Partial and NoiseExponent. The moving
// average of the weights (EMA) is in train/engine.
package prior

import (
	"errors"
	"fmt"
	"math"

	"gopkg.in/yaml.v3"
)

// Config sizes the network and its training. It is the `prior` section of a
// recipe; Grid says what it models.
type Config struct {
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
	Warmup       int     `yaml:"warmup"`
	WeightDecay  float64 `yaml:"weight_decay"`
	Clip         float64 `yaml:"clip"` // largest global gradient norm
	EMA          float64 `yaml:"ema"`  // decay of the weights' moving average
}

// Grid is what the prior models: Height×Width tokens out of Vocabulary, in
// Classes classes. 0 classes is an unconditional prior; otherwise the class id
// Classes stands for "any".
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

// Validate reports the first setting that does not work on the grid g.
func (c Config) Validate(g Grid) error {
	positive := []struct {
		name  string
		value int
	}{
		{"dim", c.Dim}, {"heads", c.Heads}, {"head_dim", c.HeadDim}, {"downsample", c.Downsample}, {"unroll", c.Unroll},
		{"batch", c.Batch}, {"steps", c.Steps}, {"every", c.Every},
	}
	for _, p := range positive {
		if p.value < 1 {
			return fmt.Errorf("prior.%s must be at least 1, not %d", p.name, p.value)
		}
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
	if c.Resample != "linear" && c.Resample != "attention" {
		return fmt.Errorf("prior.resample must be linear or attention, not %q", c.Resample)
	}
	if c.Optimizer != "" && c.Optimizer != "adamw" && c.Optimizer != "muon" {
		return fmt.Errorf("prior.optimizer must be adamw or muon, not %q", c.Optimizer)
	}
	if c.ClassDropout < 0 || c.ClassDropout > 1 {
		return fmt.Errorf("prior.class_dropout must be 0 to 1, not %g", c.ClassDropout)
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

// downsampleSide is √k.
func (c Config) downsampleSide() int { return int(math.Round(math.Sqrt(float64(c.Downsample)))) }
