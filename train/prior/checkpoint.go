package prior

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// Checkpoint is the name of the run's checkpoint in its folder.
const Checkpoint = "prior.safetensors"

// save writes the checkpoint: every variable, and the report.
func (c Config) save(store *model.Store, o Options, r Report) error {
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return engine.Save(filepath.Join(o.Out, Checkpoint), store, map[string]string{
		"format": "sundae prior", "step": strconv.Itoa(r.Step), "report": string(state), "network": c.network(o.Latents.Grid),
	})
}

// restore loads the run's checkpoint, if there is one. Without Resume, a checkpoint is an
// error, so that no run is overwritten by accident.
func (c Config) restore(store *model.Store, o Options) (Report, error) {
	path := filepath.Join(o.Out, Checkpoint)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if o.From != nil {
			return c.startFrom(store, o)
		}
		return Report{}, nil
	}
	if !o.Resume {
		return Report{}, fmt.Errorf("%s already holds a run: pass --resume to continue it, or another --out", o.Out)
	}
	return c.load(path, store, o.Latents.Grid)
}

// load reads a checkpoint of this network.
func (c Config) load(path string, store *model.Store, grid Grid) (Report, error) {
	meta, err := engine.Load(path, store)
	if err != nil {
		return Report{}, err
	}
	if network := c.network(grid); meta["network"] != network {
		return Report{}, fmt.Errorf("%s holds another network (%s) than the recipe's (%s)", path, meta["network"], network)
	}
	var r Report
	if err := json.Unmarshal([]byte(meta["report"]), &r); err != nil {
		return Report{}, fmt.Errorf("read the report in %s: %w", path, err)
	}
	return r, nil
}

// network describes everything that determines the weights' shapes and meaning.
func (c Config) network(g Grid) string {
	return fmt.Sprintf("depth %v downsample %d resample %s dim %d heads %d×%d mlp %g position_embedding %t shift_mixing %d grid %d×%d vocabulary %d classes %d",
		c.Depth, c.Downsample, c.Resample, c.Dim, c.Heads, c.HeadDim, c.MLP, c.PositionEmbedding, c.ShiftMixing, g.Height, g.Width, g.Vocabulary, g.Classes)
}
