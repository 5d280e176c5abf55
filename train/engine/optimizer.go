package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// AdamW is the optimizer of every run: Adam with decoupled weight decay
// (Loshchilov & Hutter, 1711.05101) behind a clip of the gradient's global norm.
type AdamW struct {
	Beta1, Beta2 float64 // decay of the first and second moment
	WeightDecay  float64 // per step, times the learning rate; 0 is plain Adam
	Clip         float64 // largest global gradient norm; 0 does not clip
}

// Update adds one step to the graph that holds the loss (a scalar): its gradient
// for every trainable weight under scope, applied as Apply does.
func (a AdamW) Update(scope *model.Scope, loss, lr *Node) *Node {
	return a.Apply(scope, scope.BuildTrainableVariablesGradientsGraph(loss), lr)
}

// Apply adds one step to the graph: the gradients of the trainable weights under
// scope that the graph uses, in the scope's order, clipped, applied with the learning rate lr (a scalar, so
// that schedules stay on the host). It returns the gradient's global norm before
// the clip. Moments are kept as non-trainable variables of the store.
func (a AdamW) Apply(scope *model.Scope, grads []*Node, lr *Node) *Node {
	grads, norm := clip(grads, a.Clip)
	a.adam(scope, grads, lr)
	return norm
}

// adam moves all trainable weights under scope by their gradients.
func (a AdamW) adam(scope *model.Scope, grads []*Node, lr *Node) {
	optimizer.LearningRateVar(scope, lr.DType(), 0).SetNodeValue(lr)
	type gradientOptimizer interface {
		UpdateGraphWithGradients(*model.Scope, []*Node, dtypes.DType)
	}
	adam := optimizer.Adam().Betas(a.Beta1, a.Beta2).Epsilon(1e-8).WeightDecay(a.WeightDecay).Done()
	adam.(gradientOptimizer).UpdateGraphWithGradients(scope, grads, lr.DType())
}

// clip shortens the gradients to a global norm of most, if that is above 0, and
// returns the norm that they had.
func clip(grads []*Node, most float64) (clipped []*Node, norm *Node) {
	g, dtype := grads[0].Graph(), grads[0].DType()
	sum := ScalarZero(g, dtype)
	for _, grad := range grads {
		sum = Add(sum, ReduceAllSum(Square(grad)))
	}
	norm = Sqrt(sum)
	if most <= 0 {
		return grads, norm
	}
	shrink := Min(ScalarOne(g, dtype), Div(Scalar(g, dtype, most), AddScalar(norm, 1e-6)))
	for _, grad := range grads {
		clipped = append(clipped, Mul(grad, shrink))
	}
	return clipped, norm
}

// trained lists the trainable weights under scope that the graph uses. Scalars are
// none: in a store that was loaded, gomlx's step and learning rate count as trainable
// until its Adam is built.
func trained(scope *model.Scope, g *Graph) (weights []*model.Variable) {
	for v := range scope.IterVariables() {
		if v.Trainable && !v.Shape().IsScalar() && v.InUseByGraph(g) {
			weights = append(weights, v)
		}
	}
	return weights
}

// averageRoot is where the moving averages live, under the weights' own paths.
const averageRoot = "/average"

// Average adds to the graph the moving average of every trainable weight under
// scope: average = decay·average + (1-decay)·weight. decay is a scalar node, so
// that it can warm up; a decay of 0 copies the weights.
func Average(scope *model.Scope, decay *Node) {
	g := decay.Graph()
	for _, v := range trained(scope, g) {
		average := scope.Store().Scope(averageRoot+v.Scope()).WithInitializer(initializer.Zero).
			VariableWithShape(v.Name(), v.Shape()).SetTrainable(false)
		old, now := average.NodeValue(g), v.NodeValue(g)
		average.SetNodeValue(Add(now, Mul(decay, Sub(old, now))))
	}
}

// StartAverages sets the moving average of every weight under scope to the weight.
func StartAverages(store *model.Store, scope string) error {
	weights := slices.Collect(store.Scope(scope).IterVariables())
	for _, v := range weights {
		value, err := v.MustValue().LocalClone()
		if err == nil {
			_, err = store.CreateVariable(averageRoot+v.Path(), value)
		}
		if err != nil {
			return fmt.Errorf("start the average of %s: %w", v.Path(), err)
		}
	}
	return nil
}

// Averaged returns a new store with the moving averages in the weights' places:
// the one to sample from and to export. Weights without an average are copied.
func Averaged(store *model.Store, scope string) (*model.Store, error) {
	out := model.NewStore()
	for v := range store.Scope(scope).IterVariables() {
		value := v
		if average := store.GetVariable(averageRoot + v.Path()); average != nil {
			value = average
		} else if !v.Trainable {
			continue
		}
		tensor, err := value.Value()
		if err != nil {
			return nil, err
		}
		clone, err := tensor.LocalClone()
		if err != nil {
			return nil, err
		}
		if _, err := out.CreateVariable(v.Path(), clone); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// AverageDecay is the decay at step (1-based): it rises as (1+t)/(10+t) to its
// full value, so that early averages forget the noise they started from.
func AverageDecay(step int, full float64) float64 {
	return min(full, float64(1+step)/float64(10+step))
}

// LearningRate is the rate at step (0-based) of total: a linear warm-up to peak,
// then half a cosine down to floor·peak.
func LearningRate(step, warmup, total int, peak, floor float64) float64 {
	if step < warmup {
		return peak * float64(step+1) / float64(warmup)
	}
	t := min(1, float64(step-warmup)/math.Max(1, float64(total-warmup)))
	return peak * (floor + (1-floor)*0.5*(1+math.Cos(math.Pi*t)))
}
