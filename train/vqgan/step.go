package vqgan

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// pixels turns bytes [B, S, S, 3] into pictures [B, 3, S, S] over [-1, 1].
func pixels(bytes *Node) *Node {
	x := TransposeAllDims(ConvertDType(bytes, dtypes.Float32), 0, 3, 1, 2)
	return AddScalar(MulScalar(x, 1/127.5), -1)
}

// stepReport is what one optimizer step tells.
type stepReport struct {
	Loss, L1, PSNR, Commitment, Adversarial, Discriminator, Norm float64

	vectors *tensors.Tensor // [B, N, E] the encoder's outputs, for restarts
}

// phase is a stretch of the training with an objective of its own.
type phase int

const (
	continuous  phase = iota // an autoencoder without the codebook
	quantized                // through the codebook
	adversarial              // and against the discriminator
	sharpening               // the decoder alone, against the discriminator
	phases                   // how many there are
)

// phaseAt is the phase of a step (0-based).
func (c Config) phaseAt(step int) phase {
	switch {
	case step >= c.Steps:
		return sharpening
	case step < c.Codebook.Start:
		return continuous
	case c.Discriminator.Start > 0 && step >= c.Discriminator.Start:
		return adversarial
	}
	return quantized
}

// isKernel reports whether a variable is the kernel of a convolution inside a level. Those
// before and after stand between pictures, or codes, and the levels' channels.
func isKernel(v *model.Variable) bool {
	return v.Name() == "weight" && strings.Contains(v.Path(), "/level")
}

// trainStep runs one optimizer step on crops [B, S, S, 3], bytes, and frees them.
// A step that is given tokens decodes those, int32 [B, h·w], instead of the encoder's;
// where they were drawn anew, they say only what the picture is like, and with a
// discriminator to say the rest it is held to no more than that.
type trainStep func(crops *tensors.Tensor, tokens []int32, anew bool, rate, decay float64) (stepReport, error)

// newStep compiles one optimizer step of a phase, which is given tokens or not.
func (c Config) newStep(backend compute.Backend, store *model.Store, phase phase, given bool) (trainStep, error) {
	adamw := engine.AdamW{Beta1: 0.9, Beta2: 0.99, Clip: c.Clip}
	update := adamw.Update
	if c.Optimizer == "muon" {
		update = engine.Muon{Momentum: 0.95, Moves: isKernel, Rest: adamw}.Update
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) (*Node, *Node) {
		bytes, rate, decay := in[0], in[1], in[2]
		scope.Store().SetTraining(bytes.Graph(), true)
		x := pixels(bytes)
		zero := ScalarZero(x.Graph(), x.DType())
		d := c.Discriminator
		learning, ratio := scope.At(generatorScope), d.LearningRate/c.LearningRate
		if phase == sharpening {
			learning, ratio = scope.Store().Scope(decoderPath), d.LearningRate/c.Sharpen.LearningRate
			d.Weight = c.Sharpen.Weight
		}
		var p pass
		if given {
			p = c.decodeTokens(scope.In(generatorScope), in[3])
		} else {
			p = c.reconstruct(scope.In(generatorScope), x, phase != continuous)
		}
		reconstruction := c.Loss.reconstructionLoss(x, p.x, c.Stem)
		if given && d.Weight > 0 {
			reconstruction = Where(in[4], c.Loss.likenessLoss(x, p.x, c.Factor()), reconstruction)
		}
		loss := Add(reconstruction, MulScalar(p.commitment, c.Loss.Commitment))
		fool, judge := zero, zero
		if (phase == adversarial || phase == sharpening) && d.Weight > 0 {
			fool, judge = d.adversarial(scope, x, p, reconstruction)
			loss = Add(loss, fool)
		}
		norm := update(learning, loss, rate)
		if judge != zero {
			adamw.Update(scope.At(discriminatorScope), judge, MulScalar(rate, ratio))
		}
		if phase == quantized || phase == adversarial {
			c.followEncoder(scope.Store(), p)
		}
		engine.UpdateEMA(learning, decay)

		shown := ClipScalar(p.x, -1, 1)
		l1 := ReduceAllMean(Abs(Sub(shown, x)))
		mse := ReduceAllMean(Square(Sub(shown, x)))
		return Stack([]*Node{loss, l1, mse, p.commitment, fool, judge, norm}, 0), p.z
	})
	if err != nil {
		return nil, fmt.Errorf("build the VQ-GAN's training step: %w", err)
	}
	return func(crops *tensors.Tensor, tokens []int32, anew bool, rate, decay float64) (stepReport, error) {
		defer crops.FinalizeAll()
		in := []any{crops, float32(rate), float32(decay)}
		if given {
			side := c.Crop / c.Factor()
			in = append(in, tensors.FromFlatDataAndDimensions(tokens, c.Batch, side, side), anew)
		}
		out, err := exec.Exec(in...)
		if err != nil {
			return stepReport{}, fmt.Errorf("run the VQ-GAN's training step: %w", err)
		}
		v := tensors.MustCopyFlatData[float32](out[0])
		return stepReport{
			Loss: float64(v[0]), L1: float64(v[1]) / 2, PSNR: psnr(float64(v[2])), Commitment: float64(v[3]),
			Adversarial: float64(v[4]), Discriminator: float64(v[5]), Norm: float64(v[6]), vectors: out[1],
		}, nil
	}, nil
}
