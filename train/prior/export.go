package prior

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
)

// Model is a trained prior, with the moving average of its weights.
type Model struct {
	Config Config
	Grid   Grid
	Report Report
	store  *model.Store
	source engine.Source // of the weights, which store then only declares; else nil
}

// Open reads a training checkpoint for use.
func Open(path string, c Config, grid Grid) (*Model, error) {
	store := model.NewStore()
	var report Report
	if err := c.checkpoint(path, grid).LoadEMA(store, &report, "/"+modelScope); err != nil {
		return nil, err
	}
	return &Model{Config: c, Grid: grid, Report: report, store: store}, nil
}

// step is one sampling step inside the graph (section 3.4): tokens, uniform and update
// [B, N], temperature and class [B]. Tokens where update is false stay as they are.
// confidence is the probability of the token drawn, also where it was not taken.
func (m *Model) step(scope *model.Scope, tokens, uniform, update, temperature, class *Node) (next, confidence *Node) {
	logits := m.Config.logits(scope.At(modelScope), m.Grid, tokens, class)
	drawn, confidence := draw(logits, uniform, temperature)
	return Where(update, drawn, tokens), confidence
}

// Export returns prior.onnx as model bundles hold it, with a dynamic batch size B:
// tokens int32 [B, N], uniform float32 [B, N], update bool [B, N], temperature
// float32 [B] and, with classes, class int32 [B], to next int32 [B, N] and
// confidence float32 [B, N].
func (m *Model) Export(backend compute.Backend) (onnxfile.Network, error) {
	names, shape := m.inputs()
	return engine.ExportONNX(backend, m.store, m.source, m.graph, names, outputs, shape...)
}

// outputs are the names of the file's outputs.
var outputs = []string{"next", "confidence"}

// inputs are the names and shapes of the file's inputs.
func (m *Model) inputs() ([]string, []shapes.Shape) {
	n := m.Grid.Tokens()
	input := func(dtype dtypes.DType, dims ...int) shapes.Shape {
		names := make([]string, 1+len(dims))
		names[0] = "batch"
		return shapes.MakeDynamic(dtype, append([]int{shapes.DynamicDim}, dims...), names)
	}
	shape := []shapes.Shape{input(dtypes.Int32, n), input(dtypes.Float32, n), input(dtypes.Bool, n), input(dtypes.Float32)}
	names := []string{"tokens", "uniform", "update", "temperature"}
	if m.Grid.Classes > 0 {
		shape = append(shape, input(dtypes.Int32))
		names = append(names, "class")
	}
	return names, shape
}

// graph is the file's graph, from its inputs to its outputs.
func (m *Model) graph(scope *model.Scope, in []*Node) []*Node {
	var class *Node
	if m.Grid.Classes > 0 {
		class = in[4]
	}
	next, confidence := m.step(scope, in[0], in[1], in[2], in[3], class)
	return []*Node{next, confidence}
}
