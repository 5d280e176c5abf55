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
// neighbours, or the last of the layers in the valley or of those after it.
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
			err = errors.Join(
				c.growLayers(store, "middle", lesser.Depth.Middle, c.Depth.Middle),
				c.growLayers(store, "after", lesser.Depth.After, c.Depth.After))
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("read the prior: %w", err)
	}
	if err := engine.StartAverages(store, "/"+modelScope); err != nil {
		return Report{}, err
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
	for middle := c.Depth.Middle - 1; middle > 0; middle-- {
		shallow := c
		shallow.Depth.Middle = middle
		all = append(all, shallow)
	}
	return all
}

// growLayers adds the layers that the store lacks to a part of the hourglass. What
// they give back begins at zero, so that the prior is at first what it was.
func (c Config) growLayers(store *model.Store, part string, from, to int) error {
	for i := from; i < to; i++ {
		layer := fmt.Sprintf("/%s/hourglass/%s/layer%d", modelScope, part, i)
		for path, in := range map[string]int{"/attention/out/weight": c.Heads * c.HeadDim, "/mlp/down/weight": int(c.MLP * float64(c.Dim))} {
			zero := tensors.FromFlatDataAndDimensions(make([]float32, in*c.Dim), in, c.Dim)
			if _, err := store.CreateVariable(layer+path, zero); err != nil {
				return fmt.Errorf("add layer %d of %s: %w", i, part, err)
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
