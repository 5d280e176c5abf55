package train

import (
	"bytes"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"sundae/internal/bundle"
)

// sampleBundle draws n pictures of every class from the bundle in dir, by the
// bundle's contract: noise, twelve steps from temperature 1.0 to 0.6, decode.
func sampleBundle(t *testing.T, backend compute.Backend, dir string, n int) [][]*image.RGBA {
	t.Helper()
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string) compute.Executable {
		model, err := onnxbackend.LoadModel(backend, bytes.NewReader(b.Model(name)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(model.Finalize)
		return model
	}
	run := func(model compute.Executable, out any, in ...compute.Buffer) {
		results, err := model.Execute(in, make([]bool, len(in)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := results[0].ToFlatData(out); err != nil {
			t.Fatal(err)
		}
	}
	buffer := func(flat any, dtype dtypes.DType, dims ...int) compute.Buffer {
		made, err := backend.BufferFromFlatData(0, flat, shapes.Make(dtype, dims...))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	prior, decoder := load(bundle.PriorFile), load(bundle.DecoderFile)
	m := b.Manifest
	tokens := m.Latent.Tokens()
	rng := rand.New(rand.NewPCG(1, 1))
	out := make([][]*image.RGBA, len(m.Classes))
	for class := range out {
		ids, uniform, update := make([]int32, n*tokens), make([]float32, n*tokens), make([]bool, n*tokens)
		temperature, classes := make([]float32, n), make([]int32, n)
		for i := range ids {
			ids[i], update[i] = rng.Int32N(int32(m.Vocabulary)), true
		}
		const steps = 12
		for step := range steps {
			for i := range uniform {
				uniform[i] = rng.Float32()
			}
			for i := range classes {
				classes[i], temperature[i] = int32(class), 1-0.4*float32(step)/(steps-1)
			}
			run(prior, ids, buffer(ids, dtypes.Int32, n, tokens), buffer(uniform, dtypes.Float32, n, tokens),
				buffer(update, dtypes.Bool, n, tokens), buffer(temperature, dtypes.Float32, n), buffer(classes, dtypes.Int32, n))
		}
		for i := range n {
			pixels := make([]uint8, m.ImageSize*m.ImageSize*3)
			run(decoder, pixels, buffer(ids[i*tokens:(i+1)*tokens], dtypes.Int32, 1, m.Latent.Height, m.Latent.Width))
			picture := image.NewRGBA(image.Rect(0, 0, m.ImageSize, m.ImageSize))
			for k := range m.ImageSize * m.ImageSize {
				copy(picture.Pix[4*k:], pixels[3*k:3*k+3])
				picture.Pix[4*k+3] = 255
			}
			out[class] = append(out[class], picture)
		}
	}
	return out
}
