package vqgan

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
)

// Pretrained is the VQ-GAN of a model bundle.
type Pretrained struct {
	Encoder, Decoder onnxfile.Model // the files that ExportEncoder and ExportDecoder write
	Steps            int            // training steps so far
	Hours            float64        // training time so far
	// All trains encoder and codebook further as well. Otherwise only the decoder is fine-tuned,
	// and latents stay valid.
	All bool
	// Augment, if not nil, resamples the tokens [B, h·w] of pictures in place, by the given
	// number of last sampling steps of the bundle's prior.
	Augment func(tokens []int32, steps int, seed uint64) error
}

// begin fills the store with the weights of o.From. Without o.From.All only the fine-tuning
// of the decoder is left to do.
func (c Config) begin(store *model.Store, o Options) (Report, error) {
	if c.Finetune.Steps == 0 && !o.From.All {
		return Report{}, errors.New("a pretrained VQ-GAN is only fine-tuned: set vqgan.finetune.steps, or train encoder and codebook as well with --all")
	}
	encoder, err := c.loadEncoder(o.From.Encoder, o.Size, o.Backend)
	if err != nil {
		return Report{}, fmt.Errorf("read the encoder: %w", err)
	}
	decoder, err := c.loadDecoder(o.From.Decoder, o.Size, o.Backend)
	if err != nil {
		return Report{}, fmt.Errorf("read the decoder: %w", err)
	}
	for _, weights := range []*model.Store{encoder, decoder} {
		for v := range weights.IterVariables() {
			if store.GetVariable(v.Path()) != nil {
				continue // the codebook, which is in both
			}
			if _, err := store.CreateVariable(v.Path(), v.MustValue()); err != nil {
				return Report{}, fmt.Errorf("copy the weights: %w", err)
			}
		}
	}
	if c.EMA > 0 {
		if err := engine.StartEMA(store, "/"+generatorScope); err != nil {
			return Report{}, err
		}
	}
	if o.From.All {
		r := Report{Earlier: o.From.Steps, Hours: o.From.Hours, Continued: true}
		if c.Codebook.Training == byGradient {
			return r, nil // the codes alone
		}
		return r, c.setEvenCodebook(store, tensors.MustCopyFlatData[float32](store.GetVariable(codebookPath).MustValue()))
	}
	return Report{
		Step: c.Steps, Earlier: o.From.Steps - c.Steps, Hours: o.From.Hours, TokenAugmentation: c.Finetune.TokenAugmentation > 0 && o.From.Augment != nil,
	}, nil
}

// loadEncoder reads the weights of encoder.onnx for pictures of the given size.
func (c Config) loadEncoder(file onnxfile.Model, size int, backend compute.Backend) (*model.Store, error) {
	network, err := c.declare(backend, func(scope *model.Scope, g *Graph) {
		m := &Model{Config: c, Size: size}
		m.tokens(scope, Parameter(g, "image", m.pictureShape()))
	})
	if err != nil {
		return nil, err
	}
	var absent []string
	if c.Quantizer == Gumbel {
		absent = append(absent, "/"+codebookScope) // the encoder doesn't look at the codes
	}
	store := model.NewStore()
	_, err = engine.LoadONNX(store, file, network, absent...)
	return store, err
}

// loadDecoder reads the weights of decoder.onnx. The recipe may add residual blocks
// (DecoderBlocks), which start as identities, and may prune the channels
// inside the blocks (DecoderBottleneck).
func (c Config) loadDecoder(file onnxfile.Model, size int, backend compute.Backend) (*model.Store, error) {
	store, err := c.loadUnprunedDecoder(file, size, backend)
	var mismatch *engine.MismatchError
	if !errors.As(err, &mismatch) || len(c.DecoderBottleneck) == 0 {
		return store, err
	}
	wide := c
	wide.DecoderBottleneck = nil
	wideStore, wideErr := wide.loadUnprunedDecoder(file, size, backend)
	if wideErr != nil {
		return nil, err // the recipe's own network says more
	}
	pruned := c.pruned(wideStore)
	store = model.NewStore()
	for v := range wideStore.IterVariables() {
		value, ok := pruned[v.Path()]
		if !ok {
			value = v.MustValue()
		}
		if _, err := store.CreateVariable(v.Path(), value); err != nil {
			return nil, err
		}
	}
	return store, nil
}

func (c Config) loadUnprunedDecoder(file onnxfile.Model, size int, backend compute.Backend) (*model.Store, error) {
	network, err := c.declare(backend, func(scope *model.Scope, g *Graph) {
		m := &Model{Config: c, Size: size}
		m.picture(scope, Parameter(g, "tokens", m.latentShape()))
	})
	if err != nil {
		return nil, err
	}
	var added []string
	for level := range c.Multipliers {
		for block := c.Blocks; block < c.decoderBlocks(level); block++ {
			added = append(added, fmt.Sprintf("%s/level%d/block%d", decoderPath, level, block))
		}
	}
	store := model.NewStore()
	_, err = engine.LoadONNX(store, file, network, added...)
	return store, err
}

// continued is the configuration of a run that starts with a trained codebook.
func (c Config) continued() Config {
	c.Codebook.Start = -1
	return c
}

// declare builds a network that looks up the codebook.
func (c Config) declare(backend compute.Backend, build func(scope *model.Scope, g *Graph)) (*model.Store, error) {
	store := model.NewStore()
	codes := tensors.FromShape(shapes.Make(dtypes.Float32, c.Vocabulary, c.Embedding))
	if _, err := store.CreateVariable(codebookPath, codes); err != nil {
		return nil, err
	}
	return engine.Declare(backend, store, build)
}
