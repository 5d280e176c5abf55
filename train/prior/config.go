// Package prior trains the SUNDAE prior: a 2D-aware hourglass transformer over
// the tokens of a VQ-GAN, trained with step-unrolled denoising.
//
// The method is "Megapixel Image Generation with Step-unrolled Denoising
// Autoencoders" (McKinney & Willcocks, 2206.12351) on SUNDAE (Savinov et al.,
// 2112.06749), Hourglass (Nawrot et al., 2110.13711) and RoPE (Su et al.,
// 2104.09864). net.go is the network, loss.go the objective, guidance.go what else may
// be its target, sample.go the draw inside the graph, data.go the batches, train.go
// the training page, export.go the ONNX file.
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
	// Depth is the hourglass: [a, b, c] is a layers on all tokens, b on the
	// shortened ones, c on all again. b may be an hourglass itself.
	Depth Depth `yaml:"depth"`
	// Shortening is k, the tokens that become one at each level; √k along each axis.
	Shortening int `yaml:"shortening"`
	// Resample is "linear", or "attention" to let the shortened tokens look at
	// what they stand for, and back.
	Resample string  `yaml:"resample"`
	Dim      int     `yaml:"dim"`      // width
	Heads    int     `yaml:"heads"`    // attention heads
	HeadDim  int     `yaml:"head_dim"` // width of a head, a multiple of 4 (two axes, rotated in pairs)
	MLP      float64 `yaml:"mlp"`      // hidden width of the MLP over Dim
	// Neighbours is how many channels each layer's MLP gets of each of the eight
	// tokens around a token. 0 is the paper's network; with few heads, a few
	// channels keep edges from going in blocks of shortened tokens.
	Neighbours int `yaml:"neighbours,omitempty"`

	Unroll int `yaml:"unroll"` // T, the steps of the objective
	// Partial is how often a step of the objective draws a share of a sample's tokens
	// only, U[0, 1], as partial updates do in sampling: what the prior then learns from
	// is noise and its own tokens side by side. At 0 all are drawn, which is the paper's.
	Partial float64 `yaml:"partial,omitempty"`
	// Guidance, if above 0, is how far a prior that goes on from a trained one (--from)
	// learns to be led by its neighbours: not from clean tokens, but from what that prior
	// would say under this weight of guidance; see target.
	Guidance     float64 `yaml:"guidance,omitempty"`
	ClassDropout float64 `yaml:"class_dropout"` // share of samples whose class is hidden
	// Corruption is the power p of r = uᵖ, the share of a training sample's tokens that
	// are made noise, u ~ U[0, 1]. 0 and 1 are the paper's; with 2 every second sample
	// has less than a quarter of noise, where a sampler settles edges.
	Corruption float64 `yaml:"corruption,omitempty"`
	Batch      int     `yaml:"batch"`
	Steps      int     `yaml:"steps"`
	Every      int     `yaml:"every"`   // steps between checkpoints, sheets and reports
	HeldOut    int     `yaml:"heldout"` // latents kept back for the report
	// Optimizer is "adamw", which is the default, or "muon" for the matrices of the
	// hourglass, with which a step is a little slower and half as many go as far.
	Optimizer    string  `yaml:"optimizer,omitempty"`
	LearningRate float64 `yaml:"learning_rate"`
	Warmup       int     `yaml:"warmup"`
	WeightDecay  float64 `yaml:"weight_decay"`
	Clip         float64 `yaml:"clip"`
	Average      float64 `yaml:"average"` // decay of the weights' moving average
}

// Grid is what the prior models: Height×Width tokens out of Vocabulary, in
// Classes classes. 0 classes is an unconditional prior; otherwise the class id
// Classes stands for "any".
type Grid struct {
	Height, Width, Vocabulary, Classes int
}

// Tokens is N, the number of tokens.
func (g Grid) Tokens() int { return g.Height * g.Width }

// Depth is an hourglass: Before layers, a shortened middle of either Middle
// layers or another hourglass, After layers.
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

// Validate says in one sentence what cannot work on the grid g.
func (c Config) Validate(g Grid) error {
	positive := []struct {
		name  string
		value int
	}{
		{"dim", c.Dim}, {"heads", c.Heads}, {"head_dim", c.HeadDim}, {"shortening", c.Shortening}, {"unroll", c.Unroll},
		{"batch", c.Batch}, {"steps", c.Steps}, {"every", c.Every},
	}
	for _, p := range positive {
		if p.value < 1 {
			return fmt.Errorf("prior.%s must be at least 1, not %d", p.name, p.value)
		}
	}
	if c.HeadDim%4 != 0 {
		return fmt.Errorf("prior.head_dim %d must be a multiple of 4: half of it turns with the row and half with the column, in pairs", c.HeadDim)
	}
	if c.MLP <= 0 {
		return fmt.Errorf("prior.mlp must be above 0, not %g", c.MLP)
	}
	if c.Neighbours < 0 {
		return fmt.Errorf("prior.neighbours must be at least 0, not %d", c.Neighbours)
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
	if c.Corruption < 0 {
		return fmt.Errorf("prior.corruption must be at least 0, not %g", c.Corruption)
	}
	if c.Partial < 0 || c.Partial > 1 {
		return fmt.Errorf("prior.partial %g must be from 0, never, to 1, always", c.Partial)
	}
	if c.Partial > 0 && c.Unroll == 1 {
		return errors.New("prior.partial is about unrolled steps, and prior.unroll 1 takes none: set it to 2")
	}
	if c.Guidance < 0 {
		return fmt.Errorf("prior.guidance must be at least 0, not %g", c.Guidance)
	}
	if c.Guidance > 0 && c.Neighbours == 0 {
		return errors.New("prior.guidance leads away from a prior without its neighbours, and prior.neighbours is 0: set it to 16")
	}
	side := int(math.Round(math.Sqrt(float64(c.Shortening))))
	if side*side != c.Shortening {
		return fmt.Errorf("prior.shortening %d must be a square: √k tokens along each axis become one", c.Shortening)
	}
	h, w := g.Height, g.Width
	for d := &c.Depth; d != nil; d = d.Inner {
		if d.Before < 0 || d.Middle < 0 || d.After < 0 || d.Before+d.Middle+d.After == 0 && d.Inner == nil {
			return fmt.Errorf("prior.depth %v must have layers", c.Depth)
		}
		if h%side != 0 || w%side != 0 {
			return fmt.Errorf("prior.depth %v shortens %d×%d tokens by %d along each axis, which does not divide", c.Depth, h, w, side)
		}
		h, w = h/side, w/side
	}
	return nil
}

// shortenSide is √k.
func (c Config) shortenSide() int { return int(math.Round(math.Sqrt(float64(c.Shortening)))) }
