package sampler

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
	"sundae/sampler/schedule"
)

// toy is a hand-written prior that outputs logits: those of a position are the row of
// values of its token, [V+1, V] with one unused row for the class.
type toy struct {
	side    int // tokens a side
	v       int
	values  []float32     // [V, V]
	ids     onnxfile.Type // of tokens and class
	classes []string
	batch   int64
}

// open writes the bundle and opens it.
func (m toy) open(t testing.TB) *Prior {
	t.Helper()
	n, v := int64(m.side*m.side), int64(m.v)
	net := onnxfile.Graph{
		Name: "table", Inputs: []onnxfile.Tensor{{Name: "tokens", Type: m.ids, Shape: []int64{m.batch, n}}},
		Outputs: []onnxfile.Tensor{{Name: "logits", Type: onnxfile.Float32, Shape: []int64{m.batch, n, v}}},
		Weights: []onnxfile.Weight{onnxfile.Floats("table", []int64{v, v}, m.values)},
		Nodes:   []onnxfile.Node{{Op: "Gather", In: []string{"table", "tokens"}, Out: []string{"logits"}}},
	}
	if len(m.classes) > 0 {
		net.Inputs = append(net.Inputs, onnxfile.Tensor{Name: "class", Type: m.ids, Shape: []int64{m.batch}})
		net.Weights = append(net.Weights, onnxfile.Floats("bias", []int64{3, 1, 1}, []float32{0, 50, 0}))
		net.Nodes = []onnxfile.Node{
			{Op: "Gather", In: []string{"table", "tokens"}, Out: []string{"plain"}},
			{Op: "Gather", In: []string{"bias", "class"}, Out: []string{"shift"}}, // [B, 1, 1]
			{Op: "Add", In: []string{"plain", "shift"}, Out: []string{"logits"}},
		}
	}
	return m.with(t, net)
}

// with opens a prior file of the toy's sizes.
func (m toy) with(t testing.TB, net onnxfile.Graph) *Prior {
	t.Helper()
	h := int64(m.side)
	picture := func(in, out onnxfile.Tensor) []byte {
		return onnxfile.Graph{Name: "none", Inputs: []onnxfile.Tensor{in}, Outputs: []onnxfile.Tensor{out}}.Marshal()
	}
	grid := onnxfile.Tensor{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{1, h, h}}
	planes := onnxfile.Tensor{Name: "image", Type: onnxfile.Float32, Shape: []int64{1, 3, h, h}}
	dir := filepath.Join(t.TempDir(), "table")
	err := bundle.Write(dir, bundle.Manifest{
		Name: "table", ImageSize: m.side, Downsample: 1, Latent: bundle.Latent{Height: m.side, Width: m.side}, Vocabulary: m.v, Classes: m.classes,
	}, map[string][]byte{bundle.PriorFile: net.Marshal(), bundle.DecoderFile: picture(grid, planes), bundle.EncoderFile: picture(planes, grid)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(b, orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// random returns a toy of v tokens with normally distributed logits.
func random(v int, spread float64) toy {
	rng := rand.New(rand.NewPCG(uint64(v), 5))
	m := toy{side: 16, v: v, ids: onnxfile.Int32, batch: onnxfile.Dynamic, values: make([]float32, v*v)}
	for i := range m.values {
		m.values[i] = float32(spread * rng.NormFloat64())
	}
	return m
}

// softmax returns the probabilities of a row at a temperature, in float64.
func softmax(logits []float32, tau float64) []float64 {
	top := float64(slices.Max(logits))
	p, total := make([]float64, len(logits)), 0.0
	for i, v := range logits {
		p[i] = math.Exp((float64(v) - top) / tau)
		total += p[i]
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

// flat returns settings with a constant temperature and proportion 1.
func flat(steps int, tau float64) schedule.Settings {
	return schedule.Settings{Steps: steps, Temperature: schedule.Schedule{Start: tau, Curve: schedule.Constant}, Proportion: schedule.Schedule{Start: 1, Curve: schedule.Constant}, Seed: 3}
}

// chiSquared compares counts of draws with their probabilities, with rare tokens
// pooled. It returns how many standard deviations the statistic is above its mean.
func chiSquared(counts []int, p []float64) float64 {
	draws := 0
	for _, c := range counts {
		draws += c
	}
	var statistic, rareP float64
	var rare, cells int
	for i, c := range counts {
		if expected := p[i] * float64(draws); expected >= 5 {
			statistic += (float64(c) - expected) * (float64(c) - expected) / expected
			cells++
		} else {
			rare, rareP = rare+c, rareP+p[i]
		}
	}
	if expected := rareP * float64(draws); expected >= 5 {
		statistic += (float64(rare) - expected) * (float64(rare) - expected) / expected
		cells++
	}
	freedom := float64(max(cells-1, 1))
	return (statistic - freedom) / math.Sqrt(2*freedom)
}

// What the host draws follows softmax(logits / tau), for vocabularies that fill
// blocks and that do not, and the confidence is the probability of each token.
func TestHostDrawsFromTheSoftmax(t *testing.T) {
	for _, v := range []int{5, 128, 300} {
		m := random(v, 2)
		p := m.open(t)
		for _, tau := range []float64{0.3, 1, 2} {
			base := make([]uint16, 256)
			for k := range base {
				base[k] = 2
			}
			const samples = 200
			run, _ := sample(t, p, Start{N: samples, Settings: flat(1, tau), From: Tokens(slices.Repeat([][]uint16{base}, samples))})
			want := softmax(m.values[2*v:3*v], tau)
			counts := make([]int, v)
			frame := run.At(1)
			for i, tokens := range frame.Tokens {
				for k, id := range tokens {
					counts[id]++
					if got := float64(frame.Confidence[i][k]); math.Abs(got-want[id]) > 1e-5*want[id]+1e-9 {
						t.Fatalf("v %d, tau %g: token %d has probability %g, want %g", v, tau, id, got, want[id])
					}
				}
			}
			if sigmas := chiSquared(counts, want); sigmas > 4 {
				t.Errorf("v %d, tau %g: chi-squared is %.1f standard deviations off", v, tau, sigmas)
			}
		}
	}
}

// Each form of the file gives the same tokens: 64-bit ids, a fixed batch, a class.
func TestFormsOfLogits(t *testing.T) {
	plain := random(40, 1)
	s := flat(4, 1)
	s.Proportion.Start = 0.5
	want, _ := sample(t, plain.open(t), Start{N: 5, Settings: s, From: Noise{}})
	for _, change := range []func(*toy){
		func(m *toy) { m.ids = onnxfile.Int64 },
		func(m *toy) { m.batch = 1 },
		func(m *toy) { m.batch, m.ids = 2, onnxfile.Int64 },
		func(m *toy) { m.classes = []string{"a", "b"} }, // a class shifts all logits, which softmax does not see
		func(m *toy) { m.classes, m.ids = []string{"a", "b"}, onnxfile.Int64 },
	} {
		m := plain
		change(&m)
		s := s
		s.Class = len(m.classes) / 2
		got, stats := sample(t, m.open(t), Start{N: 5, Settings: s, From: Noise{}})
		same, all := 0, 0
		for i, tokens := range last(got) {
			for k, id := range tokens {
				if all++; id == last(want)[i][k] {
					same++
				}
			}
		}
		if float64(same) < 0.99*float64(all) || stats[0].Batch != 5 { // a shift of 50 costs logits their last bits
			t.Errorf("%+v: %d of %d tokens agree, batch %d", m.ids, same, all, stats[0].Batch)
		}
	}
}

// At temperature 0 the arg-max is drawn. A logit of -Inf is never drawn, not even by
// the number 0. NaN and +Inf are errors that name the step.
func TestHostExtremes(t *testing.T) {
	m := random(64, 1)
	top := make([]uint16, 64)
	for row := range top {
		logits := m.values[row*64 : (row+1)*64]
		top[row] = uint16(slices.Index(logits, slices.Max(logits)))
	}
	run, _ := sample(t, m.open(t), Start{N: 2, Settings: flat(1, 0), From: Noise{}})
	for i, tokens := range run.At(1).Tokens {
		for k, id := range tokens {
			if want := top[run.At(0).Tokens[i][k]]; id != want {
				t.Fatalf("token %d became %d at temperature 0, the arg-max is %d", k, id, want)
			}
		}
	}
	inf := float32(math.Inf(1))
	forbidden := []float32{-inf, 1, -inf, 2, -inf}
	for _, u := range []float32{0, 0.2, 0.5, 0.99999994} {
		for _, tau := range []float32{0, 0.01, 1, 100} {
			if id, p, ok := draw(forbidden, tau, u); !ok || id != 1 && id != 3 || p == 0 {
				t.Errorf("drew token %d of probability %g, %v", id, p, ok)
			}
		}
	}
	for _, bad := range []float32{inf, float32(math.NaN()), float32(math.Copysign(math.NaN(), -1))} {
		for _, at := range []int{0, 63, 200} {
			logits := make([]float32, 260)
			logits[at] = bad
			if _, _, ok := draw(logits, 1, 0.5); ok {
				t.Errorf("a logit of %g at %d was taken for a number", bad, at)
			}
		}
	}
	if _, _, ok := draw([]float32{-inf, -inf}, 1, 0.5); ok {
		t.Error("a token was drawn where none is allowed")
	}
	m.values[5] = float32(math.NaN())
	broken, err := m.open(t).Start(Start{N: 3, Settings: flat(1, 1), From: Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Step(t.Context()); !errors.Is(err, ErrNaN) || !strings.Contains(err.Error(), "step 1") || broken.Len() != 1 {
		t.Errorf("NaN logits: %v, %d frames", err, broken.Len())
	}
}

// A model that samples in its graph and returns NaN, or tokens outside its
// vocabulary, is an error that names the step. The step is not taken.
func TestGraphThatIsBroken(t *testing.T) {
	m := toy{side: 4, v: 8}
	grid := func(name string, of onnxfile.Type) onnxfile.Tensor {
		return onnxfile.Tensor{Name: name, Type: of, Shape: []int64{onnxfile.Dynamic, 16}}
	}
	for want, node := range map[string]onnxfile.Node{
		ErrNaN.Error():          {Op: "Sqrt", In: []string{"below"}, Out: []string{"confidence"}},
		"returned token 9, its": {Op: "Cast", In: []string{"over"}, Out: []string{"next"}, Ints: map[string]int{"to": int(onnxfile.Int32)}},
	} {
		sound := onnxfile.Node{Op: "Identity", In: []string{"tokens"}, Out: []string{"next"}}
		if node.Out[0] == "next" {
			sound = onnxfile.Node{Op: "Identity", In: []string{"uniform"}, Out: []string{"confidence"}}
		}
		p := m.with(t, onnxfile.Graph{
			Name: "broken",
			Inputs: []onnxfile.Tensor{
				grid("tokens", onnxfile.Int32), grid("uniform", onnxfile.Float32), grid("update", onnxfile.Bool),
				{Name: "temperature", Type: onnxfile.Float32, Shape: []int64{onnxfile.Dynamic}},
			},
			Outputs: []onnxfile.Tensor{grid("next", onnxfile.Int32), grid("confidence", onnxfile.Float32)},
			Weights: []onnxfile.Weight{onnxfile.Floats("minus", []int64{1}, []float32{-2}), onnxfile.Floats("nine", []int64{1}, []float32{9})},
			Nodes: []onnxfile.Node{
				{Op: "Add", In: []string{"uniform", "minus"}, Out: []string{"below"}}, // less than 0
				{Op: "Floor", In: []string{"uniform"}, Out: []string{"zero"}},
				{Op: "Add", In: []string{"zero", "nine"}, Out: []string{"over"}},
				sound, node,
			},
		})
		run, err := p.Start(Start{N: 2, Settings: flat(3, 1), From: Noise{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run.Step(t.Context()); err == nil || !strings.Contains(err.Error(), "step 1: ") || !strings.Contains(err.Error(), want) || run.Len() != 1 {
			t.Errorf("want an error with %q, got %v; %d frames", want, err, run.Len())
		}
	}
}

// The fast exponential is the exponential.
func TestMass(t *testing.T) {
	r := row{top: 3, scale: 1 / math.Ln2} // temperature 1
	for x := -90.0; x <= 3; x += 0.0137 {
		logit := float32(x)
		got, want := float64(r.mass(logit)), math.Exp(float64(logit)-3)
		if want < math.Exp2(-lowest) {
			if got > 1e-37 {
				t.Errorf("exp(%g) is %g", x-3, got)
			}
		} else if math.Abs(got/want-1) > 1e-5 { // most of it is float32's own rounding of the exponent
			t.Errorf("exp(%g) is %g, want %g", x-3, got, want)
		}
	}
}

func BenchmarkHost(b *testing.B) {
	const rows, n, v = 4, 1024, 8192
	rng := rand.New(rand.NewPCG(1, 1))
	m := &batch{
		size: rows, threads: runtime.GOMAXPROCS(0), tokens32: make([]int32, rows*n), uniform: make([]float32, rows*n), update: make([]bool, rows*n),
		temperature: []float32{1, 0.8, 0.6, 0.4}, next: make([]int32, rows*n), confidence: make([]float32, rows*n), logits: make([]float32, rows*n*v),
	}
	for i := range m.logits {
		m.logits[i] = float32(2 * rng.NormFloat64())
	}
	for i := range m.uniform {
		m.uniform[i] = rng.Float32()
	}
	b.ReportAllocs()
	b.SetBytes(rows * n * v * 4)
	for b.Loop() {
		if err := m.draw(b.Context(), rows*n); err != nil {
			b.Fatal(err)
		}
	}
}
