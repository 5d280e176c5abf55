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
	"sundae/train/vqgan/lpips"
)

// Where the networks keep their variables.
const (
	generatorScope     = "model"
	discriminatorScope = "discriminator"
	decoderPath        = "/" + generatorScope + "/decoder"
)

// phase is a part of the training with its own objective.
type phase int

const (
	continuous  phase = iota // an autoencoder without the codebook
	discrete                 // with the codebook
	adversarial              // with the discriminator as well
	finetuning               // the decoder alone, against the discriminator
	phases                   // how many there are
)

// phaseAt is the phase of a step (0-based).
func (c Config) phaseAt(step int) phase {
	switch {
	case step >= c.Steps:
		return finetuning
	case step < c.Codebook.Start:
		return continuous
	case c.Discriminator.used() && step >= c.Discriminator.Start:
		return adversarial
	}
	return discrete
}

// pass is the result of one batch of images in the autoencoder.
type pass struct {
	z          *Node     // [B, N, E] encoder outputs, one row per token
	quantized  quantized // zero without the codebook
	x          *Node     // [B, 3, S, S] reconstruction
	last       *Node     // weight of the decoder's last convolution
	commitment *Node     // scalar, mean (z - sg[code])²
	codebook   *Node     // scalar, the same value as mean (sg[z] - code)², which moves the codes
	kl         *Node     // scalar, of a Gumbel quantizer that is trained
}

// reconstruct runs images x [B, 3, S, S] through encoder, codebook and decoder, with
// the straight-through gradient. Without the codebook the decoder gets the encoder's
// outputs themselves. gumbel, if there is any, is the noise and the temperature by which a
// Gumbel quantizer draws codes.
func (c Config) reconstruct(scope *model.Scope, x *Node, codebook bool, gumbel []*Node) pass {
	encoder := scope.In("encoder")
	latent := c.Encode(encoder, x) // [B, E, h, w]
	h, w := latent.Shape().Dim(2), latent.Shape().Dim(3)
	zero := ScalarZero(x.Graph(), x.DType())
	p := pass{z: toRows(latent), commitment: zero, codebook: zero, kl: zero}
	decoderInput := p.z // [B, N, E]
	switch {
	case gumbel != nil:
		codes := c.codes(scope.Store(), x.Graph()).NodeValue(x.Graph())
		p.quantized, p.kl = drawCodes(c.codeLogits(encoder, p.z), gumbel[0], gumbel[1], codes)
		decoderInput = p.quantized.vectors
	case codebook:
		codes := c.codes(scope.Store(), x.Graph()).NodeValue(x.Graph())
		p.quantized = quantize(p.z, codes, c.choose(encoder, StopGradient(p.z), StopGradient(codes)))
		p.commitment = ReduceAllMean(Square(Sub(p.z, StopGradient(p.quantized.vectors))))
		p.codebook = ReduceAllMean(Square(Sub(StopGradient(p.z), p.quantized.vectors)))
		decoderInput = straightThrough(p.z, p.quantized.vectors)
	}
	p.x, p.last = c.Decode(scope.In("decoder"), toGrid(decoderInput, h, w))
	return p
}

// toFloat turns bytes [B, S, S, 3] into images [B, 3, S, S] in [-1, 1].
func toFloat(bytes *Node) *Node {
	x := TransposeAllDims(ConvertDType(bytes, dtypes.Float32), 0, 3, 1, 2) // [B, 3, S, S]
	return AddScalar(MulScalar(x, 1/127.5), -1)
}

// stepResult is what one optimizer step reports.
type stepResult struct {
	Loss, L1, PSNR, Commitment, Adversarial, Discriminator, Norm float64

	vectors *tensors.Tensor // [B, N, E] the encoder's outputs, for restarts
}

// trainStep runs one optimizer step on crops, bytes [B, S, S, 3], and frees them. If
// the step was compiled for tokens, int32 [B, h·w], it decodes those instead of the
// encoder's outputs; augmented tells that they differ from the encoder's, so that
// with a discriminator only patchLoss applies. gumbel is nil unless samplesCodes says that the
// step draws codes.
type trainStep func(crops *tensors.Tensor, tokens []int32, augmented bool, gumbel *gumbelDraw, rate, decay float64) (stepResult, error)

// samplesCodes reports whether the steps of a phase draw codes with a Gumbel quantizer.
func (c Config) samplesCodes(phase phase) bool {
	return c.Quantizer == Gumbel && (phase == discrete || phase == adversarial)
}

// newStep compiles one optimizer step of a phase, with the perceptual loss unless that is
// nil, and with or without tokens as input.
func (c Config) newStep(backend compute.Backend, store *model.Store, perceptual *lpips.Network, phase phase, fromTokens bool) (trainStep, error) {
	adamw := engine.AdamW{Beta1: 0.9, Beta2: 0.99, Clip: c.Clip}
	if len(c.Betas) == 2 {
		adamw.Beta1, adamw.Beta2 = c.Betas[0], c.Betas[1]
	}
	update := adamw.Update
	if c.Optimizer == "muon" {
		update = engine.Muon{Momentum: 0.95, Moves: isLevelKernel, Rest: adamw}.Update
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, in []*Node) (*Node, *Node) {
		bytes, rate, decay, in := in[0], in[1], in[2], in[3:]
		var tokens, augmented *Node
		if fromTokens {
			tokens, augmented, in = in[0], in[1], in[2:]
		}
		var gumbel []*Node
		if c.samplesCodes(phase) {
			gumbel, in = in[:2], in[2:]
		}
		scope.Store().SetTraining(bytes.Graph(), true)
		x := toFloat(bytes)
		zero := ScalarZero(x.Graph(), x.DType())
		d := c.Discriminator
		trained, ratio := scope.At(generatorScope), d.LearningRate/c.LearningRate
		if phase == finetuning {
			trained, ratio = scope.Store().Scope(decoderPath), d.LearningRate/c.Finetune.LearningRate
			d.Weight = c.Finetune.Weight
		}

		// Forward.
		var p pass
		if fromTokens {
			p = c.decodeTokens(scope.In(generatorScope), tokens)
		} else {
			p = c.reconstruct(scope.In(generatorScope), x, phase != continuous, gumbel)
		}
		reconstruction := c.Loss.reconstructionLoss(x, p.x, c.Stem)
		if perceptual != nil {
			distance := ReduceAllMean(lpips.Distance(in, x, p.x))
			reconstruction = Add(reconstruction, MulScalar(distance, c.Loss.Perceptual.weight()))
		}
		if fromTokens && d.Weight > 0 {
			reconstruction = Where(augmented, c.Loss.patchLoss(x, p.x, c.Factor()), reconstruction)
		}
		loss := Add(reconstruction, Add(MulScalar(p.commitment, c.Loss.Commitment), MulScalar(p.codebook, c.Loss.Codebook)))
		if gumbel != nil {
			loss = Add(loss, MulScalar(p.kl, c.Gumbel.weight()))
		}
		generator, discriminator := zero, zero
		if (phase == adversarial || phase == finetuning) && d.Weight > 0 {
			generator, discriminator = d.adversarial(scope, x, p, reconstruction)
			loss = Add(loss, generator)
		}

		// Backward and update.
		norm := update(trained, loss, rate)
		if discriminator != zero {
			adamw.Update(scope.At(discriminatorScope), discriminator, MulScalar(rate, ratio))
		}
		if phase == discrete || phase == adversarial {
			if c.Codebook.Training == byGradient {
				adamw.Update(scope.At(codebookScope), loss, rate)
			} else {
				c.updateCodebook(scope.Store(), p.quantized)
			}
		}
		if c.EMA > 0 {
			engine.UpdateEMA(trained, decay)
		}

		clipped := ClipScalar(p.x, -1, 1)
		l1 := ReduceAllMean(Abs(Sub(clipped, x)))
		mse := ReduceAllMean(Square(Sub(clipped, x)))
		return Stack([]*Node{loss, l1, mse, p.commitment, generator, discriminator, norm}, 0), p.z
	})
	if err != nil {
		return nil, fmt.Errorf("build the VQ-GAN's training step: %w", err)
	}
	return func(crops *tensors.Tensor, tokens []int32, augmented bool, gumbel *gumbelDraw, rate, decay float64) (stepResult, error) {
		defer crops.FinalizeAll()
		in := []any{crops, float32(rate), float32(decay)}
		if fromTokens {
			side := c.Crop / c.Factor()
			in = append(in, tensors.FromFlatDataAndDimensions(tokens, c.Batch, side, side), augmented)
		}
		if gumbel != nil {
			defer gumbel.noise.FinalizeAll()
			in = append(in, gumbel.noise, gumbel.temperature)
		}
		if perceptual != nil {
			for _, weight := range perceptual.Inputs() {
				in = append(in, weight)
			}
		}
		out, err := exec.Exec(in...)
		if err != nil {
			return stepResult{}, fmt.Errorf("run the VQ-GAN's training step: %w", err)
		}
		v := tensors.MustCopyFlatData[float32](out[0])
		return stepResult{
			Loss: float64(v[0]), L1: float64(v[1]) / 2, PSNR: psnr(float64(v[2])), Commitment: float64(v[3]),
			Adversarial: float64(v[4]), Discriminator: float64(v[5]), Norm: float64(v[6]), vectors: out[1],
		}, nil
	}, nil
}

// isLevelKernel reports whether a variable is the kernel of a convolution inside a
// level: those are Muon's. The layers before and after map to images or codes.
func isLevelKernel(v *model.Variable) bool {
	path := v.Path()
	return v.Name() == "weight" && strings.Contains(path, "/level") && !strings.Contains(path, "/norm")
}
