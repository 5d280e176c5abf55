package vqgan

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
const Checkpoint = "vqgan.safetensors"

// checkpointFormat changes when older checkpoints cannot be read any more.
const checkpointFormat = "sundae vqgan 2"

// save writes the checkpoint: every variable, and the report.
func (c Config) save(store *model.Store, o Options, r Report) error {
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return engine.Save(filepath.Join(o.Out, Checkpoint), store, map[string]string{
		"format": checkpointFormat, "step": strconv.Itoa(r.Step), "report": string(state), "network": c.network(),
	})
}

// restore loads the run's checkpoint if there is one. Without Resume an existing
// checkpoint is an error, so that no run is overwritten by accident.
func (c Config) restore(store *model.Store, o Options) (Report, error) {
	path := filepath.Join(o.Out, Checkpoint)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if o.From != nil {
			return c.begin(store, o)
		}
		return Report{}, nil
	}
	if !o.Resume {
		return Report{}, fmt.Errorf("%s already contains a run: continue it with --resume, or choose another --out", o.Out)
	}
	return c.load(path, store)
}

func (c Config) load(path string, store *model.Store) (Report, error) {
	meta, err := engine.Load(path, store)
	if err != nil {
		return Report{}, err
	}
	if meta["format"] != checkpointFormat {
		return Report{}, fmt.Errorf("%s is not a VQ-GAN checkpoint of this version of Sundae: train again in another --out", path)
	}
	if meta["network"] != c.network() {
		return Report{}, fmt.Errorf("%s was trained with another network (%s) than the recipe's (%s)", path, meta["network"], c.network())
	}
	var r Report
	if err := json.Unmarshal([]byte(meta["report"]), &r); err != nil {
		return Report{}, fmt.Errorf("read the report in %s: %w", path, err)
	}
	return r, nil
}

// network describes everything that determines the shapes of the weights and how the
// network uses them.
func (c Config) network() string {
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
	return name
}
