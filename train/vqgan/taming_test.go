package vqgan

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/internal/ort"
	"sundae/internal/ort/orttest"
	"sundae/train/engine"
	"sundae/train/npytest"
	"sundae/train/pretrained"
)

// checkpoints are the networks of the checkpoints in testdata, which taming-transformers wrote
// for pictures of 32 pixels.
func checkpoints() map[string]Config {
	training := Config{
		Network: Taming, Crop: 32, Batch: 2, CropsPerImage: 1, Steps: 4, Every: 2, HeldOut: 2, LearningRate: 1e-3, Clip: 1, EMA: 0.9,
		Loss: Loss{L1: 1, Commitment: 0.25}, Codebook: Codebook{Start: 1, Decay: 0.9},
	}
	f2, f4, gumbel := training, training, training
	f2.Channels, f2.Multipliers, f2.Blocks, f2.AttentionResolutions = 32, []int{1, 2}, 1, []int{16}
	f2.ZChannels, f2.Embedding, f2.Vocabulary = 16, 8, 64
	f4.Channels, f4.Multipliers, f4.Blocks, f4.AttentionResolutions = 32, []int{1, 1, 1}, 2, []int{8}
	f4.ZChannels, f4.Embedding, f4.Vocabulary = 16, 16, 48
	gumbel.Channels, gumbel.Multipliers, gumbel.Blocks, gumbel.Quantizer = 32, []int{1, 1, 1}, 1, Gumbel
	gumbel.ZChannels, gumbel.Embedding, gumbel.Vocabulary = 16, 16, 64
	return map[string]Config{"vq-f2": f2, "vq-f4-first-stage": f4, "gumbel-f4": gumbel}
}

// openPublished opens a checkpoint in testdata.
func openPublished(t *testing.T, name string, c Config) *Model {
	t.Helper()
	w, err := pretrained.Open(filepath.Join("testdata", name, "last.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	m, err := FromTaming(w, c, 32)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPublished: the published checkpoints give the tokens and pictures that
// taming-transformers computed, here and in exported files.
func TestPublished(t *testing.T) {
	backend, rt := open(t, "onnx:cpu"), orttest.Runtime(t)
	for name, c := range checkpoints() {
		t.Run(name, func(t *testing.T) {
			m := openPublished(t, name, c)
			image := npytest.Read[float32](t, filepath.Join("testdata", name, "image.npy"))
			var tokens []int32
			for _, id := range npytest.Read[int64](t, filepath.Join("testdata", name, "tokens.npy")) {
				tokens = append(tokens, int32(id))
			}
			want := npytest.Read[float32](t, filepath.Join("testdata", name, "decoded.npy"))
			store, err := m.loaded()
			if err != nil {
				t.Fatal(err)
			}
			decode := func(scope *model.Scope, ids *Node) *Node {
				b, h, w := ids.Shape().Dim(0), ids.Shape().Dim(1), ids.Shape().Dim(2)
				vectors := Gather(scope.Store().GetVariable(codebookPath).NodeValue(ids.Graph()), Reshape(ids, b, h*w, 1))
				y, _ := m.Config.Decode(scope.At(generatorScope).In("decoder"), toGrid(vectors, h, w))
				return y
			}

			// In GoMLX, as the network is trained.
			exec, err := model.NewExec(backend, store, func(scope *model.Scope, x, ids *Node) (*Node, *Node) {
				scope.Store().SetTraining(x.Graph(), true)
				return m.tokens(scope, x), decode(scope, ids)
			})
			if err != nil {
				t.Fatal(err)
			}
			side := 32 / c.Factor()
			out, err := exec.Exec(tensors.FromFlatDataAndDimensions(image, 1, 3, 32, 32), tensors.FromFlatDataAndDimensions(tokens, 1, side, side))
			if err != nil {
				t.Fatal(err)
			}
			if got := tensors.MustCopyFlatData[int32](out[0]); !slices.Equal(got, tokens) {
				t.Errorf("tokens are %v, want %v", got, tokens)
			}
			closeTo(t, "decoded", tensors.MustCopyFlatData[float32](out[1]), want)

			// In the files.
			run := func(network onnxfile.Network, err error, in, out any) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				file, err := network.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				session, err := rt.Open(onnxfile.Model{Graph: file}, ort.Options{Device: ort.CPU})
				if err != nil {
					t.Fatal(err)
				}
				defer session.Close()
				if err := session.RunSlices([]any{in}, []any{out}); err != nil {
					t.Fatal(err)
				}
			}
			gotTokens, floats, bytes := make([]int32, len(tokens)), make([]float32, len(want)), make([]uint8, len(want))
			encoder, err := m.ExportEncoder(backend)
			run(encoder, err, image, gotTokens)
			if !slices.Equal(gotTokens, tokens) {
				t.Errorf("tokens of encoder.onnx are %v, want %v", gotTokens, tokens)
			}
			file, err := engine.ExportONNX(backend, m.store, m.source, decode, decoderInputs, decoderOutputs, m.latentShape())
			run(file, err, tokens, floats)
			closeTo(t, "decoded by ONNX", floats, want)
			decoder, err := m.ExportDecoder(backend)
			run(decoder, err, tokens, bytes)
			for i, level := range bytes {
				x := float64(want[i%3*32*32+i/3]) // [H, W, 3] from [3, H, W]
				if math.Abs(min(max(127.5*x+127.5, 0), 255)-float64(level)) > 0.51 {
					t.Fatalf("byte %d of decoder.onnx is %d, want %g", i, level, 127.5*x+127.5)
				}
			}
		})
	}
}

// TestFromTamingMismatch: a checkpoint of another network gives one sentence with its keys.
func TestFromTamingMismatch(t *testing.T) {
	w, err := pretrained.Open(filepath.Join("testdata", "vq-f2", "last.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for want, change := range map[string]func(c *Config){
		"missing keys: decoder.up.0.block.2.conv1.bias":                          func(c *Config) { c.Blocks = 2 },
		"unexpected keys: decoder.up.1.attn.0.k.bias":                            func(c *Config) { c.AttentionResolutions = nil },
		"quantize.embedding.weight is [64 8], expected [128 8]":                  func(c *Config) { c.Vocabulary = 128 },
		"encoder.conv_out.weight is [16 64 3 3], expected [32 64 3 3]":           func(c *Config) { c.ZChannels = 32 },
		"decoder.conv_in.bias is [64], expected [128]":                           func(c *Config) { c.Channels = 64 },
		"missing keys: quantize.embed.weight, quantize.proj.bias, quantize.proj": func(c *Config) { c.Quantizer, c.Embedding = Gumbel, 16 },
		"vqgan.network: taming":                                                  func(c *Config) { *c = small() },
		"multiple of 32":                                                         func(c *Config) { c.Channels = 48 },
	} {
		c := checkpoints()["vq-f2"]
		change(&c)
		if _, err := FromTaming(w, c, 32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestTrainPublishedNetwork: the published network trains on crops, and a checkpoint opens
// only with attention in the same levels.
func TestTrainPublishedNetwork(t *testing.T) {
	c := checkpoints()["vq-f2"]
	c.Multipliers, c.AttentionResolutions, c.Crop, c.Steps, c.Codebook.Start = []int{1, 1}, []int{16}, 16, 2, 0
	o := options(t, folder(t, 6, 32))
	report, _ := train(t, c, o)
	if report.Step != 2 || report.CodeUsage == 0 {
		t.Errorf("a training ends with %+v", report)
	}
	m, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	export(t, m, o.Backend)
	c.AttentionResolutions = []int{32}
	if _, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("attention elsewhere: %v", err)
	}
}

// TestTrainGumbel: a Gumbel quantizer needs codes trained by gradients; the decoder of a published checkpoint
// is fine-tuned without them, from the files of a bundle.
func TestTrainGumbel(t *testing.T) {
	c := checkpoints()["gumbel-f4"]
	o := options(t, folder(t, 6, 32))
	if _, err := Train(t.Context(), c, o); err == nil || !strings.Contains(err.Error(), "vqgan.quantizer") {
		t.Errorf("training a gumbel quantizer: %v", err)
	}
	m := openPublished(t, "gumbel-f4", c)
	o.From = export(t, m, o.Backend)
	c.Finetune = Finetune{Steps: 1, LearningRate: 1e-4}
	report, tuned := train(t, c, o)
	if report.Step != c.Steps+1 || report.L1 == 0 {
		t.Errorf("a fine-tuning ends with %+v", report)
	}
	for path, stays := range map[string]bool{
		"/codebook/weight": true, "/model/encoder/logits/weight": true, "/model/encoder/conv_in/weight": true, "/model/decoder/conv_in/weight": false,
	} {
		v := tuned.GetVariable(path)
		before, err := m.source(path, v.Shape().Dimensions)
		if err != nil {
			t.Fatal(err)
		}
		if same := slices.Equal(before, tensors.MustCopyFlatData[float32](v.MustValue())); same != stays {
			t.Errorf("%s is the same after the fine-tuning: %t, want %t", path, same, stays)
		}
	}
}

// closeTo compares numbers within 1e-4 of the largest.
func closeTo(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", name, len(got), len(want))
	}
	var largest, difference float64
	for i, w := range want {
		largest = max(largest, float64(max(w, -w)))
		difference = max(difference, float64(max(got[i]-w, w-got[i])))
	}
	if !(difference <= 1e-4*largest) {
		t.Errorf("%s differs by up to %g, the largest is %g", name, difference, largest)
	}
}
