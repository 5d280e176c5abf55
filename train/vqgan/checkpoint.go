package vqgan

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// Checkpoint is the name of the run's checkpoint in its folder.
const Checkpoint = "vqgan.safetensors"

// checkpoint is the checkpoint at path. Its format changes when older ones cannot be
// read any more.
func (c Config) checkpoint(path string) engine.RunFile {
	return engine.RunFile{Path: path, Format: "sundae vqgan 2", Network: c.network()}
}

// save writes the run's checkpoint.
func (c Config) save(store *model.Store, o Options, r Report) error {
	return c.checkpoint(filepath.Join(o.Out, Checkpoint)).Save(store, r.Step, r)
}

// restore returns the state in which the run starts: that of its checkpoint, that of
// o.From, or a new one.
func (c Config) restore(store *model.Store, o Options) (Report, error) {
	var r Report
	resumed, err := c.checkpoint(filepath.Join(o.Out, Checkpoint)).Resume(o.Resume, store, &r)
	if resumed || err != nil || o.From == nil {
		return r, err
	}
	return c.begin(store, o)
}

// network describes everything that determines the shapes of the weights and how the
// network uses them.
func (c Config) network() string {
	if c.Network == Taming {
		return fmt.Sprintf("taming channels %d×%v blocks %d attention %v of %d z %d embedding %d vocabulary %d %s",
			c.Channels, c.Multipliers, c.Blocks, c.AttentionResolutions, c.size, c.ZChannels, c.Embedding, c.Vocabulary, cmp.Or(c.Quantizer, euclidean))
	}
	name := fmt.Sprintf("stem %d/%d channels %d×%v blocks %d attention %t groups %d embedding %d vocabulary %d",
		c.Stem, c.StemChannels, c.Channels, c.Multipliers, c.Blocks, c.Attention, c.Groups, c.Embedding, c.Vocabulary)
	if len(c.DecoderBlocks) > 0 {
		name += fmt.Sprintf(" decoder blocks %v", c.DecoderBlocks)
	}
	if len(c.DecoderBottleneck) > 0 {
		name += fmt.Sprintf(" decoder bottleneck %v", c.DecoderBottleneck)
	}
	if c.LinearShortcut {
		name += fmt.Sprintf(" linear shortcut %d", shortcutSide)
	}
	if c.SphereCodes {
		name += " sphere codes"
	}
	if c.EMA == 0 { // a run with averages of its weights cannot become one without, or the other way round
		name += " without ema"
	}
	return name
}
