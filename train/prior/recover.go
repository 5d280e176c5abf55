package prior

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// File is a trained prior as a bundle holds it.
type File struct {
	ONNX   []byte // as Export writes it
	Steps  int    // that it was trained
	Hours  float64
	Writer compute.Backend // an ONNX one, to read it with
}

// begin fills the store with the weights of o.From. The recipe's steps are all
// still to do. What that prior lacks, and the recipe has, begins as nothing:
// neighbours, or the last of the layers after the valley.
func (c Config) begin(store *model.Store, o Options) (Report, error) {
	err := c.recover(store, o)
	for _, lesser := range c.lesser() {
		if !errors.Is(err, engine.ErrOther) {
			break
		}
		if err = store.DeleteVariablesInScope("/"); err != nil {
			break
		}
		if err = lesser.recover(store, o); err == nil {
			err = c.growLayers(store, lesser.Depth.After)
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("read the prior: %w", err)
	}
	if err := engine.StartAverages(store, "/"+modelScope); err != nil {
		return Report{}, err
	}
	if c.Guidance > 0 {
		if err := keepTeacher(store); err != nil {
			return Report{}, err
		}
	}
	return Report{Earlier: o.From.Steps, Hours: o.From.Hours}, nil
}

// lesser lists the priors that c can grow from.
func (c Config) lesser() []Config {
	var all []Config
	if c.Neighbours > 0 {
		alone := c
		alone.Neighbours = 0
		all = append(all, alone)
	}
	for after := c.Depth.After - 1; after >= 0; after-- {
		shallow := c
		shallow.Depth.After = after
		all = append(all, shallow)
	}
	return all
}

// growLayers adds the layers after the valley that the store lacks. What they give
// back begins at zero, so that the prior is at first what it was.
func (c Config) growLayers(store *model.Store, from int) error {
	for i := from; i < c.Depth.After; i++ {
		layer := fmt.Sprintf("/%s/hourglass/after/layer%d", modelScope, i)
		for path, in := range map[string]int{"/attention/out/weight": c.Heads * c.HeadDim, "/mlp/down/weight": int(c.MLP * float64(c.Dim))} {
			zero := tensors.FromFlatDataAndDimensions(make([]float32, in*c.Dim), in, c.Dim)
			if _, err := store.CreateVariable(layer+path, zero); err != nil {
				return fmt.Errorf("add layer %d after the valley: %w", i, err)
			}
		}
	}
	return nil
}

func (c Config) recover(store *model.Store, o Options) error {
	m := &Model{Config: c, Grid: o.Latents.Grid, store: store}
	names, shape := m.inputs()
	return engine.Recover(o.From.Writer, store, o.From.ONNX, m.graph, names, outputs, shape...)
}
