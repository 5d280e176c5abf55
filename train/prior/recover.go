package prior

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
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
// still to do. A prior without neighbours may go on with them: they begin as nothing.
func (c Config) begin(store *model.Store, o Options) (Report, error) {
	err := c.recover(store, o)
	if errors.Is(err, engine.ErrOther) && c.Neighbours > 0 {
		alone := c
		alone.Neighbours = 0
		if err = store.DeleteVariablesInScope("/"); err == nil {
			err = alone.recover(store, o)
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

func (c Config) recover(store *model.Store, o Options) error {
	m := &Model{Config: c, Grid: o.Latents.Grid, store: store}
	names, shape := m.inputs()
	return engine.Recover(o.From.Writer, store, o.From.ONNX, m.graph, names, outputs, shape...)
}
