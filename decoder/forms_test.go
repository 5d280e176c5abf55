package decoder

import (
	"context"
	"errors"
	"image"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
)

// grey is a handmade model of uniform patches: 2×2 tokens of 2×2 pixels, where
// token k of 0 to 8 has the grey value k/4 - 1 in [-1, 1]. The encoder takes the mean
// of a patch. batch is a fixed batch size or onnxfile.Dynamic.
func grey(t *testing.T, batch int64, scale float32) *bundle.Bundle {
	t.Helper()
	const side, f, codes = 4, 2, 9
	const h = side / f
	planes, grid := []int64{batch, 3, side, side}, []int64{batch, h, h}
	fill := func(v float32) []float32 { return slices.Repeat([]float32{v}, 3*f*f) }
	one := onnxfile.Weight{Tensor: onnxfile.Tensor{Name: "one", Type: onnxfile.Int64, Shape: []int64{1}}, Raw: []byte{1, 0, 0, 0, 0, 0, 0, 0}}
	decode := onnxfile.Graph{
		Name: "decoder", Inputs: []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: grid}},
		Outputs: []onnxfile.Tensor{{Name: "image", Type: onnxfile.Float32, Shape: planes}},
		Weights: []onnxfile.Weight{one, onnxfile.Floats("w", []int64{3 * f * f, 1, 1, 1}, fill(scale)), onnxfile.Floats("b", []int64{3 * f * f}, fill(-1))},
		Nodes: []onnxfile.Node{
			{Op: "Cast", In: []string{"tokens"}, Out: []string{"ids"}, Ints: map[string]int{"to": int(onnxfile.Float32)}},
			{Op: "Unsqueeze", In: []string{"ids", "one"}, Out: []string{"plane"}}, // [B, 1, h, w]
			{Op: "Conv", In: []string{"plane", "w", "b"}, Out: []string{"deep"}},  // [B, 3·f·f, h, w]
			{Op: "DepthToSpace", In: []string{"deep"}, Out: []string{"image"}, Ints: map[string]int{"blocksize": f}},
		},
	}
	encode := onnxfile.Graph{
		Name: "encoder", Inputs: []onnxfile.Tensor{{Name: "image", Type: onnxfile.Float32, Shape: planes}},
		Outputs: []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: grid}},
		Weights: []onnxfile.Weight{one, onnxfile.Floats("w", []int64{1, 3 * f * f, 1, 1}, fill(4.0/(3*f*f))), onnxfile.Floats("b", []int64{1}, []float32{4})},
		Nodes: []onnxfile.Node{
			{Op: "SpaceToDepth", In: []string{"image"}, Out: []string{"deep"}, Ints: map[string]int{"blocksize": f}},
			{Op: "Conv", In: []string{"deep", "w", "b"}, Out: []string{"plane"}},
			{Op: "Squeeze", In: []string{"plane", "one"}, Out: []string{"ids"}},
			{Op: "Round", In: []string{"ids"}, Out: []string{"whole"}},
			{Op: "Cast", In: []string{"whole"}, Out: []string{"tokens"}, Ints: map[string]int{"to": int(onnxfile.Int32)}},
		},
	}
	prior := onnxfile.Graph{
		Name: "prior", Inputs: []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{onnxfile.Dynamic, h * h}}},
		Outputs: []onnxfile.Tensor{{Name: "logits", Type: onnxfile.Float32, Shape: []int64{onnxfile.Dynamic, h * h, codes}}},
	}
	m := bundle.Manifest{Name: "grey", ImageSize: side, Downsample: f, Latent: bundle.Latent{Height: h, Width: h}, Vocabulary: codes}
	dir := filepath.Join(t.TempDir(), "grey")
	err := bundle.Write(dir, m, map[string][]byte{
		bundle.PriorFile: prior.Marshal(), bundle.DecoderFile: decode.Marshal(), bundle.EncoderFile: encode.Marshal(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openGrey(t *testing.T, batch int64, scale float32) *Decoder {
	t.Helper()
	d, err := Open(grey(t, batch, scale), orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// Models with a dynamic and with a fixed batch decode any number of images to the
// same bytes, and the images encode to their tokens.
func TestEveryBatch(t *testing.T) {
	for _, batch := range []int64{onnxfile.Dynamic, 1, 2} {
		d := openGrey(t, batch, 0.25)
		var grids [][]uint16
		for i := range uint16(5) {
			grids = append(grids, []uint16{i, i + 1, i + 2, 8 - i})
		}
		pictures, err := d.DecodeAll(t.Context(), grids)
		if err != nil || len(pictures) != len(grids) {
			t.Fatalf("batch %d: %d images, %v", batch, len(pictures), err)
		}
		if want := map[int64]int{onnxfile.Dynamic: 5, 1: 1, 2: 2}[batch]; d.outBatch != want {
			t.Errorf("a model of batch %d was called with %d", batch, d.outBatch)
		}
		for i, p := range pictures {
			for k, id := range grids[i] {
				want := uint8(math.Round(float64(id) * 255 / 8))
				c := p.RGBAAt(k%2*2+1, k/2*2+1)
				if c.R != want || c.G != want || c.B != want || c.A != 255 {
					t.Errorf("batch %d, image %d: token %d is %v, want grey %d", batch, i, id, c, want)
				}
			}
			if tokens, err := d.Encode(t.Context(), p); err != nil || !slices.Equal(tokens, grids[i]) {
				t.Errorf("batch %d: %v encodes to %v, %v", batch, grids[i], tokens, err)
			}
			if again, err := d.Reconstruct(t.Context(), p); err != nil || !slices.Equal(again.Pix, p.Pix) {
				t.Errorf("batch %d: image %d is not reconstructed, %v", batch, i, err)
			}
		}
		alone, err := d.Decode(t.Context(), grids[3])
		if err != nil || !slices.Equal(alone.Pix, pictures[3].Pix) {
			t.Errorf("batch %d: an image differs when it is decoded alone, %v", batch, err)
		}
	}
}

func TestBadTokensAndNaN(t *testing.T) {
	d := openGrey(t, onnxfile.Dynamic, float32(math.NaN()))
	if _, err := d.Decode(t.Context(), []uint16{1, 2, 3, 4}); !errors.Is(err, ErrNaN) {
		t.Errorf("an image of NaN: %v", err)
	}
	if _, err := d.Decode(t.Context(), []uint16{1, 2, 3, 9}); err == nil {
		t.Error("a token beyond the vocabulary was decoded")
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := d.Decode(stopped, []uint16{1, 2, 3, 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled decode: %v", err)
	}
	if _, err := d.Encode(stopped, image.NewGray(image.Rect(0, 0, 9, 5))); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled encode: %v", err)
	}
	if pictures, err := d.DecodeAll(t.Context(), nil); len(pictures) != 0 || err != nil {
		t.Errorf("no tokens gave %d images, %v", len(pictures), err)
	}
}
