package engine

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// Muon updates each matrix of a network by the orthogonal matrix nearest to its momentum,
// so that a step is as long in directions that gradients seldom take as in those that they
// often take (Jordan et al., "Muon: an optimizer for hidden layers", 2024). A convolution's
// kernel [out, in, k, k] counts as a matrix [out, in·k²]. All other weights are updated by
// AdamW.
type Muon struct {
	Momentum float64                      // decay of the gradients' moving average
	Moves    func(v *model.Variable) bool // selects the matrices and kernels
	Rest     AdamW                        // updates the others; its weight decay and clip apply to all
}

// Update does what AdamW's Update does, by Apply.
func (m Muon) Update(scope *model.Scope, loss, lr *Node) *Node {
	return m.Apply(scope, scope.BuildTrainableVariablesGradientsGraph(loss), lr)
}

// Apply does what AdamW's Apply does. A matrix moves by about as much as with AdamW (Liu et
// al., 2502.16982, equation 4), so that both share learning rate and weight decay.
func (m Muon) Apply(scope *model.Scope, grads []*Node, lr *Node) *Node {
	grads, norm := clip(grads, m.Rest.Clip)
	var matrices []*model.Variable
	var theirs, rest []*Node // gradients of the matrices, and of the rest
	for i, v := range trainable(scope, lr.Graph()) {
		if m.Moves(v) {
			matrices, theirs = append(matrices, v), append(theirs, grads[i])
		} else {
			rest = append(rest, grads[i])
		}
	}
	for i, v := range matrices {
		m.move(scope.Store(), v, theirs[i], lr)
		v.SetTrainable(false) // Adam updates all that is trainable
	}
	if len(rest) > 0 {
		m.Rest.adam(scope, rest, lr)
	}
	for _, v := range matrices {
		v.SetTrainable(true)
	}
	return norm
}

// momentumRoot is the scope of the momenta, under the weights' own paths.
const momentumRoot = "/momentum"

// move updates one matrix.
func (m Muon) move(store *model.Store, v *model.Variable, grad, lr *Node) {
	kept := store.Scope(momentumRoot+v.Scope()).WithInitializer(initializer.Zero).VariableWithShape(v.Name(), v.Shape()).SetTrainable(false)
	startAtZero(kept)
	blend := func(old *Node) *Node { return Add(MulScalar(old, m.Momentum), MulScalar(grad, 1-m.Momentum)) }
	momentum := blend(kept.NodeValue(grad.Graph()))
	kept.SetNodeValue(momentum)
	w := v.NodeValue(grad.Graph())
	// An orthogonal matrix's values have a mean square of 1/max(rows, columns), the steps
	// of Adam one of about 0.2².
	rows := w.Shape().Dim(0)
	columns := w.Shape().Size() / rows
	length := 0.2 * math.Sqrt(float64(max(rows, columns)))
	direction := Reshape(orthogonal(Reshape(blend(momentum), rows, columns)), w.Shape().Dimensions...)
	step := Add(MulScalar(direction, length), MulScalar(w, m.Rest.WeightDecay))
	v.SetNodeValue(Sub(w, Mul(step, lr)))
}

// orthogonal approximates the orthogonal matrix nearest to x: the singular vectors are those
// of x, the singular values lie between 0.6 and 1.3, except those that were close to 0. Each
// round of the Newton-Schulz iteration maps a singular value s to
// 3.4445·s - 4.7750·s³ + 2.0315·s⁵.
func orthogonal(x *Node) *Node {
	transpose := func(x *Node) *Node { return TransposeAllDims(x, 1, 0) }
	tall := x.Shape().Dim(0) > x.Shape().Dim(1)
	if tall {
		x = transpose(x)
	}
	x = Div(x, AddScalar(Sqrt(ReduceAllSum(Square(x))), 1e-7)) // no singular value is above 1
	for range 5 {
		square := MatMul(x, transpose(x))
		x = Add(MulScalar(x, 3.4445), MatMul(Add(MulScalar(square, -4.7750), MulScalar(MatMul(square, square), 2.0315)), x))
	}
	if tall {
		x = transpose(x)
	}
	return x
}
