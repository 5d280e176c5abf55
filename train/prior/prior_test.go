package prior

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/internal/onnx"
	"sundae/internal/onnx/onnxtest"
	"sundae/train/engine"
)

// small is a net with every kind of layer, nested and with attention resampling.
func small() (Config, Grid) {
	return Config{
		Depth: Depth{Before: 1, Inner: &Depth{Before: 1, Middle: 1, After: 1}, After: 1}, Shortening: 4, Resample: "attention",
		Dim: 16, Heads: 2, HeadDim: 8, MLP: 2, Unroll: 2, ClassDropout: 0.1, Batch: 4, Steps: 10, Every: 5, HeldOut: 4,
		LearningRate: 1e-2, Average: 0.9, Clip: 1,
	}, Grid{Height: 8, Width: 8, Vocabulary: 12, Classes: 3}
}

func open(tb testing.TB, name string) compute.Backend {
	tb.Helper()
	backend, err := engine.Open(name, onnxtest.Library(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(backend.Finalize)
	return backend
}

// toy is a data set with structure: rows of one token, a class each.
func toy(g Grid, n int) Latents {
	l := Latents{Grid: g}
	for i := range n {
		class := i % max(1, g.Classes)
		for at := range g.Tokens() {
			l.Tokens = append(l.Tokens, uint16((at/g.Width+3*class)%g.Vocabulary))
		}
		l.Labels = append(l.Labels, uint16(class))
	}
	return l
}

// lossAndGradients evaluates the objective once; nudge, if not "", adds delta to
// the first value of the variable at that path.
func lossAndGradients(t *testing.T, c Config, g Grid, name string, nudge string, delta float32) (float64, map[string][]float32) {
	t.Helper()
	store := engine.NewStore(3)
	backend := open(t, name)
	var paths []string
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		losses := c.unrolledLoss(scope, g, in[0], in[1], in[2], in[3])
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
		out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform)
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

// tiny is the tiny recipe's prior, with a batch of four.
func tiny(t *testing.T) (Config, Grid) {
	t.Helper()
	text, err := assets.Recipes.ReadFile("recipes/tiny.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var recipe struct{ Prior Config }
	if err := yaml.Unmarshal(text, &recipe); err != nil {
		t.Fatal(err)
	}
	recipe.Prior.Batch = 4
	return recipe.Prior, Grid{Height: 8, Width: 8, Vocabulary: 64, Classes: 8}
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

func TestForeignTokensAreRefused(t *testing.T) {
	c, g := small()
	l := toy(g, 8)
	l.Tokens[g.Tokens()+5] = uint16(g.Vocabulary)
	_, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: l, Out: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "latent 1 holds token 12") {
		t.Errorf("tokens beyond the vocabulary: %v", err)
	}
}

func TestFiniteDifferences(t *testing.T) {
	c, g := small()
	c.Unroll = 1 // with more steps the samples between them jump as the weights move
	_, grads := lossAndGradients(t, c, g, "onnx:cpu", "", 0)
	const h = 1e-2
	for _, path := range []string{
		"/model/classes/weight", "/model/hourglass/before/layer0/attention/qkv/weight", "/model/hourglass/before/layer0/attention/norm/gain",
		"/model/hourglass/before/layer0/mlp/up/weight", "/model/hourglass/before/layer0/mlp/down/bias", "/model/hourglass/down/weight",
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

func TestCorruption(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	clean := make([]int32, 200000)
	for _, rate := range []float64{0, 0.25, 0.9, 1} {
		out := corrupt(nil, clean, 10, rate, rng)
		counts := make([]float64, 10)
		for _, id := range out {
			counts[id]++
		}
		for id, count := range counts {
			want := rate / 10
			if id == 0 {
				want += 1 - rate
			}
			if got := count / float64(len(clean)); math.Abs(got-want) > 0.005 {
				t.Errorf("rate %g: token %d has share %.4f, want %.4f", rate, id, got, want)
			}
		}
	}
}

func TestCorruptionRateIsUniform(t *testing.T) {
	c, g := small()
	c.Batch, c.ClassDropout = 64, 0.25
	g.Vocabulary = 60000 // a replacement hardly ever falls on the token that was there
	l := toy(g, 16)
	items := make([]int, 16)
	for i := range items {
		items[i] = i
	}
	var buckets [4]float64
	var hidden, total float64
	for step := range 50 {
		b := c.batch(l, items, 9, step)
		dirty, clean := tensors.MustCopyFlatData[int32](b.corrupted), tensors.MustCopyFlatData[int32](b.clean)
		class := tensors.MustCopyFlatData[int32](b.class)
		n := g.Tokens()
		for i := range c.Batch {
			changed := 0.0
			for k := i * n; k < (i+1)*n; k++ {
				if dirty[k] != clean[k] {
					changed++
				}
			}
			buckets[min(3, int(4*changed/float64(n)))]++
			if class[i] == int32(g.Classes) {
				hidden++
			}
			total++
		}
	}
	for i, count := range buckets {
		if share := count / total; math.Abs(share-0.25) > 0.03 {
			t.Errorf("corruption in quarter %d: share %.3f, want 0.25", i, share)
		}
	}
	if share := hidden / total; math.Abs(share-0.25) > 0.03 {
		t.Errorf("hidden classes: share %.3f, want 0.25", share)
	}
}

func TestBatchesRepeat(t *testing.T) {
	c, g := small()
	l := toy(g, 8)
	items := []int{0, 1, 2, 3, 4, 5, 6, 7}
	a, b := c.batch(l, items, 5, 17), c.batch(l, items, 5, 17)
	if !a.corrupted.Equal(b.corrupted) || !a.clean.Equal(b.clean) || !a.class.Equal(b.class) || !a.uniform.Equal(b.uniform) {
		t.Error("the same (seed, step) gave two batches")
	}
	if other := c.batch(l, items, 6, 17); a.corrupted.Equal(other.corrupted) {
		t.Error("two seeds gave the same corruption")
	}
}

func TestOneUnrollIsPlainDenoising(t *testing.T) {
	c, g := small()
	c.Unroll = 1
	backend := open(t, "onnx:cpu")
	exec, err := model.NewExec(backend, engine.NewStore(3), func(scope *model.Scope, in []*Node) []*Node {
		scope.Store().SetTraining(in[0].Graph(), true)
		losses := c.unrolledLoss(scope, g, in[0], in[1], in[2], in[3])
		if len(losses) != 1 {
			t.Errorf("%d losses for T = 1", len(losses))
		}
		// -log softmax(logits)[target], written out.
		logits := c.Logits(scope.At(modelScope), g, in[0], in[2])
		p := ReduceSum(Mul(Softmax(logits, -1), OneHot(in[1], g.Vocabulary, dtypes.Float32)), -1)
		return []*Node{losses[0], Neg(ReduceAllMean(Log(p)))}
	})
	if err != nil {
		t.Fatal(err)
	}
	b := c.batch(toy(g, 8), []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, 0)
	out, err := exec.Exec(b.corrupted, b.clean, b.class, b.uniform)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1]); math.Abs(float64(got-want)) > 1e-5 {
		t.Errorf("loss %g, plain denoising %g", got, want)
	}
}

// drawMany draws n tokens from one row of logits.
func drawMany(t *testing.T, logits []float32, temperature float32, n int, rng *rand.Rand) []int32 {
	t.Helper()
	exec, err := NewExec(open(t, "onnx:cpu"), func(l, u, temperature *Node) []*Node {
		l = BroadcastToDims(Reshape(l, 1, 1, len(logits)), 1, n, len(logits))
		ids, p := draw(l, u, temperature)
		return []*Node{ids, p}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(logits, len(logits)), uniforms(rng, 1, n), []float32{temperature})
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[int32](out[0])
}

func TestDrawFollowsSoftmax(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	const n = 20000
	for _, v := range []int{7, 24, 64} {
		logits := make([]float32, v)
		for i := range logits {
			logits[i] = float32(2 * rng.NormFloat64())
		}
		for _, temperature := range []float64{0.5, 1, 2} {
			want := make([]float64, v)
			var sum float64
			for i, l := range logits {
				want[i] = math.Exp(float64(l) / temperature)
				sum += want[i]
			}
			counts := make([]float64, v)
			for _, id := range drawMany(t, logits, float32(temperature), n, rng) {
				counts[id]++
			}
			// Chi-squared over the tokens expected five times or more.
			var chi, free float64
			for i := range want {
				if expected := want[i] / sum * n; expected >= 5 {
					chi += (counts[i] - expected) * (counts[i] - expected) / expected
					free++
				}
			}
			// Mean free-1, variance 2(free-1): five deviations is beyond chance.
			if chi > free-1+5*math.Sqrt(2*(free-1)) {
				t.Errorf("v %d, temperature %g: chi-squared %.1f with %g degrees of freedom", v, temperature, chi, free-1)
			}
		}
	}
}

func TestColdDrawIsArgMax(t *testing.T) {
	logits := []float32{0.1, -2, 0.4, 0.399, 3, 2.99, -7, 0}
	for _, id := range drawMany(t, logits, 0, 500, rand.New(rand.NewPCG(1, 1))) {
		if id != 4 {
			t.Fatalf("temperature 0 drew token %d, the arg-max is 4", id)
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
		at := positions(h, w, 1)
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

// TestNetworkResamplingIsLocal: a change of one token reaches, through the net's
// own shorten and lengthen, its own 2×2 cell and no other token.
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

// trained runs a few steps and returns the checkpoint's folder.
func trained(t *testing.T, c Config, l Latents) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: l, Seed: 1, Out: dir}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestExportAgreesWithNet(t *testing.T) {
	c, g := small()
	dir := trained(t, c, toy(g, 12))
	backend := open(t, "onnx:cpu")
	m, err := Open(dir+"/"+Checkpoint, c, g)
	if err != nil {
		t.Fatal(err)
	}
	file, err := m.Export(backend)
	if err != nil {
		t.Fatal(err)
	}
	if file, err = engine.Half(file); err != nil {
		t.Fatal(err)
	}
	exported, err := onnx.Open(file, onnx.Options{Device: onnx.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer exported.Close()

	const most = 8
	n := g.Tokens()
	rng := rand.New(rand.NewPCG(7, 7))
	tokens, uniform, update := make([]int32, most*n), make([]float32, most*n), make([]bool, most*n)
	temperature, class := make([]float32, most), make([]int32, most)
	for i := range tokens {
		tokens[i], uniform[i], update[i] = rng.Int32N(int32(g.Vocabulary)), rng.Float32(), rng.IntN(2) == 0
	}
	for i := range class {
		temperature[i], class[i] = 0.5+rng.Float32(), rng.Int32N(int32(g.Classes+1))
	}
	run := func(from, to int) ([]int32, []float32) {
		bound, err := exported.Bind(to-from, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close()
		feed(t, bound, "tokens", tokens[from*n:to*n])
		feed(t, bound, "uniform", uniform[from*n:to*n])
		feed(t, bound, "update", update[from*n:to*n])
		feed(t, bound, "temperature", temperature[from:to])
		feed(t, bound, "class", class[from:to])
		if err := bound.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(memory[int32](t, bound, "next")), slices.Clone(memory[float32](t, bound, "confidence"))
	}
	next, confidence := run(0, most)
	for i, keep := range update {
		if !keep && next[i] != tokens[i] {
			t.Fatalf("token %d was not to be updated and changed", i)
		}
	}
	for _, size := range []int{1, 3} {
		for from := 0; from+size <= most; from += size {
			some, sure := run(from, from+size)
			for i, id := range some {
				if id != next[from*n+i] || math.Abs(float64(sure[i]-confidence[from*n+i])) > 1e-4 {
					t.Fatalf("batch %d, row %d differs from the row of batch %d", size, from+i/n, most)
				}
			}
		}
	}
	exec, err := model.NewExec(backend, m.store, func(scope *model.Scope, in []*Node) []*Node {
		next, confidence := m.step(scope, in[0], in[1], in[2], in[3], in[4])
		return []*Node{next, confidence}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(tensors.FromFlatDataAndDimensions(tokens, most, n), tensors.FromFlatDataAndDimensions(uniform, most, n),
		tensors.FromFlatDataAndDimensions(update, most, n), temperature, class)
	if err != nil {
		t.Fatal(err)
	}
	// float16 weights may turn a draw that falls on a border, and no other.
	drawn, sure, turned := tensors.MustCopyFlatData[int32](out[0]), tensors.MustCopyFlatData[float32](out[1]), 0
	for i, id := range drawn {
		switch {
		case !update[i]: // what was drawn does not show
		case id != next[i]:
			turned++
		case math.Abs(float64(sure[i]-confidence[i])) > 1e-3:
			t.Errorf("token %d: confidence %g in the net, %g in the file", i, sure[i], confidence[i])
		}
	}
	if turned > len(next)/100 {
		t.Errorf("%d of %d tokens differ between net and file", turned, len(next))
	}
}

// memory is a bound input or output.
func memory[T onnx.Element](t *testing.T, b *onnx.Binding, name string) []T {
	t.Helper()
	data, err := onnx.Data[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func feed[T onnx.Element](t *testing.T, b *onnx.Binding, name string, values []T) {
	t.Helper()
	copy(memory[T](t, b, name), values)
}

func TestLearns(t *testing.T) {
	c, g := small()
	c.Steps, c.Every = 120, 60
	dir := t.TempDir()
	r, err := Train(t.Context(), c, Options{Backend: open(t, "onnx:cpu"), Latents: toy(g, 24), Seed: 1, Out: dir})
	if err != nil {
		t.Fatal(err)
	}
	// Uniform guessing costs ln 12 = 2.48 nats.
	if r.HeldOut[0] > 1.0 {
		t.Errorf("held-out loss %v after %d steps on rows of one token", r.HeldOut, r.Step)
	}
}

// However many workers share the batch, the weights go the same way.
func TestWorkersShareTheBatch(t *testing.T) {
	c, g := small()
	l, backend := toy(g, 8), open(t, "onnx:cpu")
	var reports [][]stepReport
	var weights [][]float32
	for _, workers := range []int{1, 2, 4} {
		store := engine.NewStore(2)
		step, err := c.newStep(backend, store, g, workers)
		if err != nil {
			t.Fatal(err)
		}
		var told []stepReport
		for i := range 4 {
			r, err := step(c.batch(l, []int{0, 1, 2, 3, 4, 5, 6, 7}, 5, i), 1e-2, 0.9)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, r)
		}
		reports = append(reports, told)
		weights = append(weights, tensors.MustCopyFlatData[float32](store.GetVariable("/model/head/weight").MustValue()))
	}
	for k := 1; k < len(reports); k++ {
		for i, want := range reports[0] {
			if got := reports[k][i]; math.Abs(got.Loss-want.Loss) > 1e-4 || math.Abs(got.Last-want.Last) > 1e-3 || math.Abs(got.Norm-want.Norm) > 1e-3 {
				t.Errorf("step %d: %+v, with one worker %+v", i, got, want)
			}
		}
		for i, want := range weights[0] {
			if math.Abs(float64(weights[k][i]-want)) > 2e-3 {
				t.Fatalf("weight %d is %g, with one worker %g", i, weights[k][i], want)
			}
		}
	}
}

func TestResumeRepeats(t *testing.T) {
	c, g := small()
	l := toy(g, 12)
	straight := trained(t, c, l)
	dir := t.TempDir()
	o := Options{Backend: open(t, "onnx:cpu"), Latents: l, Seed: 1, Out: dir}

	ctx := stopAfter{t.Context(), new(int), 5}
	if _, err := Train(ctx, c, o); err == nil {
		t.Fatal("the run was not stopped")
	}
	if _, err := Train(t.Context(), c, o); err == nil {
		t.Fatal("a second run over the first one's checkpoint did not fail")
	}
	o.Resume = true
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	a, b := model.NewStore(), model.NewStore()
	if _, err := engine.Load(straight+"/"+Checkpoint, a); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.Load(dir+"/"+Checkpoint, b); err != nil {
		t.Fatal(err)
	}
	for v := range a.IterVariables() {
		other := b.GetVariable(v.Path())
		if other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s differs between the straight and the resumed run", v.Path())
		}
	}
}
