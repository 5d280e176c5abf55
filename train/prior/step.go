package prior

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"golang.org/x/sync/errgroup"

	"sundae/train/engine"
)

// stepReport holds the figures of one optimizer step: the loss, that of the first and of
// the last unrolled step, and the gradient's norm before clipping.
type stepReport struct {
	Loss, First, Last, Norm float64
}

// trainStep runs one optimizer step.
type trainStep func(b batch, rate, decay float64) (stepReport, error)

// newStep compiles one optimizer step. The batch is split between workers, which compute
// gradients in parallel, each with its own graph. One more graph averages the gradients and
// updates the weights.
func (c Config) newStep(backend compute.Backend, store *model.Store, grid Grid, workers int) (trainStep, error) {
	gradients := make([]*model.Exec, workers)
	for i := range gradients {
		var err error
		if gradients[i], err = model.NewExec(backend, store, c.gradients(grid)); err != nil {
			return nil, fmt.Errorf("build the prior's gradients: %w", err)
		}
	}
	update, err := model.NewExec(backend, store, c.update(workers))
	if err != nil {
		return nil, fmt.Errorf("build the prior's update: %w", err)
	}
	compiled := false
	return func(b batch, rate, decay float64) (stepReport, error) {
		parts := make([][]*tensors.Tensor, workers) // of each worker: [loss, first, last] and the gradients
		work := func(i int) (err error) {
			share := b.share(i, workers)
			if parts[i], err = gradients[i].Exec(share.corrupted, share.clean, share.class, share.uniform, share.update); err != nil {
				return fmt.Errorf("run the prior's gradients: %w", err)
			}
			return nil
		}
		var err error
		if compiled {
			err = inParallel(workers, work)
		} else { // the first call compiles, which changes the store
			err = engine.CompileShared(backend, workers, func() error { return inTurn(workers, work) })
			compiled = true
		}
		if err != nil {
			return stepReport{}, err
		}
		args := []any{float32(rate), float32(decay)}
		var r stepReport
		for _, part := range parts {
			losses := tensors.MustCopyFlatData[float32](part[0])
			r.Loss += float64(losses[0]) / float64(workers)
			r.First += float64(losses[1]) / float64(workers)
			r.Last += float64(losses[2]) / float64(workers)
			for _, gradient := range part[1:] {
				args = append(args, gradient)
			}
		}
		out, err := update.Exec(args...)
		if err != nil {
			return stepReport{}, fmt.Errorf("run the prior's update: %w", err)
		}
		for _, part := range parts {
			for _, t := range part {
				t.FinalizeAll()
			}
		}
		r.Norm = float64(tensors.ToScalar[float32](out[0]))
		return r, nil
	}, nil
}

// inParallel calls work for 0 to n-1 at the same time.
func inParallel(n int, work func(i int) error) error {
	var group errgroup.Group
	for i := range n {
		group.Go(func() error { return work(i) })
	}
	return group.Wait()
}

// inTurn calls work for 0 to n-1 one after another.
func inTurn(n int, work func(i int) error) error {
	for i := range n {
		if err := work(i); err != nil {
			return err
		}
	}
	return nil
}

// gradients is a worker's graph: from its share of the batch to the losses [loss, first,
// last] and the gradient of each weight.
func (c Config) gradients(grid Grid) func(scope *model.Scope, in []*Node) []*Node {
	return func(scope *model.Scope, in []*Node) []*Node {
		corrupted, clean, class, uniform, update := in[0], in[1], in[2], in[3], in[4]
		scope.Store().SetTraining(clean.Graph(), true)
		_, losses := c.unrolled(scope, grid, corrupted, clean, class, uniform, update)
		loss := ReduceAllMean(Stack(losses, 0))
		figures := Stack([]*Node{loss, losses[0], losses[len(losses)-1]}, 0) // [3]
		return append([]*Node{figures}, scope.At(modelScope).BuildTrainableVariablesGradientsGraph(loss)...)
	}
}

// update is the graph that updates the weights and their moving average, if there is one:
// from the learning rate, the decay of the average and the gradients of each worker to the
// norm of their mean.
func (c Config) update(workers int) func(scope *model.Scope, in []*Node) []*Node {
	adamw := c.adamW()
	apply := adamw.Apply
	if c.Optimizer == "muon" {
		apply = engine.Muon{Momentum: 0.95, Moves: isMatrix, Rest: adamw}.Apply
	}
	return func(scope *model.Scope, in []*Node) []*Node {
		rate, decay, all := in[0], in[1], in[2:]
		scope.Store().SetTraining(rate.Graph(), true)
		for v := range scope.At(modelScope).IterVariables() {
			if v.Trainable {
				v.NodeValue(rate.Graph()) // the optimizer updates the weights that its graph uses
			}
		}
		mean := make([]*Node, len(all)/workers)
		for i := range mean {
			mean[i] = all[i]
			for w := 1; w < workers; w++ {
				mean[i] = Add(mean[i], all[w*len(mean)+i])
			}
			mean[i] = DivScalar(mean[i], float64(workers))
		}
		norm := apply(scope.At(modelScope), mean, rate)
		if c.EMA > 0 {
			engine.UpdateEMA(scope.At(modelScope), decay)
		}
		return []*Node{norm}
	}
}

// isMatrix selects the weights that Muon updates: the linear maps between hidden layers.
// Embeddings and the head are left to AdamW, because each of their rows is one token's.
func isMatrix(v *model.Variable) bool {
	return v.Shape().Rank() == 2 && strings.HasPrefix(v.Path(), "/"+modelScope+"/hourglass/")
}

// workers is the number that shares a batch on the backend; it divides the batch size.
func (c Config) workers(backend compute.Backend) int {
	n := min(c.Batch, engine.Parallelism(backend))
	for c.Batch%n != 0 {
		n--
	}
	return n
}
