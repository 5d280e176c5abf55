package prior

import (
	"fmt"
	"path/filepath"

	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// Checkpoint is the name of the run's checkpoint in its folder.
const Checkpoint = "prior.safetensors"

// checkpoint is the checkpoint at path. Its format changes when older ones cannot be
// read any more. A run with averages of its weights cannot become one without, or the
// other way round.
func (c Config) checkpoint(path string, g Grid) engine.RunFile {
	network := c.network(g)
	if c.EMA == 0 {
		network += " without ema"
	}
	return engine.RunFile{Path: path, Format: "sundae prior 2", Network: network}
}

// save writes the run's checkpoint.
func (c Config) save(store *model.Store, o Options, r Report) error {
	return c.checkpoint(filepath.Join(o.Out, Checkpoint), o.Latents.Grid).Save(store, r.Step, r)
}

// restore returns the state in which the run starts: that of its checkpoint, that of
// o.From, or a new one.
func (c Config) restore(store *model.Store, o Options) (Report, error) {
	var r Report
	resumed, err := c.checkpoint(filepath.Join(o.Out, Checkpoint), o.Latents.Grid).Resume(o.Resume, store, &r)
	if resumed || err != nil || o.From == nil {
		return r, err
	}
	return c.startFrom(store, o)
}

// network describes everything that determines the weights' shapes and meaning.
func (c Config) network(g Grid) string {
	if c.isPublished() {
		return fmt.Sprintf("published depth %v downsample %d resample %s dim %d heads %d×%d mlp %g position_embedding %t grid %d×%d vocabulary %d classes %d any %t",
			c.Depth, c.Downsample, c.Resample, c.Dim, c.Heads, c.HeadDim, c.MLP, c.PositionEmbedding, g.Height, g.Width, g.Vocabulary, g.Classes, c.HasAny())
	}
	return fmt.Sprintf("depth %v downsample %d resample %s dim %d heads %d×%d mlp %g position_embedding %t shift_mixing %d grid %d×%d vocabulary %d classes %d",
		c.Depth, c.Downsample, c.Resample, c.Dim, c.Heads, c.HeadDim, c.MLP, c.PositionEmbedding, c.ShiftMixing, g.Height, g.Width, g.Vocabulary, g.Classes)
}
