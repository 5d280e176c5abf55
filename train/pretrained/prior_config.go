package pretrained

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// PriorConfig is what a TOML of the author's code says of a prior. What it leaves out is
// zero or nil, until Complete fills it in.
type PriorConfig struct {
	File    string // the TOML's name, for messages
	Unroll  int    // T, the unrolled steps of its training
	Batch   int
	Rate    float64 // learning rate
	Network HourglassConfig
	// Vocabulary and Tokens are the numbers of codes and of tokens, Latent the grid of tokens,
	// [height, width].
	Vocabulary, Tokens int
	Latent             []int
	Sampling           SamplingConfig
}

// HourglassConfig is the network of a PriorConfig.
type HourglassConfig struct {
	Dim        int
	Heads      int // nb_heads
	HeadDim    int // only in the weights
	Downsample int // shorten_factor
	Depth      *HourglassDepth
	Classes    int // 0 for a prior without classes
	// PositionEmbedding is a learned embedding in place of the rotary one, MLP the hidden width
	// as a multiple of Dim, and AttentionResampling whether the resampling has attention. Only
	// the weights say so.
	PositionEmbedding   bool
	MLP                 float64
	AttentionResampling bool

	conditional, rotary *bool // what the TOML says
}

// HourglassDepth is the number of layers before, in and after the middle, which may be an
// hourglass itself.
type HourglassDepth struct {
	Before, Middle, After int
	Inner                 *HourglassDepth
}

func (d *HourglassDepth) String() string {
	if d.Inner != nil {
		return fmt.Sprintf("[%d, %v, %d]", d.Before, d.Inner, d.After)
	}
	return fmt.Sprintf("[%d, %d, %d]", d.Before, d.Middle, d.After)
}

// SamplingConfig holds the settings of sampling. What the TOML leaves out is nil; the
// end values are then those of the start.
type SamplingConfig struct {
	Steps          *int     `toml:"steps"`
	Temperature    *float64 `toml:"temperature"`
	EndTemperature *float64 `toml:"end_temperature"`
	Proportion     *float64 `toml:"sample_proportion"`
	EndProportion  *float64 `toml:"end_sample_proportion"`
}

// ReadPriorConfig reads a TOML of the author's code. Keys that say nothing of the network or
// its sampling are passed over.
func ReadPriorConfig(path string) (PriorConfig, error) {
	text, err := readConfig(path)
	if err != nil {
		return PriorConfig{}, fmt.Errorf("read the prior's config: %w", err)
	}
	c, err := parsePriorConfig(string(text))
	if err != nil {
		return PriorConfig{}, fmt.Errorf("read the prior's config %s: %w", filepath.Base(path), err)
	}
	c.File = filepath.Base(path)
	return c, nil
}

func parsePriorConfig(text string) (PriorConfig, error) {
	var file struct {
		UnrollSteps int `toml:"unroll_steps"`
		Trainer     struct {
			BatchSize    int     `toml:"batch_size"`
			LearningRate float64 `toml:"learning_rate"`
		} `toml:"trainer"`
		Data struct {
			VocabSize      int `toml:"vocab_size"`
			SequenceLength int `toml:"sequence_length"`
		} `toml:"data"`
		VQGAN struct {
			LatentShape []int `toml:"latent_shape"`
		} `toml:"vqgan"`
		Sampling SamplingConfig `toml:"sampling"`
		Net      struct {
			Type          string `toml:"type"`
			Dim           int    `toml:"dim"`
			NbHeads       int    `toml:"nb_heads"`
			ShortenFactor any    `toml:"shorten_factor"`
			Depth         any    `toml:"depth"`
			UseRotary     *bool  `toml:"use_rotary"`
			Conditional   *bool  `toml:"conditional"`
			NumClasses    int    `toml:"num_classes"`
		} `toml:"net"`
	}
	if _, err := toml.Decode(text, &file); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return PriorConfig{}, fmt.Errorf("it is no TOML: line %d: %s", syntax.Position.Line, syntax.Message)
		}
		return PriorConfig{}, fmt.Errorf("it is no config of the author's code: %w", err)
	}
	net := file.Net
	if net.Type != "" && net.Type != "hourglass" {
		return PriorConfig{}, fmt.Errorf("net.type %q cannot be imported: only hourglass can", net.Type)
	}
	if l := file.VQGAN.LatentShape; l != nil && len(l) != 2 {
		return PriorConfig{}, fmt.Errorf("vqgan.latent_shape must be two numbers, not %v", l)
	}
	depth, err := parseDepth(net.Depth)
	if err != nil {
		return PriorConfig{}, err
	}
	factor, err := parseFactor(net.ShortenFactor)
	if err != nil {
		return PriorConfig{}, err
	}
	c := PriorConfig{
		Unroll: file.UnrollSteps, Batch: file.Trainer.BatchSize, Rate: file.Trainer.LearningRate,
		Vocabulary: file.Data.VocabSize, Tokens: file.Data.SequenceLength, Latent: file.VQGAN.LatentShape, Sampling: file.Sampling,
		Network: HourglassConfig{
			Dim: net.Dim, Heads: net.NbHeads, Downsample: factor, Depth: depth, conditional: net.Conditional, rotary: net.UseRotary,
		},
	}
	if net.Conditional != nil && *net.Conditional {
		c.Network.Classes = net.NumClasses
	}
	return c, nil
}

// maxLevels bounds the hourglasses inside each other.
const maxLevels = 8

// parseDepth reads [a, b, c], where b may be such a list itself.
func parseDepth(value any) (*HourglassDepth, error) {
	if value == nil {
		return nil, nil
	}
	outer := &HourglassDepth{}
	d := outer
	for range maxLevels {
		parts, _ := value.([]any)
		if len(parts) != 3 {
			break
		}
		before, beforeOK := parts[0].(int64)
		after, afterOK := parts[2].(int64)
		if !beforeOK || !afterOK {
			break
		}
		d.Before, d.After = int(before), int(after)
		if middle, ok := parts[1].(int64); ok {
			d.Middle = int(middle)
			return outer, nil
		}
		d.Inner = &HourglassDepth{}
		d, value = d.Inner, parts[1]
	}
	return nil, errors.New("net.depth must be [before, middle, after], with at most one such list as its middle")
}

// parseFactor reads a number, or one for each level, which must be the same.
func parseFactor(value any) (int, error) {
	switch v := value.(type) {
	case nil:
		return 0, nil
	case int64:
		return int(v), nil
	case []any:
		first, ok := any(nil), len(v) > 0
		for i, factor := range v {
			if i == 0 {
				first = factor
			}
			ok = ok && factor == first
		}
		if factor, isInt := first.(int64); ok && isInt {
			return int(factor), nil
		}
	}
	return 0, fmt.Errorf("net.shorten_factor %v cannot be imported: it must be one number for all levels", value)
}

// Complete fills in what the weights say and the config does not. Where both say something
// else, the error names both values.
func (c PriorConfig) Complete(w *Weights) (PriorConfig, error) {
	if _, ok := w.Shape("token_emb.weight"); !ok {
		return c, fmt.Errorf("it holds another network than a prior of the author's code: unexpected keys: %s", firstKeys(w))
	}
	found := hourglassOf(w)
	n := &c.Network
	m := merger{file: c.File}
	m.number("data.vocab_size", &c.Vocabulary, w.dim("token_emb.weight", 0))
	m.number("net.dim", &n.Dim, found.Dim)
	m.number("net.shorten_factor", &n.Downsample, found.Downsample)
	if n.Depth == nil {
		n.Depth = found.Depth
	} else if n.Depth.String() != found.Depth.String() {
		m.contradict("net.depth", n.Depth, found.Depth)
	}
	if conditional := found.Classes > 0; n.conditional != nil && *n.conditional != conditional {
		m.contradict("net.conditional", *n.conditional, conditional)
	}
	m.number("net.num_classes", &n.Classes, found.Classes)
	if rotary := !found.PositionEmbedding; n.rotary != nil && *n.rotary != rotary {
		m.contradict("net.use_rotary", *n.rotary, rotary)
	}
	inner := w.dim(firstAttention(found.Depth)+".fn.to_q.weight", 0)
	if frequencies := w.frequencies(); frequencies > 0 {
		// A frequency turns two channels along each of the two axes.
		m.number("net.nb_heads", &n.Heads, inner/(4*frequencies))
	}
	n.PositionEmbedding, n.MLP, n.AttentionResampling = found.PositionEmbedding, found.MLP, found.AttentionResampling
	if found.PositionEmbedding {
		m.number("data.sequence_length", &c.Tokens, w.dim("pos_emb.weight", 0))
	}
	switch {
	case m.err != nil:
		return c, m.err
	case n.Heads == 0:
		return c, errors.New("its weights don't say how many heads its attention has: give the TOML that was published with it, which says so under net.nb_heads")
	case n.Heads < 0 || inner%n.Heads != 0:
		return c, fmt.Errorf("%s has net.nb_heads %d, which does not divide the %d channels of the weights' attention: give the config of these weights", c.File, n.Heads, inner)
	}
	n.HeadDim = inner / n.Heads
	return c, nil
}

// hourglassOf is what the weights tell of the network. What they don't is zero.
func hourglassOf(w *Weights) HourglassConfig {
	n := HourglassConfig{
		Dim:               w.dim("token_emb.weight", 1),
		Classes:           w.dim("class_emb.weight", 0),
		PositionEmbedding: w.dim("pos_emb.weight", 0) > 0,
		Depth:             depthOf(w.Sub("transformer."), maxLevels),
	}
	if n.Dim > 0 {
		n.Downsample = w.dim("transformer.downsample.proj.weight", 1) / n.Dim
		n.MLP = float64(w.dim(firstMLP(n.Depth)+".fn.0.weight", 0)) / float64(n.Dim)
	}
	_, n.AttentionResampling = w.Shape("transformer.attn_resampling_pre_valley.layers.0.0.fn.to_q.weight")
	return n
}

// depthOf counts the layers of an hourglass.
func depthOf(w *Weights, levels int) *HourglassDepth {
	const layer = "layers.%d.0.fn.to_q.weight"
	d := &HourglassDepth{Before: w.count("pre_transformer." + layer), After: w.count("post_transformer." + layer)}
	valley := w.Sub("valley_transformer.")
	if _, ok := valley.Shape("downsample.proj.weight"); ok && levels > 1 {
		d.Inner = depthOf(valley, levels-1)
	} else {
		d.Middle = valley.count(layer)
	}
	return d
}

// firstAttention is the key of one attention layer of an hourglass, firstMLP of one MLP.
func firstAttention(d *HourglassDepth) string { return firstLayer(d) + ".0" }
func firstMLP(d *HourglassDepth) string       { return firstLayer(d) + ".1" }

func firstLayer(d *HourglassDepth) string {
	key := "transformer."
	for ; d.Before == 0 && d.After == 0 && d.Inner != nil; d = d.Inner {
		key += "valley_transformer."
	}
	switch {
	case d.Before > 0:
		return key + "pre_transformer.layers.0"
	case d.After > 0:
		return key + "post_transformer.layers.0"
	}
	return key + "valley_transformer.layers.0"
}

// frequencies is the number of frequencies of the rotary embedding, 0 without one.
func (w *Weights) frequencies() int {
	return w.dim("transformer.pre_transformer.rotary_pos_emb.freqs", 0)
}

// contradict keeps that the config and the weights have different values.
func (m *merger) contradict(name string, value, found any) {
	if m.err == nil {
		m.err = fmt.Errorf("%s has %s %v, the weights have %v: give the config of these weights", m.file, name, value, found)
	}
}
