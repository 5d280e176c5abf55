package train

import (
	"sundae/internal/bundle"
	"sundae/train/prior"
	"sundae/train/vqgan"
)

// Start is what a network's training starts from: Random or Pretrained.
type Start interface{ start() }

// Random starts from random weights.
type Random struct{}

// Pretrained starts from the weights of a model bundle.
type Pretrained struct{ Bundle *bundle.Bundle }

func (Random) start()     {}
func (Pretrained) start() {}

// vqgan is the bundle's VQ-GAN.
func (p Pretrained) vqgan() *vqgan.Pretrained {
	record := p.Bundle.Manifest.Training
	return &vqgan.Pretrained{
		Encoder: p.Bundle.Model(bundle.EncoderFile), Decoder: p.Bundle.Model(bundle.DecoderFile),
		Steps: record.Steps["vqgan"], Hours: record.Hours["vqgan"],
	}
}

// prior is the bundle's prior.
func (p Pretrained) prior() *prior.Pretrained {
	record := p.Bundle.Manifest.Training
	return &prior.Pretrained{ONNX: p.Bundle.Model(bundle.PriorFile), Steps: record.Steps["prior"], Hours: record.Hours["prior"]}
}
