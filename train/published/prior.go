package published

import (
	"errors"
	"fmt"
	"path/filepath"

	"sundae/sampler/schedule"
	"sundae/train/engine"
	"sundae/train/pretrained"
	"sundae/train/prior"
	"sundae/train/recipe"
)

// publishedPrior is a prior in a checkpoint.
type publishedPrior struct {
	file    string
	weights *pretrained.Weights
	config  pretrained.PriorConfig // with what the weights say
	model   *prior.Model           // nil before open, which checks names and shapes
}

// openPrior opens the prior of a checkpoint and its TOML, if there is one.
func openPrior(path, config string) (*publishedPrior, error) {
	var c pretrained.PriorConfig
	var err error
	if config != "" {
		if c, err = pretrained.ReadPriorConfig(config); err != nil {
			return nil, err
		}
	}
	w, err := pretrained.Open(path)
	if err != nil {
		return nil, err
	}
	p := &publishedPrior{file: filepath.Base(path), weights: w}
	if p.config, err = c.Complete(w); err != nil {
		w.Close()
		return nil, fmt.Errorf("import %s: %w", p.file, err)
	}
	return p, nil
}

// open opens the network for the tokens t.
func (p *publishedPrior) open(t tokens) error {
	if err := p.fits(t); err != nil {
		return err
	}
	c, err := p.network()
	if err != nil {
		return err
	}
	grid := prior.Grid{Height: t.side(), Width: t.side(), Vocabulary: p.config.Vocabulary, Classes: p.config.Network.Classes}
	p.model, err = prior.FromPublished(p.weights, c, grid)
	var mismatch *engine.MismatchError
	switch {
	case errors.As(err, &mismatch):
		return differ(p.file, p.config.File, mismatch)
	case err != nil:
		return fmt.Errorf("import %s: %w", p.file, err)
	}
	return nil
}

// fits compares the tokens that the prior was trained on with t.
func (p *publishedPrior) fits(t tokens) error {
	const advice = "give the VQ-GAN whose tokens the prior was trained on"
	side := t.side()
	switch c, l := p.config, p.config.Latent; {
	case c.Vocabulary != t.vocabulary():
		return fmt.Errorf("the prior %s is for %d codes, %s has %d: %s", p.file, c.Vocabulary, t.name(), t.vocabulary(), advice)
	case l != nil && (l[0] != side || l[1] != side):
		return fmt.Errorf("the prior %s is for %d×%d tokens, %s has %d×%d: %s", p.file, l[0], l[1], t.name(), side, side, advice)
	case c.Tokens > 0 && c.Tokens != side*side:
		return fmt.Errorf("the prior %s is for %d tokens, %s has %d: %s", p.file, c.Tokens, t.name(), side*side, advice)
	}
	return nil
}

// network is the prior's network, with settings to train it further.
func (p *publishedPrior) network() (prior.Config, error) {
	r, err := recipe.Open(base)
	if err != nil {
		return prior.Config{}, err
	}
	c, n := r.Prior, p.config.Network
	c.Depth, c.Downsample, c.Resample = depth(n.Depth), n.Downsample, "linear"
	if n.AttentionResampling {
		c.Resample = "attention"
	}
	c.Dim, c.Heads, c.HeadDim, c.MLP, c.PositionEmbedding = n.Dim, n.Heads, n.HeadDim, n.MLP, n.PositionEmbedding
	for _, setting := range []struct{ from, to *int }{{&p.config.Unroll, &c.Unroll}, {&p.config.Batch, &c.Batch}} {
		if *setting.from > 0 {
			*setting.to = *setting.from
		}
	}
	if p.config.Rate > 0 {
		c.LearningRate = p.config.Rate
	}
	return c, nil
}

func depth(d *pretrained.HourglassDepth) prior.Depth {
	out := prior.Depth{Before: d.Before, Middle: d.Middle, After: d.After}
	if d.Inner != nil {
		inner := depth(d.Inner)
		out.Inner = &inner
	}
	return out
}

// minSteps is the author's number of steps before a sample may be frozen.
const minSteps = 10

// sampling is how the author's code samples with the TOML's settings.
func (p *publishedPrior) sampling() (schedule.Patch, error) {
	s := p.config.Sampling
	least, freeze := minSteps, schedule.FreezeUnchanged
	patch := schedule.Patch{Steps: s.Steps, MinSteps: &least, Freeze: &freeze}
	if s.Steps != nil && (*s.Steps < 1 || *s.Steps > schedule.MaxSteps) {
		return patch, fmt.Errorf("%s has sampling.steps %d: it must be 1 to %d", p.config.File, *s.Steps, schedule.MaxSteps)
	}
	for _, curve := range []struct {
		name       string
		start, end *float64
		to         **schedule.Schedule
	}{{"temperature", s.Temperature, s.EndTemperature, &patch.Temperature}, {"sample_proportion", s.Proportion, s.EndProportion, &patch.Proportion}} {
		if curve.start == nil {
			continue
		}
		text := fmt.Sprintf("%g", *curve.start)
		if curve.end != nil && *curve.end != *curve.start {
			text += fmt.Sprintf(":%g", *curve.end)
		}
		parsed, err := schedule.Parse(text)
		if err != nil {
			return patch, fmt.Errorf("%s has sampling.%s %s: %w", p.config.File, curve.name, text, err)
		}
		*curve.to = &parsed
	}
	return patch, nil
}
