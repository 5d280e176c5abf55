package vqgan

import (
	"fmt"

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

	vectors *tensors.Tensor // [M, E] the encoder's outputs, for restarts
}

// newStep compiles one optimizer step. adversarial chooses between the two
// phases: reconstruction alone, and with the discriminator.
func (c Config) newStep(backend compute.Backend, store *model.Store, adversarial bool) (func(crops *tensors.Tensor, rate, decay float64) (stepReport, error), error) {
	optimizer := engine.AdamW{Beta1: 0.9, Beta2: 0.99, Clip: c.Clip}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes, rate, decay *Node) (*Node, *Node) {
		scope.Store().SetTraining(bytes.Graph(), true)
		x := pixels(bytes)
		zero := ScalarZero(x.Graph(), x.DType())
		p := c.reconstruct(scope.In(generatorScope), x)
		reconstruction := c.Loss.reconstructionLoss(x, p.x)
		loss := Add(reconstruction, MulScalar(p.commitment, c.Loss.Commitment))
		fool, judge := zero, zero
		if adversarial {
			fool, judge = c.Discriminator.adversarial(scope, x, p, reconstruction)
			loss = Add(loss, fool)
		}
		norm := optimizer.Update(scope.At(generatorScope), loss, rate)
		if adversarial {
			ratio := c.Discriminator.LearningRate / c.LearningRate
			optimizer.Update(scope.At(discriminatorScope), judge, MulScalar(rate, ratio))
		}
		c.followEncoder(scope.Store(), p)
		engine.Average(scope.At(generatorScope), decay)

		shown := ClipScalar(p.x, -1, 1)
		l1 := ReduceAllMean(Abs(Sub(shown, x)))
		mse := ReduceAllMean(Square(Sub(shown, x)))
		return Stack([]*Node{loss, l1, mse, p.commitment, fool, judge, norm}, 0), p.z
	})
	if err != nil {
		return nil, fmt.Errorf("build the VQ-GAN's training step: %w", err)
	}
	return func(crops *tensors.Tensor, rate, decay float64) (stepReport, error) {
		out, err := exec.Exec(crops, float32(rate), float32(decay))
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
