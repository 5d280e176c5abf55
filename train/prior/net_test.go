package prior

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// lossAndGradients evaluates the objective once; nudge, if not "", adds delta to
// the first value of the variable at that path.
func lossAndGradients(t *testing.T, c Config, g Grid, name string, nudge string, delta float32) (float64, map[string][]float32) {
	t.Helper()
	store := engine.NewStore(3)
	backend := open(t, name)
	var paths []string
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		losses := c.unrolledLoss(scope, g, in[0], in[1], in[2], in[3], in[4])
		loss := ReduceAllMean(Stack(losses, 0))
		paths = nil
		for v := range scope.At(modelScope).IterVariables() {
			paths = append(paths, v.Path())
		}
		return append([]*Node{loss}, scope.At(modelScope).BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	l := toy(g, 8)
	run := func() []*tensors.Tensor {
		b := c.batch(l, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
		out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform, b.update)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := run()
	if nudge != "" {
		v := store.GetVariable(nudge)
		values := tensors.MustCopyFlatData[float32](v.MustValue())
		values[0] += delta
		v.MustSetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...))
		out = run()
	}
	grads := map[string][]float32{}
	for i, path := range paths {
		grads[path] = tensors.MustCopyFlatData[float32](out[i+1])
	}
	return float64(tensors.ToScalar[float32](out[0])), grads
}

func TestBackendsAgree(t *testing.T) {
	for name, net := range map[string]func() (Config, Grid){"small": small, "tiny recipe": func() (Config, Grid) { return tiny(t) }} {
		c, g := net()
		goLoss, goGrads := lossAndGradients(t, c, g, "go", "", 0)
		onnxLoss, onnxGrads := lossAndGradients(t, c, g, "onnx:cpu", "", 0)
		if math.Abs(goLoss-onnxLoss) > 1e-4 {
			t.Errorf("%s: loss %g on go, %g on onnx:cpu", name, goLoss, onnxLoss)
		}
		for path, want := range goGrads {
			for i, w := range want {
				if got := onnxGrads[path][i]; math.Abs(float64(got-w)) > 1e-4 {
					t.Errorf("%s: gradient of %s[%d]: %g on go, %g on onnx:cpu", name, path, i, w, got)
					break
				}
			}
		}
	}
}

func TestFiniteDifferences(t *testing.T) {
	c, g := small()
	c.Unroll = 1 // with more steps the samples between them jump as the weights move
	_, grads := lossAndGradients(t, c, g, "onnx:cpu", "", 0)
	const h = 1e-2
	for _, path := range []string{
		"/model/classes/weight", "/model/hourglass/before/layer0/attention/qkv/weight", "/model/hourglass/before/layer0/attention/norm/gain",
		"/model/hourglass/before/layer0/mlp/up/weight", "/model/hourglass/before/layer0/mlp/around/weight", "/model/hourglass/before/layer0/mlp/down/bias", "/model/hourglass/down/weight",
		"/model/hourglass/up/weight", "/model/hourglass/look_down/kv/weight", "/model/hourglass/look_up/q/weight",
		"/model/norm/bias", "/model/head/weight",
	} {
		grad, ok := grads[path]
		if !ok {
			t.Errorf("no variable %s", path)
			continue
		}
		up, _ := lossAndGradients(t, c, g, "onnx:cpu", path, h)
		down, _ := lossAndGradients(t, c, g, "onnx:cpu", path, -h)
		numeric := (up - down) / (2 * h)
		if math.Abs(numeric-float64(grad[0])) > 2e-4+0.05*math.Abs(numeric) {
			t.Errorf("%s: gradient %g, finite difference %g", path, grad[0], numeric)
		}
	}
}

func TestRotaryScoresDependOnDistance(t *testing.T) {
	const h, w, d = 4, 5, 8
	rng := rand.New(rand.NewPCG(2, 3))
	row := make([]float32, 2*d)
	for i := range row {
		row[i] = float32(rng.NormFloat64())
	}
	exec, err := NewExec(open(t, "onnx:cpu"), func(q, k *Node) *Node {
		at := newTurns(q.Graph(), d, positions(h, w, 1))
		spread := func(x *Node) *Node { return rotate(BroadcastToDims(Reshape(x, 1, 1, 1, d), 1, 1, h*w, d), at) }
		return MatMul(spread(q), TransposeAllDims(spread(k), 0, 1, 3, 2))
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(row[:d], row[d:])
	if err != nil {
		t.Fatal(err)
	}
	scores := tensors.MustCopyFlatData[float32](out[0])
	byOffset := map[[2]int]float32{}
	for a := range h * w {
		for b := range h * w {
			offset := [2]int{a/w - b/w, a%w - b%w}
			score := scores[a*h*w+b]
			if first, ok := byOffset[offset]; ok && math.Abs(float64(first-score)) > 1e-4 {
				t.Fatalf("offset %v has scores %g and %g", offset, first, score)
			}
			byOffset[offset] = score
		}
	}
	if math.Abs(float64(byOffset[[2]int{1, 0}]-byOffset[[2]int{0, 1}])) < 1e-3 {
		t.Error("rows and columns turn alike: the embedding does not tell the axes apart")
	}
}

// With one token everywhere nothing but the place can tell tokens apart: the
// logits must differ between rows and between columns.
func TestPlacesAreToldApart(t *testing.T) {
	c, g := small()
	exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(3), func(scope *model.Scope, tokens, class *Node) *Node {
		return c.Logits(scope.At(modelScope), g, tokens, class)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec([][]int32{make([]int32, g.Tokens())}, []int32{0})
	if err != nil {
		t.Fatal(err)
	}
	logits := tensors.MustCopyFlatData[float32](out[0])
	at := func(row, column int) []float32 { return logits[(row*g.Width+column)*g.Vocabulary:][:g.Vocabulary] }
	for _, other := range [][2]int{{0, 1}, {1, 0}, {7, 7}} {
		var most float64
		for i, v := range at(other[0], other[1]) {
			most = max(most, math.Abs(float64(v-at(0, 0)[i])))
		}
		if most < 1e-3 {
			t.Errorf("the logits at %v are those at the first place", other)
		}
	}
}

func TestResamplingKeepsNeighbourhoods(t *testing.T) {
	const h, w, dim = 4, 6, 3
	c := Config{Dim: dim, Shortening: 4}
	// Identity weights: a narrow one that keeps all four tokens' channels.
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) []*Node {
		s := c.shortenSide()
		down := Reshape(TransposeAllDims(Reshape(x, 1, h/s, s, w/s, s*dim), 0, 1, 3, 2, 4), 1, h*w/4, 4*dim)
		up := Reshape(TransposeAllDims(Reshape(down, 1, h/s, w/s, s, s*dim), 0, 1, 3, 2, 4), 1, h*w, dim)
		return []*Node{down, up}
	})
	if err != nil {
		t.Fatal(err)
	}
	for token := range h * w {
		values := make([]float32, h*w*dim)
		values[token*dim] = 1
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(values, 1, h*w, dim))
		if err != nil {
			t.Fatal(err)
		}
		cell := token / w / 2 * (w / 2)
		cell += token % w / 2
		for i, v := range tensors.MustCopyFlatData[float32](out[0]) {
			if v != 0 && i/(4*dim) != cell {
				t.Errorf("token %d reaches cell %d, its own is %d", token, i/(4*dim), cell)
			}
		}
		if up := tensors.MustCopyFlatData[float32](out[1]); fmt.Sprint(up) != fmt.Sprint(values) {
			t.Errorf("token %d: down and up again is not the identity", token)
		}
	}
}

// A change of one token reaches, through the net's own shorten and lengthen, its
// own 2×2 cell and no other token.
func TestNetworkResamplingIsLocal(t *testing.T) {
	const h, w = 4, 6
	c := Config{Dim: 4, Shortening: 4}
	exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(1), func(scope *model.Scope, x *Node) *Node {
		scope.Store().SetTraining(x.Graph(), true)
		return c.lengthen(scope.In("up"), c.shorten(scope.In("down"), x, h, w), h, w)
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func(values []float32) []float32 {
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(values, 1, h*w, c.Dim))
		if err != nil {
			t.Fatal(err)
		}
		return tensors.MustCopyFlatData[float32](out[0])
	}
	base := run(make([]float32, h*w*c.Dim))
	for token := range h * w {
		values := make([]float32, h*w*c.Dim)
		values[token*c.Dim+1] = 1
		for i, v := range run(values) {
			other := i / c.Dim
			same := token/w/2 == other/w/2 && token%w/2 == other%w/2
			if !same && v != base[i] {
				t.Errorf("token %d reaches token %d, outside its cell", token, other)
			}
		}
	}
}

// Each token gets from each of the eight around it that one's share of the
// channels, and nothing from beyond the border.
func TestNeighbours(t *testing.T) {
	const h, w, channels = 3, 4, 16
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) *Node { return neighbours(x, h, w) })
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, 2*h*w*channels)
	for i := range values {
		values[i] = float32(i + 1)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(values, 2, h*w, channels))
	if err != nil {
		t.Fatal(err)
	}
	around := [][2]int{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 1}, {1, -1}, {1, 0}, {1, 1}}
	for i, got := range tensors.MustCopyFlatData[float32](out[0]) {
		channel, token, sample := i%channels, i/channels%(h*w), i/(channels*h*w)
		offset := around[channel/(channels/8)]
		row, column := token/w+offset[0], token%w+offset[1]
		var want float32
		if row >= 0 && row < h && column >= 0 && column < w {
			want = values[(sample*h*w+row*w+column)*channels+channel]
		}
		if got != want {
			t.Fatalf("sample %d, token %d, channel %d: %g, not %g", sample, token, channel, got, want)
		}
	}
}
