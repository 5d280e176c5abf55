package prior

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// File is a trained prior as a bundle holds it.
type File struct {
	ONNX   []byte          // as Export writes it
	Hours  float64         // that it was trained
	Writer compute.Backend // an ONNX one, to read it with
}

// begin fills the store with the weights of o.From. The recipe's steps are all
// still to do.
func (c Config) begin(store *model.Store, o Options) (Report, error) {
	m := &Model{Config: c, Grid: o.Latents.Grid, store: store}
	names, shape := m.inputs()
	if err := engine.Recover(o.From.Writer, store, o.From.ONNX, m.graph, names, outputs, shape...); err != nil {
		return Report{}, fmt.Errorf("read the prior: %w", err)
	}
	if err := engine.StartAverages(store, "/"+modelScope); err != nil {
		return Report{}, err
	}
	return Report{Hours: o.From.Hours}, nil
}
