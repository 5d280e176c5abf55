package vqgan

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
	"sundae/train/pretrained"
)

// FromTaming is the VQ-GAN in a checkpoint of taming-transformers or latent-diffusion, for
// pictures of size pixels. c.Network must be Taming. The keys may begin with
// first_stage_model, as in checkpoints of a transformer or a diffusion model around it. Weights
// of the losses, averages beside the weights and the like are passed over.
//
// No weight is read yet: w must stay open as long as the model is used. If keys or shapes are
// not those of c, the error is an *engine.MismatchError with the checkpoint's names.
func FromTaming(w *pretrained.Weights, c Config, size int) (*Model, error) {
	if c.Network != Taming {
		return nil, fmt.Errorf("a checkpoint of taming-transformers needs vqgan.network: %s, not %q", Taming, c.Network)
	}
	if err := c.Validate(size); err != nil {
		return nil, err
	}
	if first := w.Sub("first_stage_model."); len(first.Keys()) > 0 {
		w = first
	}
	m := &Model{Config: c.forPictures(size), Size: size}
	backend, err := engine.Open("go", "")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	m.store, err = m.Config.declare(backend, func(scope *model.Scope, g *Graph) {
		m.tokens(scope, Parameter(g, "image", m.pictureShape()))
		m.picture(scope, Parameter(g, "tokens", m.latentShape()))
	})
	if err != nil {
		return nil, err
	}
	if err := m.checkTaming(w); err != nil {
		return nil, err
	}
	m.source = func(path string, shape []int) ([]float32, error) {
		var values []float32
		for _, key := range m.Config.tamingKeys(path) {
			part, err := w.Read(key)
			if err != nil {
				return nil, err
			}
			values = append(values, part...)
		}
		return values, nil
	}
	return m, nil
}

// checkTaming compares the keys and shapes of a checkpoint with those of the network.
func (m *Model) checkTaming(w *pretrained.Weights) error {
	var mismatch engine.MismatchError
	known := map[string]bool{}
	for v := range m.store.IterVariables() {
		keys := m.Config.tamingKeys(v.Path())
		want := slices.Clone(v.Shape().Dimensions)
		want[0] /= len(keys)
		if strings.HasSuffix(keys[0], ".bias") || strings.Contains(keys[0], "norm") {
			want = []int{v.Shape().Size() / len(keys)}
		}
		for _, key := range keys {
			known[key] = true
			switch shape, ok := w.Shape(key); {
			case !ok:
				mismatch.Missing = append(mismatch.Missing, key)
			case !slices.Equal(shape, want):
				mismatch.Shapes = append(mismatch.Shapes, fmt.Sprintf("%s is %v, expected %v", key, shape, want))
			}
		}
	}
	for _, key := range w.Keys() {
		if !known[key] && !onlyForTraining(key) {
			mismatch.Unexpected = append(mismatch.Unexpected, key)
		}
	}
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Shapes) > 0 {
		return &mismatch
	}
	return nil
}

// onlyForTraining reports whether a checkpoint's key is of something that the trained network
// doesn't use: losses, averages beside the weights, what EMAVQ counts of its codes, and colours
// in which segmentations were shown.
func onlyForTraining(key string) bool {
	switch key {
	case "quantize.embedding.cluster_size", "quantize.embedding.embed_avg", "colorize":
		return true
	}
	return strings.HasPrefix(key, "loss.") || strings.HasPrefix(key, "model_ema.")
}

// tamingKeys are the checkpoint's keys of the variable at path. It is their concatenation
// along the first axis.
func (c Config) tamingKeys(path string) []string {
	if path == codebookPath {
		if c.Quantizer == Gumbel {
			return []string{"quantize.embed.weight"}
		}
		return []string{"quantize.embedding.weight"}
	}
	key := tamingNames.Replace(path)
	if before, after, ok := strings.Cut(key, ".qkv."); ok {
		return []string{before + ".q." + after, before + ".k." + after, before + ".v." + after}
	}
	return []string{key}
}

// tamingNames turns a variable's path into a checkpoint's key.
var tamingNames = strings.NewReplacer(
	"/model/encoder/quant_conv/", "quant_conv.",
	"/model/encoder/logits/", "quantize.proj.",
	"/model/decoder/post_quant_conv/", "post_quant_conv.",
	"/model/encoder/level", "encoder.down.",
	"/model/decoder/level", "decoder.up.",
	"/mid/block0/", ".mid.block_1.",
	"/mid/attention/", ".mid.attn_1.",
	"/mid/block1/", ".mid.block_2.",
	"/block", ".block.",
	"/attention", ".attn.",
	"/shortcut/", ".nin_shortcut.",
	"sample/", "sample.conv.",
	"/model/", "",
	"/", ".",
)
