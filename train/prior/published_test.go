package prior

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
	"sundae/sampler"
	"sundae/sampler/schedule"
	"sundae/train/engine"
	"sundae/train/npytest"
	"sundae/train/pretrained"
)

// reference is a prior of the author's code: its weights, and what it computes with them.
type reference struct {
	config  Config
	grid    Grid
	weights *pretrained.Weights
	tokens  []int32   // [2, N]
	class   []int32   // [2]
	logits  []float32 // [2, N, V]
}

// references are the priors in testdata.
func references(t *testing.T) map[string]reference {
	t.Helper()
	c := Config{Network: publishedNetwork, Downsample: 4, Resample: "attention", Dim: 64, HeadDim: 64, MLP: 4}
	large, small := c, c
	large.Depth, large.Heads = Depth{Before: 1, Middle: 2, After: 1}, 4
	small.Depth, small.Heads = Depth{Before: 1, Middle: 1, After: 1}, 2
	priors := map[string]reference{
		"prior-256":   {config: large, grid: Grid{Height: 16, Width: 16, Vocabulary: 64}},
		"prior-class": {config: small, grid: Grid{Height: 8, Width: 8, Vocabulary: 48, Classes: 5}},
	}
	for name, r := range priors {
		folder := filepath.Join("testdata", name)
		var err error
		if r.weights, err = pretrained.Open(filepath.Join(folder, "sundae.pt")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.weights.Close() })
		r.tokens, r.logits = npytest.Int32s(t, filepath.Join(folder, "tokens.npy")), npytest.Read[float32](t, filepath.Join(folder, "logits.npy"))
		if r.class = []int32{0, 0}; r.grid.Classes > 0 {
			r.class = npytest.Int32s(t, filepath.Join(folder, "class.npy"))
		}
		priors[name] = r
	}
	return priors
}

// imported is the model of a reference. Its store has no values.
func imported(t *testing.T, r reference) *Model {
	t.Helper()
	m, err := FromPublished(r.weights, r.config, r.grid)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// loaded is a store with the values of an imported model.
func loaded(t *testing.T, m *Model) *model.Store {
	t.Helper()
	store := model.NewStore()
	for v := range m.store.IterVariables() {
		values, err := m.source(v.Path(), v.Shape().Dimensions)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.CreateVariable(v.Path(), tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// farthest is the largest difference to want, as a share of the largest value.
func farthest(t *testing.T, got, want []float32) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, not %d", len(got), len(want))
	}
	var largest, difference float64
	for i, w := range want {
		largest = max(largest, math.Abs(float64(w)))
		difference = max(difference, math.Abs(float64(got[i]-w)))
	}
	return difference / largest
}

// The network computes the logits of the author's code.
func TestPublishedLogits(t *testing.T) {
	backend := open(t, "onnx:cpu")
	for name, r := range references(t) {
		m := imported(t, r)
		exec, err := model.NewExec(backend, loaded(t, m), func(scope *model.Scope, tokens, class *Node) *Node {
			return m.Config.logits(scope.At(modelScope), m.Grid, tokens, class)
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(r.tokens, 2, r.grid.Tokens()), r.class)
		if err != nil {
			t.Fatal(err)
		}
		if off := farthest(t, tensors.MustCopyFlatData[float32](out[0]), r.logits); off > 1e-4 {
			t.Errorf("%s: the logits differ by %.2g of the largest", name, off)
		}
	}
}

// The exported file draws from those logits: at several uniform numbers, the token that it
// draws is the one whose share of the probability holds the number, and its confidence is
// its probability.
func TestPublishedExport(t *testing.T) {
	backend := open(t, "onnx:cpu")
	for name, r := range references(t) {
		network, err := imported(t, r).Export(backend)
		if err != nil {
			t.Fatal(err)
		}
		session, err := orttest.Opener(t)(onnxfile.Model{Graph: marshal(t, network)})
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		bound, err := session.Bind(2, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close()
		feed(t, bound, "tokens", r.tokens)
		feed(t, bound, "update", slices.Repeat([]bool{true}, len(r.tokens)))
		feed(t, bound, "temperature", []float32{1, 1})
		if r.grid.Classes > 0 {
			feed(t, bound, "class", r.class)
		}
		for _, u := range []float32{0.05, 0.5, 0.95} {
			feed(t, bound, "uniform", slices.Repeat([]float32{u}, len(r.tokens)))
			if err := bound.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			next, confidence := memory[int32](t, bound, "next"), memory[float32](t, bound, "confidence")
			for i, id := range next {
				p := softmax(r.logits[i*r.grid.Vocabulary:][:r.grid.Vocabulary])
				var before float64
				for _, q := range p[:id] {
					before += q
				}
				if before > float64(u)+1e-4 || before+p[id] < float64(u)-1e-4 {
					t.Fatalf("%s: token %d of the range %g to %g is drawn at %g", name, id, before, before+p[id], u)
				}
				if math.Abs(p[id]-float64(confidence[i])) > 1e-4*p[id] {
					t.Fatalf("%s: confidence %g, expected %g", name, confidence[i], p[id])
				}
			}
		}
	}
}

func softmax(logits []float32) []float64 {
	p := make([]float64, len(logits))
	var sum float64
	for i, l := range logits {
		p[i] = math.Exp(float64(l))
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// The initial frequencies are those that the author's code has stored.
func TestInitialFrequencies(t *testing.T) {
	for name, r := range references(t) {
		for key, side := range map[string]int{"pre_transformer": 16, "post_transformer": 16, "valley_transformer": r.grid.Height / 2} {
			want, err := r.weights.Read("transformer." + key + ".rotary_pos_emb.freqs")
			if err != nil {
				t.Fatal(err)
			}
			if off := farthest(t, initialFrequencies(64, side), want); off > 1e-6 {
				t.Errorf("%s: the frequencies of %s differ by %g", name, key, off)
			}
		}
	}
}

// Every variable of the network has its values in the layout of the file, and no other,
// whatever the options.
func TestLayoutIsTheNetwork(t *testing.T) {
	base := Config{Network: publishedNetwork, Downsample: 4, Resample: "attention", Dim: 16, Heads: 3, HeadDim: 8, MLP: 2, Depth: Depth{Before: 1, Middle: 2, After: 1}}
	for name, change := range map[string]func(c *Config, g *Grid){
		"plain":               func(*Config, *Grid) {},
		"classes":             func(_ *Config, g *Grid) { g.Classes = 5 },
		"classes and any":     func(c *Config, g *Grid) { g.Classes, c.ClassDropout = 5, 0.1 },
		"learned positions":   func(c *Config, _ *Grid) { c.PositionEmbedding = true },
		"linear resampling":   func(c *Config, _ *Grid) { c.Resample = "linear" },
		"cells of 16":         func(c *Config, _ *Grid) { c.Downsample = 16 },
		"nothing before":      func(c *Config, _ *Grid) { c.Depth.Before = 0 },
		"an hourglass inside": func(c *Config, _ *Grid) { c.Depth.Inner = &Depth{Before: 2, Middle: 1} },
	} {
		c, g := base, Grid{Height: 16, Width: 16, Vocabulary: 12}
		change(&c, &g)
		network, err := engine.Declare(open(t, "go"), model.NewStore(), func(scope *model.Scope, graph *Graph) { c.declare(scope, graph, g) })
		if err != nil {
			t.Fatal(err)
		}
		l, declared := published(c).layout(g), 0
		for v := range network.IterVariables() {
			declared++
			from, ok := l.variables[strings.TrimPrefix(v.Path(), "/"+modelScope)]
			if !ok {
				t.Errorf("%s: the layout has no %s", name, v.Path())
				continue
			}
			var read [][]float32
			for _, key := range from.from {
				size := 1
				for _, dim := range l.tensors[key] {
					size *= dim
				}
				read = append(read, make([]float32, size))
			}
			if values := from.values(read); len(values) != v.Shape().Size() {
				t.Errorf("%s: %s has %d values, not %d", name, v.Path(), len(values), v.Shape().Size())
			}
		}
		if declared != len(l.variables) {
			t.Errorf("%s: the network has %d variables, the layout %d", name, declared, len(l.variables))
		}
	}
}

// Weights of other sizes are refused with the names of the file.
func TestPublishedMismatch(t *testing.T) {
	r := references(t)["prior-class"]
	for want, change := range map[string]func(c *Config, g *Grid){
		"class_emb.weight is [5 64], expected [6 64]":                                              func(c *Config, _ *Grid) { c.ClassDropout = 0.1 },
		"unexpected keys: class_emb.weight":                                                        func(_ *Config, g *Grid) { g.Classes = 0 },
		"wrong shapes: to_logits.bias is [48], expected [64], to_logits.weight is [48 64]":         func(_ *Config, g *Grid) { g.Vocabulary = 64 },
		"missing keys: pos_emb.weight":                                                             func(c *Config, _ *Grid) { c.PositionEmbedding = true },
		"missing keys: transformer.valley_transformer.layers.1.0.fn.to_kv.weight":                  func(c *Config, _ *Grid) { c.Depth.Middle = 2 },
		"unexpected keys: transformer.attn_resampling_post_valley.layers.0.0.fn.to_kv.weight":      func(c *Config, _ *Grid) { c.Resample = "linear" },
		"transformer.attn_resampling_post_valley.layers.0.0.fn.to_kv.weight is [256 64], expected": func(c *Config, _ *Grid) { c.Heads = 1 },
		"prior.network must be published":                                                          func(c *Config, _ *Grid) { c.Network = "" },
		"square grid":                                                                              func(_ *Config, g *Grid) { g.Width = 16 },
	} {
		c, g := r.config, r.grid
		change(&c, &g)
		if _, err := FromPublished(r.weights, c, g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
}

// A model without a class "any" gets one of its classes, where a picture is given as well.
func TestPublishedWithoutAny(t *testing.T) {
	r := references(t)["prior-class"]
	network, err := imported(t, r).Export(open(t, "onnx:cpu"))
	if err != nil {
		t.Fatal(err)
	}
	settings := schedule.Default(r.grid.Classes) // of any class
	settings.Steps = 2
	picture := make([]uint16, r.grid.Tokens())
	for _, noAny := range []bool{true, false} {
		m := bundle.Manifest{
			Latent: bundle.Latent{Height: r.grid.Height, Width: r.grid.Width}, Vocabulary: r.grid.Vocabulary, Classes: []string{"a", "b", "c", "d", "e"},
			NoAnyClass: noAny, Files: map[string]bundle.File{bundle.PriorFile: {}},
		}
		var seen []int32
		p, err := sampler.Open(&bundle.Bundle{Manifest: m}, func(onnxfile.Model) (inference.Session, error) {
			session, err := orttest.Opener(t)(onnxfile.Model{Graph: marshal(t, network)})
			return classes{session, &seen}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		run, err := p.Start(sampler.Start{N: 3, Settings: settings, From: sampler.Tokens{picture, picture, picture}})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if len(seen) != 6 || (slices.Max(seen) < 5) != noAny || slices.Min(seen) < 0 {
			t.Errorf("no class \"any\" %t: the model saw the classes %v", noAny, seen)
		}
	}
}

// classes is a session that keeps the class ids that it is given.
type classes struct {
	inference.Session
	seen *[]int32
}

func (c classes) Bind(batch int, shapes map[string][]int64) (inference.Binding, error) {
	b, err := c.Session.Bind(batch, shapes)
	return classBinding{b, c.seen}, err
}

type classBinding struct {
	inference.Binding
	seen *[]int32
}

func (b classBinding) Run(ctx context.Context) error {
	ids, err := inference.View[int32](b, "class")
	if err != nil {
		return err
	}
	*b.seen = append(*b.seen, ids...)
	return b.Binding.Run(ctx)
}
