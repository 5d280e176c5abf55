package prior

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
)

// Pretrained is the prior of a model bundle.
type Pretrained struct {
	ONNX  onnxfile.Model // the file that Model.Export writes
	Steps int            // training steps so far
	Hours float64        // training time so far
}

// startFrom fills the store with a pretrained prior's weights, for a run of all the
// recipe's steps. With distillation they become the teacher's as well.
func (c Config) startFrom(store *model.Store, o Options) (Report, error) {
	if err := c.loadPretrained(store, o.From, o.Latents.Grid, o.Backend); err != nil {
		return Report{}, err
	}
	if c.EMA > 0 {
		if err := engine.StartEMA(store, "/"+modelScope); err != nil {
			return Report{}, err
		}
	}
	if c.Distillation > 0 {
		if err := copyTeacher(store); err != nil {
			return Report{}, err
		}
	}
	return Report{Earlier: o.From.Steps, Hours: o.From.Hours}, nil
}

// loadPretrained reads the weights by name. The recipe may add shift mixing, or layers
// after the bottleneck, that the pretrained prior does not have: they start with an output
// of zero, so that the network is at first the same function.
func (c Config) loadPretrained(store *model.Store, from *Pretrained, grid Grid, backend compute.Backend) error {
	network, err := engine.Declare(backend, model.NewStore(), func(scope *model.Scope, g *Graph) { c.declare(scope, g, grid) })
	if err != nil {
		return fmt.Errorf("read the prior: %w", err)
	}
	added, err := engine.LoadONNX(store, from.ONNX, network, c.mayBeAdded(network)...)
	if err != nil {
		return fmt.Errorf("read the prior: %w", err)
	}
	for _, scope := range added {
		if strings.HasSuffix(scope, "/shift_mixing") {
			continue // it starts at zero anyway
		}
		for _, path := range []string{scope + "/attention/out/weight", scope + "/mlp/down/weight"} {
			if err := engine.CreateZeros(store, path, network.GetVariable(path).Shape()); err != nil {
				return fmt.Errorf("add layer %s: %w", scope, err)
			}
		}
	}
	return nil
}

// mayBeAdded lists the scopes that a pretrained prior may lack as a whole.
func (c Config) mayBeAdded(network *model.Store) []string {
	var scopes []string
	for i := range c.Depth.After {
		scopes = append(scopes, fmt.Sprintf("/%s/hourglass/after/layer%d", modelScope, i))
	}
	for v := range network.IterVariables() {
		if before, _, ok := strings.Cut(v.Path(), "/shift_mixing/"); ok {
			scopes = append(scopes, before+"/shift_mixing")
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// declare builds the network's graph from two samples to logits [2, N, V].
func (c Config) declare(scope *model.Scope, g *Graph, grid Grid) *Node {
	tokens := Parameter(g, "tokens", shapes.Make(dtypes.Int32, 2, grid.Tokens()))
	class := Parameter(g, "class", shapes.Make(dtypes.Int32, 2))
	return c.logits(scope.At(modelScope), grid, tokens, class)
}
