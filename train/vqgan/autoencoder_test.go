package vqgan

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"gopkg.in/yaml.v3"

	"sundae/assets"
	"sundae/train/engine"
)

// recipes reads the VQ-GANs, and the sides of their images, of all built-in recipes.
func recipes(t *testing.T) (configs map[string]Config, sides map[string]int) {
	t.Helper()
	entries, err := assets.Recipes.ReadDir("recipes")
	if err != nil {
		t.Fatal(err)
	}
	configs, sides = map[string]Config{}, map[string]int{}
	for _, entry := range entries {
		text, err := assets.Recipes.ReadFile("recipes/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		var recipe struct {
			Name  string
			Image struct{ Size int }
			VQGAN *Config // nil without a VQ-GAN
		}
		if err := yaml.Unmarshal(text, &recipe); err != nil {
			t.Fatal(err)
		}
		if recipe.VQGAN != nil {
			configs[recipe.Name], sides[recipe.Name] = recipe.VQGAN.forPictures(recipe.Image.Size), recipe.Image.Size
		}
	}
	return configs, sides
}

// TestRecipeShapes builds the graphs of all built-in recipes, without weights.
func TestRecipeShapes(t *testing.T) {
	configs, sides := recipes(t)
	if len(configs) < 5 {
		t.Fatalf("%d recipes", len(configs))
	}
	backend := open(t, "onnx:cpu")
	for name, c := range configs {
		store, size := model.NewStore(), sides[name]
		g := NewGraph(backend, name)
		store.SetTraining(g, true)
		scope := store.RootScope()
		x := Parameter(g, "images", shapes.Make(dtypes.Float32, 1, 3, size, size))
		p := c.reconstruct(scope.In(generatorScope), x, true, nil)
		c.Discriminator.scores(scope.In(discriminatorScope), p.x)
		tokens := size / c.Factor() * size / c.Factor()
		if got := p.quantized.ids.Shape().Dimensions; !slices.Equal(got, []int{1, tokens}) {
			t.Errorf("%s: tokens %v", name, got)
		}
		if got := p.z.Shape().Dimensions; !slices.Equal(got, []int{1, tokens, c.Embedding}) {
			t.Errorf("%s: encoder output %v", name, got)
		}
		if !p.x.Shape().Equal(x.Shape()) {
			t.Errorf("%s: reconstruction %s", name, p.x.Shape())
		}
	}
}

// gradients evaluates both losses and their gradients once.
func gradients(t *testing.T, c Config, backendName string) map[string][]float32 {
	t.Helper()
	var paths []string
	exec, err := model.NewExec(open(t, backendName), engine.NewStore(1), func(scope *model.Scope, bytes *Node) []*Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		x := toFloat(bytes)
		p := c.reconstruct(scope.In(generatorScope), x, true, nil)
		reconstruction := c.Loss.reconstructionLoss(x, p.x, c.Stem)
		generator, discriminator := c.Discriminator.adversarial(scope, x, p, reconstruction)
		loss := Add(Add(reconstruction, p.commitment), generator)
		out := []*Node{loss, discriminator}
		paths = []string{"loss", "discriminator loss"}
		for scopeName, loss := range map[string]*Node{generatorScope: loss, discriminatorScope: discriminator} {
			for v := range scope.At("%s", scopeName).IterVariables() {
				if v.Trainable {
					paths = append(paths, v.Path())
				}
			}
			out = append(out, scope.At("%s", scopeName).BuildTrainableVariablesGradientsGraph(loss)...)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Exec(noise(c.Batch, c.Crop))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for i, path := range paths {
		values[path] = tensors.MustCopyFlatData[float32](out[i])
	}
	return values
}

// TestBackendsAgree: kernelGradient, used on ONNX Runtime only, gives the gradient that
// the other backend computes.
func TestBackendsAgree(t *testing.T) {
	configs, _ := recipes(t)
	tiny := configs["tiny"]
	tiny.Batch = 2
	for name, c := range map[string]Config{"small": small(), "tiny recipe": tiny, "published objective": published()} {
		onnx := gradients(t, c, "onnx:cpu")
		for path, want := range gradients(t, c, "go") {
			equal(t, name+": "+path+" on onnx:cpu", onnx[path], want, 1e-4)
		}
	}
}

// TestDecoderRange: scale and shift inside the decoder equal scale and shift of its
// output, with or without the shortcut and however that is shuffled.
func TestDecoderRange(t *testing.T) {
	backend := open(t, "onnx:cpu")
	for _, test := range []struct {
		stem, levels int
		shortcut     bool
	}{{4, 3, true}, {4, 2, true}, {1, 2, true}, {4, 2, false}, {1, 2, false}} {
		c := small()
		c.Stem, c.Multipliers, c.DecoderBlocks, c.LinearShortcut = test.stem, []int{1, 2, 2}[:test.levels], nil, test.shortcut
		levels := affine{scale: 127.5, shift: 128}
		exec, err := model.NewExec(backend, engine.NewStore(1), func(scope *model.Scope, bytes *Node) []*Node {
			z := toFloat(bytes) // as latents of length 3
			x, _ := c.Decode(scope.At("decoder"), z)
			y, _ := c.decode(scope.At("decoder"), z, levels)
			return []*Node{AddScalar(MulScalar(x, levels.scale), levels.shift), y}
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Exec(noise(1, 4))
		if err != nil {
			t.Fatal(err)
		}
		want, got := tensors.MustCopyFlatData[float32](out[0]), tensors.MustCopyFlatData[float32](out[1])
		equal(t, fmt.Sprintf("the decoder %+v", test), got, want, 1e-4)
	}
}

// TestSwitches trains, opens and exports networks with each combination of the
// switches that change the network.
func TestSwitches(t *testing.T) {
	o := options(t, folder(t, 6, 32))
	for _, test := range []struct{ shortcut, sphere bool }{{false, false}, {true, false}, {false, true}} {
		c := minimal()
		c.LinearShortcut, c.SphereCodes = test.shortcut, test.sphere
		c.Steps, c.Codebook.Start, c.Discriminator.Start = 3, 0, 0
		o.Out = t.TempDir()
		report, store := train(t, c, o)
		if report.Step != 3 || report.CodeUsage == 0 {
			t.Errorf("%+v: %+v", test, report)
		}
		for _, path := range []string{"/model/encoder/shortcut/weight", "/model/decoder/shortcut/weight"} {
			if (store.GetVariable(path) != nil) != test.shortcut {
				t.Errorf("%+v: %s exists: %t", test, path, !test.shortcut)
			}
		}
		var largest float64
		codes := values(store, codebookPath)
		for code := range slices.Chunk(codes, c.Embedding) {
			var square float64
			for _, x := range code {
				square += float64(x) * float64(x)
			}
			largest = max(largest, square/float64(c.Embedding))
		}
		if test.sphere && largest > 1.1 { // means of vectors on the sphere lie in it
			t.Errorf("%+v: a code has a mean square of %g", test, largest)
		}
		m, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
		if err != nil {
			t.Fatal(err)
		}
		export(t, m, o.Backend)
		other := c
		other.SphereCodes = !c.SphereCodes
		if _, err := Open(filepath.Join(o.Out, Checkpoint), other, o.Size); err == nil {
			t.Errorf("%+v: the checkpoint opens with another sphere_codes", test)
		}
	}
}
