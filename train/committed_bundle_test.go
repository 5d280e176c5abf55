package train

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v3"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/train/recipe"
)

var update = flag.Bool("update", false, "rewrite the bundle of internal/bundle/bundletest")

// The bundle that tests share is what training makes today: the same manifest, graphs and
// weights, up to times and to the rounding of another processor.
func TestCommittedBundle(t *testing.T) {
	r, err := recipe.Open("tiny")
	if err != nil {
		t.Fatal(err)
	}
	r.VQGAN.Vocabulary, r.VQGAN.Channels, r.VQGAN.Steps, r.VQGAN.Every, r.VQGAN.Codebook.Start = 16, 16, 12, 12, 6
	r.VQGAN.HeldOut, r.VQGAN.Discriminator.Start = 8, 0
	r.Prior.Dim, r.Prior.Heads, r.Prior.Steps, r.Prior.Every, r.Prior.HeldOut = 32, 2, 30, 30, 8
	backend := open(t)
	o := AllOptions{Run: Run{Recipe: r, Out: t.TempDir(), Backend: backend}, Data: []string{draw(t, 64, r.Image.Size)}, Writer: backend}
	if _, err := All(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	got := openFolder(t, filepath.Join(o.Out, "bundle"))
	committed := filepath.Join("..", "internal", "bundle", "bundletest", "testdata", "tiny")
	if *update {
		models := map[string][]byte{}
		for name := range got.Manifest.Files {
			models[name] = got.Model(name).Graph
		}
		if err := bundle.Write(committed, got.Manifest, models); err != nil {
			t.Fatal(err)
		}
	}
	want := openFolder(t, committed)
	if g, w := comparable(t, got.Manifest), comparable(t, want.Manifest); g != w {
		t.Errorf("the manifest is\n%s\nnot\n%s", g, w)
	}
	for name := range want.Manifest.Files {
		if g, w := structure(t, got.Model(name).Graph), structure(t, want.Model(name).Graph); !slices.Equal(g, w) {
			t.Errorf("%s has another graph: %d lines, committed %d", name, len(g), len(w))
			for i := range min(len(g), len(w)) {
				if g[i] != w[i] {
					t.Errorf("the first difference is %s, not %s", g[i], w[i])
					break
				}
			}
			continue
		}
		if d := distanceOfWeights(t, got.Model(name).Graph, want.Model(name).Graph); d > 0.1 {
			t.Errorf("the weights of %s differ by %.3f of their norm", name, d)
		}
	}
}

func openFolder(t *testing.T, dir string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// comparable is a manifest without what changes from run to run.
func comparable(t *testing.T, m bundle.Manifest) string {
	t.Helper()
	m.Training.Date, m.Training.Machine, m.Training.Hours = "", "", nil
	figures := slices.Sorted(maps.Keys(m.Training.Figures))
	m.Training.Figures = nil
	files := slices.Sorted(maps.Keys(m.Files))
	m.Files = nil
	text, err := yaml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s%v\n%v", text, figures, files)
}

// structure lists a graph's nodes and the names and shapes of its initializers.
func structure(t *testing.T, file []byte) []string {
	t.Helper()
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, node := range m.Graph.Node {
		lines = append(lines, fmt.Sprintf("%s %v -> %v", node.OpType, node.Input, node.Output))
	}
	for _, tensor := range m.Graph.Initializer {
		lines = append(lines, fmt.Sprintf("%s %v of type %d", tensor.Name, tensor.Dims, tensor.DataType))
	}
	return lines
}

// distanceOfWeights is |a - b| / |b| over all weights.
func distanceOfWeights(t *testing.T, a, b []byte) float64 {
	t.Helper()
	got, err := onnxfile.OpenWeights(onnxfile.Model{Graph: a})
	if err != nil {
		t.Fatal(err)
	}
	want, err := onnxfile.OpenWeights(onnxfile.Model{Graph: b})
	if err != nil {
		t.Fatal(err)
	}
	var difference, norm float64
	for _, name := range want.Names() {
		is, err := got.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		should, err := want.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, value := range should {
			d := float64(is[i] - value)
			difference += d * d
			norm += float64(value) * float64(value)
		}
	}
	return math.Sqrt(difference / norm)
}
