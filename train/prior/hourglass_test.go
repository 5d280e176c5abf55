package prior

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// objective is the training objective on one batch, compiled once.
type objective struct {
	store *model.Store
	exec  *model.Exec
	batch batch
	paths []string // of the gradients
}

func newObjective(t *testing.T, c Config, g Grid, backend string) *objective {
	t.Helper()
	o := &objective{store: engine.NewStore(3), batch: batchOf(c, toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)}
	var err error
	o.exec, err = model.NewExec(open(t, backend), o.store, func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		_, losses := c.unrolled(scope, g, in[0], in[1], in[2], in[3], in[4])
		loss := ReduceAllMean(Stack(losses, 0))
		o.paths = nil
		for v := range scope.At(modelScope).IterVariables() {
			if v.Trainable {
				o.paths = append(o.paths, v.Path())
			}
		}
		return append([]*Node{loss}, scope.At(modelScope).BuildTrainableVariablesGradientsGraph(loss)...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// evaluate returns the loss and the gradients by path.
func (o *objective) evaluate(t *testing.T) (float64, map[string][]float32) {
	t.Helper()
	out, err := o.exec.Exec(o.batch.corrupted, o.batch.clean, o.batch.class, o.batch.uniform, o.batch.update)
	if err != nil {
		t.Fatal(err)
	}
	gradients := map[string][]float32{}
	for i, path := range o.paths {
		gradients[path] = tensors.MustCopyFlatData[float32](out[i+1])
	}
	return float64(tensors.ToScalar[float32](out[0])), gradients
}

// nudged is the loss with delta added to the first value of a variable.
func (o *objective) nudged(t *testing.T, path string, delta float32) float64 {
	t.Helper()
	v := o.store.GetVariable(path)
	values := tensors.MustCopyFlatData[float32](v.MustValue())
	set := func(delta float32) {
		values[0] += delta
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(slices.Clone(values), v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	set(delta)
	loss, _ := o.evaluate(t)
	set(-delta)
	return loss
}

// networks are ours and the author's, with every kind of layer; nesting is tested in ours.
func networks() map[string]Config {
	ours, _ := small()
	author, _ := flat()
	author.Network, author.Resample, author.ShiftMixing, author.PositionEmbedding, author.ClassDropout = publishedNetwork, "attention", 0, false, 0
	return map[string]Config{"ours": ours, "published": author}
}

func TestBackendsAgree(t *testing.T) {
	_, g := small()
	for name, c := range networks() {
		goLoss, goGrads := newObjective(t, c, g, "go").evaluate(t)
		onnxLoss, onnxGrads := newObjective(t, c, g, "onnx:cpu").evaluate(t)
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
	paths := map[string][]string{
		"ours": {
			"/model/class_embedding/weight", "/model/position_embedding/rows", "/model/hourglass/before/layer0/attention/qkv/weight",
			"/model/hourglass/before/layer0/attention/norm/weight", "/model/hourglass/before/layer0/mlp/up/weight",
			"/model/hourglass/before/layer0/mlp/shift_mixing/out/weight", "/model/hourglass/before/layer0/mlp/down/bias",
			"/model/hourglass/down/weight", "/model/hourglass/up/weight", "/model/hourglass/attention_down/kv/weight",
			"/model/hourglass/attention_up/q/weight", "/model/norm/bias", "/model/head/weight",
		},
		"published": {
			"/model/class_embedding/weight", "/model/hourglass/before/layer0/attention/qkv/weight", "/model/hourglass/before/layer0/attention/norm/weight",
			"/model/hourglass/before/layer0/mlp/up/weight", "/model/hourglass/down/weight", "/model/hourglass/attention_down/attention/q/weight",
			"/model/hourglass/attention_down/attention/kv/weight", "/model/hourglass/middle/layer0/attention/qkv/weight",
			"/model/hourglass/up/bias", "/model/hourglass/attention_up/attention/v/weight", "/model/hourglass/attention_up/mlp/norm/weight",
			"/model/hourglass/after/layer0/attention/out/bias", "/model/norm/bias", "/model/head/weight",
		},
	}
	const h = 1e-2
	for name, c := range networks() {
		c.Unroll = 1 // the samples between more steps jump as the weights change
		_, g := small()
		o := newObjective(t, c, g, "onnx:cpu")
		_, gradients := o.evaluate(t)
		for _, path := range paths[name] {
			gradient, ok := gradients[path]
			if !ok {
				t.Errorf("%s: no variable %s", name, path)
				continue
			}
			numeric := (o.nudged(t, path, h) - o.nudged(t, path, -h)) / (2 * h)
			if math.Abs(numeric-float64(gradient[0])) > 2e-4+0.05*math.Abs(numeric) {
				t.Errorf("%s: %s: gradient %g, finite difference %g", name, path, gradient[0], numeric)
			}
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
		table := newRoPETable(q.Graph(), d, positions(h, w, 1))
		spread := func(x *Node) *Node { return applyRoPE(BroadcastToDims(Reshape(x, 1, 1, 1, d), 1, 1, h*w, d), table) }
		return MatMul(spread(q), TransposeAllDims(spread(k), 0, 1, 3, 2))
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(row[:d], row[d:])
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
		t.Error("rows and columns are encoded alike")
	}
}

// With the same token everywhere the logits still differ between rows and columns.
func TestPositionEmbedding(t *testing.T) {
	c, g := small()
	exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(3), func(scope *model.Scope, tokens, class *Node) *Node {
		return c.logits(scope.At(modelScope), g, tokens, class)
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
			t.Errorf("the logits at %v are those at the first position", other)
		}
	}
}

// pixelUnshuffle gathers the tokens of a cell in one, and pixelShuffle is its inverse.
func TestPixelShuffle(t *testing.T) {
	const h, w, dim = 4, 6, 3
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) []*Node {
		down := pixelUnshuffle(x, h, w, 2)
		return []*Node{down, pixelShuffle(down, h, w, 2)}
	})
	if err != nil {
		t.Fatal(err)
	}
	for token := range h * w {
		values := make([]float32, h*w*dim)
		values[token*dim] = 1
		out, err := exec.Call(tensors.FromFlatDataAndDimensions(values, 1, h*w, dim))
		if err != nil {
			t.Fatal(err)
		}
		cell := token/w/2*(w/2) + token%w/2
		for i, v := range tensors.MustCopyFlatData[float32](out[0]) {
			if v != 0 && i/(4*dim) != cell {
				t.Errorf("token %d is in cell %d, want %d", token, i/(4*dim), cell)
			}
		}
		if up := tensors.MustCopyFlatData[float32](out[1]); !slices.Equal(up, values) {
			t.Errorf("token %d: down and up again is not the identity", token)
		}
	}
}

// Through downsampling and upsampling, a token reaches its own 2×2 cell and nothing else.
func TestNetworkResamplingIsLocal(t *testing.T) {
	const h, w = 4, 6
	c := Config{Dim: 4, Downsample: 4}
	exec, err := model.NewExec(open(t, "onnx:cpu"), engine.NewStore(1), func(scope *model.Scope, x *Node) *Node {
		scope.Store().SetTraining(x.Graph(), true)
		return c.upsample(scope.In("up"), c.downsample(scope.In("down"), x, h, w), h, w)
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

// Each token gets an eighth of the channels from each of the eight tokens around it, and
// zeros from beyond the border.
func TestShift(t *testing.T) {
	const h, w, channels = 3, 4, 16
	exec, err := NewExec(open(t, "onnx:cpu"), func(x *Node) *Node { return shift(x, h, w) })
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, 2*h*w*channels)
	for i := range values {
		values[i] = float32(i + 1)
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(values, 2, h*w, channels))
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
