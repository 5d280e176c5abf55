package published

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/ort"
	"sundae/internal/ort/orttest"
	"sundae/train/engine"
	"sundae/train/export"
	"sundae/train/npytest"
	"sundae/train/recipe"
)

const (
	vqgans = "../vqgan/testdata/"
	priors = "../prior/testdata/"
)

func writer(t *testing.T) compute.Backend {
	t.Helper()
	backend, err := engine.Open("onnx:cpu", orttest.Library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

// vqganOptions are for the import of a VQ-GAN in testdata.
func vqganOptions(t *testing.T, name string) Options {
	t.Helper()
	return Options{
		VQGAN: filepath.Join(vqgans, name, "last.ckpt"), VQGANConfig: filepath.Join(vqgans, name, "model.yaml"),
		Out: filepath.Join(t.TempDir(), "imported"),
	}
}

// withPrior adds a prior in testdata.
func (o Options) withPrior(name string) Options {
	o.Prior, o.PriorConfig = filepath.Join(priors, name, "sundae.pt"), filepath.Join(priors, name, "config.toml")
	return o
}

func importBundle(t *testing.T, o Options) *bundle.Bundle {
	t.Helper()
	if _, err := Import(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenFolder(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs a file of a bundle on one batch.
func run(t *testing.T, rt *ort.Runtime, b *bundle.Bundle, name string, in, out []any) {
	t.Helper()
	session, err := rt.Open(b.Model(name), ort.Options{Device: ort.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.RunSlices(in, out); err != nil {
		t.Fatal(err)
	}
}

// Imported VQ-GANs give the tokens and pictures of taming-transformers.
func TestImportVQGAN(t *testing.T) {
	backend, rt := writer(t), orttest.Runtime(t)
	for _, name := range []string{"vq-f2", "vq-f4-first-stage", "gumbel-f4"} {
		o := vqganOptions(t, name)
		o.Backend = backend
		b := importBundle(t, o)
		if b.Manifest.HasPrior() || len(b.Manifest.Origin) != 2 {
			t.Errorf("%s: manifest %+v", name, b.Manifest)
		}
		size := 3 * b.Manifest.ImageSize * b.Manifest.ImageSize
		pictures, want := npytest.Read[float32](t, filepath.Join(vqgans, name, "image.npy")), npytest.Int32s(t, filepath.Join(vqgans, name, "tokens.npy"))
		decoded := npytest.Read[float32](t, filepath.Join(vqgans, name, "decoded.npy"))
		per := b.Manifest.Latent.Tokens()
		for i := range len(want) / per {
			tokens := make([]int32, per)
			run(t, rt, b, bundle.EncoderFile, []any{pictures[i*size : (i+1)*size]}, []any{tokens})
			if !slices.Equal(tokens, want[i*per:(i+1)*per]) {
				t.Errorf("%s: tokens %v, expected %v", name, tokens, want[i*per:(i+1)*per])
			}
			picture := make([]uint8, size)
			run(t, rt, b, bundle.DecoderFile, []any{want[i*per : (i+1)*per]}, []any{picture})
			for p := range size / 3 {
				for c := range 3 {
					exact := min(max(127.5*float64(decoded[i*size+c*size/3+p])+127.5, 0), 255)
					if got := float64(picture[3*p+c]); math.Abs(got-exact) > 0.51 { // rounding, and 1e-4 of the largest value
						t.Fatalf("%s: pixel %d of picture %d is %g, expected %g", name, p, i, got, exact)
					}
				}
			}
		}
		if _, err := recipe.Parse([]byte(b.Manifest.Training.Recipe)); err != nil {
			t.Errorf("%s: the recipe in the manifest: %v", name, err)
		}
	}
}

// Imported priors draw tokens from the logits of the author's code.
func TestImportPrior(t *testing.T) {
	backend := writer(t)
	for name, tokenizer := range map[string]string{"prior-256": "vq-f2", "prior-class": "vq-f4-first-stage"} {
		o := vqganOptions(t, tokenizer).withPrior(name)
		o.Backend, o.Labels = backend, export.Labels{Name: "faces", Licence: "MIT"}
		b := importBundle(t, o)
		m := b.Manifest
		if m.Name != "faces" || len(m.Origin) != 4 || m.Origin[2].Role != "prior" || m.Origin[2].Licence != "MIT" || m.NoAnyClass != (len(m.Classes) > 0) {
			t.Errorf("%s: manifest %+v", name, m)
		}
		if s := m.Sampling; *s.Steps != 100 || s.Temperature.String() != "1:0.7:linear" || s.Proportion.String() != "0.5" || *s.MinSteps != 10 || *s.Freeze != "unchanged" {
			t.Errorf("%s: sampling %+v", name, s)
		}
		folder := filepath.Join(priors, name)
		tokens, logits := npytest.Int32s(t, filepath.Join(folder, "tokens.npy")), npytest.Read[float32](t, filepath.Join(folder, "logits.npy"))
		n := len(tokens)
		session, err := orttest.Opener(t)(b.Model(bundle.PriorFile))
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		bound, err := session.Bind(2, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer bound.Close()
		uniform := memory[float32](t, bound, "uniform")
		for i := range uniform {
			uniform[i] = float32(i%97) / 97
		}
		copy(memory[int32](t, bound, "tokens"), tokens)
		copy(memory[bool](t, bound, "update"), slices.Repeat([]bool{true}, n))
		copy(memory[float32](t, bound, "temperature"), []float32{1, 1})
		if len(m.Classes) > 0 {
			copy(memory[int32](t, bound, "class"), npytest.Int32s(t, filepath.Join(folder, "class.npy")))
		}
		if err := bound.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		next, confidence := memory[int32](t, bound, "next"), memory[float32](t, bound, "confidence")
		for i := range n {
			p := softmax(logits[i*m.Vocabulary : (i+1)*m.Vocabulary])[next[i]]
			if math.Abs(float64(confidence[i])-p) > 1e-4*p {
				t.Fatalf("%s: token %d is %d with confidence %g, expected %g", name, i, next[i], confidence[i], p)
			}
		}
	}
}

// memory is the memory of an input or output of a bound session.
func memory[T inference.Element](t *testing.T, b inference.Binding, name string) []T {
	t.Helper()
	values, err := inference.View[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return values
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

// edited is the copy of a text file with one text replaced.
func edited(t *testing.T, path, old, new string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not hold %q", path, old)
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(copied, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// What cannot be imported is one sentence, and writes nothing.
func TestImportErrors(t *testing.T) {
	f2, class := vqganOptions(t, "vq-f2"), vqganOptions(t, "vq-f4-first-stage").withPrior("prior-class")
	text := func(content string) string {
		path := filepath.Join(t.TempDir(), "last.ckpt")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with := func(o Options, change func(*Options)) Options { change(&o); return o }
	yaml := func(old, new string) Options {
		return with(f2, func(o *Options) { o.VQGANConfig = edited(t, f2.VQGANConfig, old, new) })
	}
	toml := func(old, new string) Options {
		return with(class, func(o *Options) { o.PriorConfig = edited(t, class.PriorConfig, old, new) })
	}
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"pointer":     {with(f2, func(o *Options) { o.VQGAN = text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n") }), "Git LFS pointer"},
		"web page":    {with(f2, func(o *Options) { o.VQGAN = text("<!DOCTYPE html>") }), "web page"},
		"prior":       {with(f2, func(o *Options) { o.VQGAN = class.Prior }), "unexpected keys: class_emb.weight, to_logits.bias, to_logits.weight and 72 more"},
		"no prior":    {with(class, func(o *Options) { o.Prior = f2.VQGAN }), "unexpected keys: decoder.conv_in.bias"},
		"width":       {yaml("ch: 32", "ch: 64"), "model.yaml has ch 64, the weights have 32"},
		"levels":      {yaml("- 2\n", "- 4\n"), "model.yaml has ch_mult [1 4], the weights have [1 2]"},
		"attention":   {yaml("- 16\n", "- 32\n"), "[32] of a picture of 32 pixels, the weights at [16]"},
		"codes":       {yaml("n_embed: 64", "n_embed: 65"), "n_embed 65, the weights have 64"},
		"quantizer":   {yaml("VQModel", "GumbelVQ"), "quantizer gumbel, the weights have euclidean"},
		"kind":        {yaml("VQModel", "AutoencoderKL"), "AutoencoderKL is no VQ-GAN"},
		"resolution":  {yaml("resolution: 32", "width: 32"), "resolution"},
		"huge":        {yaml("resolution: 32", "resolution: 1000000000"), "model.yaml has resolution 1000000000: it must be 8 to 16384"},
		"negative":    {yaml("resolution: 32", "resolution: -32"), "model.yaml has resolution -32: it must be 8 to 16384"},
		"folder":      {with(f2, func(o *Options) { o.VQGANConfig = t.TempDir() }), "is a folder: give the config in it"},
		"missing":     {with(f2, func(o *Options) { o.VQGANConfig = filepath.Join(t.TempDir(), "none.yaml") }), "no such file"},
		"depth":       {toml("depth = [1, 1, 1]", "depth = [1, 3, 1]"), "config.toml has net.depth [1, 3, 1], the weights have [1, 1, 1]"},
		"heads":       {toml("nb_heads = 2", "nb_heads = 4"), "net.nb_heads 4, the weights have 2"},
		"classes":     {toml("num_classes = 5", "num_classes = 6"), "net.num_classes 6, the weights have 5"},
		"conditional": {toml("conditional = true", "conditional = false"), "net.conditional false, the weights have true"},
		"grid":        {toml("[8, 8]", "[16, 16]"), "sundae.pt is for 16×16 tokens, the VQ-GAN last.ckpt has 8×8"},
		"tokens":      {toml("sequence_length = 64", "sequence_length = 256"), "is for 256 tokens, the VQ-GAN last.ckpt has 64"},
		"vocabulary":  {f2.withPrior("prior-class"), "is for 48 codes, the VQ-GAN last.ckpt has 64"},
		"no tokens":   {with(toml("sequence_length = 64", ""), func(o *Options) { o.VQGAN, o.VQGANConfig = "", "" }), "give the prior's TOML by --prior-config, with data.sequence_length"},
		"no square":   {with(toml("sequence_length = 64", "sequence_length = 63"), func(o *Options) { o.VQGAN, o.VQGANConfig = "", "" }), "is for 63 tokens, which are not the pixels"},
		"names":       {with(class, func(o *Options) { o.Labels.Classes = []string{"a"} }), "names for 1 classes, and the model has 5"},
	} {
		_, err := Import(t.Context(), test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, expected %q", name, err, test.want)
		}
		if entries, _ := os.ReadDir(filepath.Dir(test.options.Out)); len(entries) > 0 {
			t.Errorf("%s: %v were written", name, entries)
		}
	}
}

// A prior without a VQ-GAN is a model of grey levels: the same network as with one, between
// look-ups.
func TestImportGreyLevels(t *testing.T) {
	backend, rt := writer(t), orttest.Runtime(t)
	with := vqganOptions(t, "vq-f4-first-stage").withPrior("prior-class")
	without := Options{Prior: with.Prior, PriorConfig: with.PriorConfig, Out: filepath.Join(t.TempDir(), "digits"), Backend: backend}
	with.Backend = backend
	b, other := importBundle(t, without), importBundle(t, with)
	m := b.Manifest
	if m.ImageSize != 8 || m.Downsample != 1 || m.Vocabulary != 48 || len(m.Classes) != 5 || len(m.Origin) != 2 {
		t.Errorf("manifest %+v", m)
	}
	if m.Files[bundle.PriorFile] != other.Manifest.Files[bundle.PriorFile] {
		t.Error("the prior differs from the one that was imported with a VQ-GAN")
	}
	if r, err := recipe.Parse([]byte(m.Training.Recipe)); err != nil || r.Tokenizer != recipe.Pixels || r.Levels != 48 {
		t.Errorf("the recipe in the manifest: %v, %d levels, %v", r.Tokenizer, r.Levels, err)
	}
	d, err := decoder.Open(b, rt.Opener(ort.Options{Device: ort.CPU}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tokens := make([]uint16, 64)
	tokens[1] = 47
	picture, err := d.Decode(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	if want := []uint8{0, 0, 0, 255, 255, 255, 255, 255}; !slices.Equal(picture.Pix[:8], want) {
		t.Errorf("levels 0 and 47 are %v, expected %v", picture.Pix[:8], want)
	}
}

// A model is only replaced when asked.
func TestImportForce(t *testing.T) {
	o := vqganOptions(t, "gumbel-f4")
	o.Backend = writer(t)
	importBundle(t, o)
	if _, err := Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), "pass --force") {
		t.Errorf("a second import: %v", err)
	}
	o.Force, o.Labels.Name = true, "second"
	if b := importBundle(t, o); b.Manifest.Name != "second" {
		t.Errorf("the second import is called %s", b.Manifest.Name)
	}
}
