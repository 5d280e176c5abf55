package engine

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// AdamW is the optimizer of every run: Adam with decoupled weight decay
// (Loshchilov & Hutter, 1711.05101), after clipping the gradient's global norm.
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

// Apply adds one step to the graph: the gradients of the trainable weights under scope
// that the graph uses, in the scope's order, clipped and applied with the learning rate
// lr, a scalar, so that schedules stay on the host. It returns the gradient's global norm
// before clipping. Moments are kept as non-trainable variables of the store.
func (a AdamW) Apply(scope *model.Scope, grads []*Node, lr *Node) *Node {
	grads, norm := clip(grads, a.Clip)
	a.adam(scope, grads, lr)
	return norm
}

// adam updates all trainable weights under scope with their gradients.
func (a AdamW) adam(scope *model.Scope, grads []*Node, lr *Node) {
	optimizer.LearningRateVar(scope, lr.DType(), 0).SetNodeValue(lr)
	type gradientOptimizer interface {
		UpdateGraphWithGradients(*model.Scope, []*Node, dtypes.DType)
	}
	adam := optimizer.Adam().Betas(a.Beta1, a.Beta2).Epsilon(1e-8).WeightDecay(a.WeightDecay).Done()
	adam.(gradientOptimizer).UpdateGraphWithGradients(scope, grads, lr.DType())
	for v := range scope.Store().IterVariables() {
		if strings.HasSuffix(v.Name(), "_1st_moment") || strings.HasSuffix(v.Name(), "_2nd_moment") {
			startAtZero(v)
		}
	}
}

// clip scales the gradients down to a global norm of most, if that is above 0, and
// returns the norm before.
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

// trainable lists the trainable weights under scope that the graph uses. Scalars are
// left out: in a loaded store GoMLX's step and learning rate count as trainable until its
// Adam is built.
func trainable(scope *model.Scope, g *Graph) (weights []*model.Variable) {
	for v := range scope.IterVariables() {
		if v.Trainable && !v.Shape().IsScalar() && v.InUseByGraph(g) {
			weights = append(weights, v)
		}
	}
	return weights
}

// Schedule is the course of a learning rate. The empty one falls by half a cosine to a
// twentieth.
type Schedule string

// ConstantRate is the schedule of a learning rate that stays as it is after the warm-up.
const ConstantRate Schedule = "constant"

// Validate reports an unknown schedule; key is the setting's name.
func (s Schedule) Validate(key string) error {
	if s != "" && s != ConstantRate {
		return fmt.Errorf("%s must be constant or absent, not %q", key, string(s))
	}
	return nil
}

// Rate is the learning rate at step (0-based) of total: a linear warm-up to peak, then the
// schedule.
func (s Schedule) Rate(step, warmup, total int, peak float64) float64 {
	floor := 0.05
	if s == ConstantRate {
		floor = 1
	}
	return LearningRate(step, warmup, total, peak, floor)
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
