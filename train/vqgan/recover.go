package vqgan

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// Files is a trained VQ-GAN as a bundle holds it.
type Files struct {
	Encoder, Decoder []byte // as ExportEncoder and ExportDecoder write them
	Steps            int    // that it was trained
	Hours            float64
	Writer           compute.Backend // an ONNX one, to read them with
	// Augment, if not nil, resamples the tokens [B, h·w] of images with the bundle's
	// prior, in place, in the given number of steps.
	Augment func(tokens []int32, steps int, seed uint64) error
}

// begin fills the store with the weights of o.From. Only the fine-tuning is left to
// do: encoder and codebook, and with them all latents, stay as they are. A decoder
// without DecoderBlocks may go on with them, for they begin as nothing, and one
// without DecoderBottleneck, of which the loudest channels are kept.
func (c Config) begin(store *model.Store, o Options) (Report, error) {
	if c.Finetune.Steps == 0 {
		return Report{}, errors.New("there is nothing to do from there: set vqgan.finetune.steps")
	}
	parts := []struct {
		name string
		read func(m *Model, from *Files) error
	}{
		{"encoder", (*Model).recoverEncoder},
		{"decoder", (*Model).recoverDecoder},
	}
	for _, part := range parts {
		scratch, err := c.source(o, part.read)
		if err != nil {
			return Report{}, fmt.Errorf("read the %s: %w", part.name, err)
		}
		pruned := c.pruned(scratch)
		for v := range scratch.IterVariables() {
			if store.GetVariable(v.Path()) != nil {
				continue // the codebook, which both have
			}
			value, ok := pruned[v.Path()]
			if !ok {
				value = v.MustValue()
			}
			if _, err := store.CreateVariable(v.Path(), value); err != nil {
				return Report{}, fmt.Errorf("read the %s: %w", part.name, err)
			}
		}
	}
	if err := engine.StartAverages(store, "/"+generatorScope); err != nil {
		return Report{}, err
	}
	return Report{
		Step: c.Steps, Earlier: o.From.Steps - c.Steps, Hours: o.From.Hours, TokenAugmentation: c.Finetune.TokenAugmentation > 0 && o.From.Augment != nil,
	}, nil
}

// source is a store with what one part of o.From holds: weights of c, or of a network
// that c may begin as.
func (c Config) source(o Options, read func(m *Model, from *Files) error) (*model.Store, error) {
	sources := []Config{c}
	if len(c.DecoderBlocks) > 0 {
		short := c
		short.DecoderBlocks = nil
		sources = append(sources, short)
	}
	if len(c.DecoderBottleneck) > 0 {
		for _, wide := range sources {
			wide.DecoderBottleneck = nil
			sources = append(sources, wide)
		}
	}
	var err error
	for _, source := range sources {
		var store *model.Store
		if store, err = source.recovered(o, read); !errors.Is(err, engine.ErrOther) {
			return store, err
		}
	}
	return nil, err
}

// recovered is a store with what one part of o.From holds.
func (c Config) recovered(o Options, read func(m *Model, from *Files) error) (*model.Store, error) {
	store := model.NewStore()
	codes := tensors.FromShape(shapes.Make(dtypes.Float32, c.Vocabulary, c.Embedding))
	if _, err := store.CreateVariable(codebookPath, codes); err != nil {
		return nil, err
	}
	return store, read(&Model{Config: c, Size: o.Size, store: store}, o.From)
}

func (m *Model) recoverEncoder(from *Files) error {
	return engine.Recover(from.Writer, m.store, from.Encoder, m.tokens, encoderInputs, encoderOutputs, m.pictureShape())
}

func (m *Model) recoverDecoder(from *Files) error {
	return engine.Recover(from.Writer, m.store, from.Decoder, m.picture, decoderInputs, decoderOutputs, m.latentShape())
}
