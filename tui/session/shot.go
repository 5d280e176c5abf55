package session

import (
	"image"
	"slices"
	"sync"

	"sundae/internal/picture"
	"sundae/sampler"
)

// Shot is one sample at one step, with the lane it comes from.
type Shot struct {
	Run, Index int // the run and the number of its lane; 0 where that run is gone
	Lane       Lane
	Sample     int
	Step       int
	Base       *Base // the image that is inpainted; nil without
}

// Tokens returns the sample's tokens.
func (s Shot) Tokens() []uint16 { return s.Lane.Frames[s.Step].Tokens[s.Sample] }

// At returns the same sample at another step; a lane that ended earlier stays at its end.
func (s Shot) At(step int) Shot {
	s.Step = min(step, s.Lane.Last())
	return s
}

// Base is an image of which a part is inpainted.
type Base struct {
	Name   string
	Tokens []uint16
	Image  *image.RGBA // has the model's size
	Pixels *image.Gray // the mask: 255 is inpainted, 0 is kept
	Mask   *sampler.Mask
	Rule   sampler.Rule // by which Mask follows from Pixels

	region func() *image.Gray
}

// NewBase returns a base. None of the arguments may change afterwards.
func NewBase(name string, tokens []uint16, img *image.RGBA, pixels *image.Gray, mask *sampler.Mask, rule sampler.Rule) *Base {
	return &Base{
		Name: name, Tokens: tokens, Image: img, Pixels: pixels, Mask: mask, Rule: rule,
		region: sync.OnceValue(func() *image.Gray { return mask.Region(pixels) }),
	}
}

// Composite copies the pixels that are kept from the image over a sample, blending over feather pixels. It may be called
// from any goroutine.
func (b *Base) Composite(sample *image.RGBA, feather float64) *image.RGBA {
	return picture.Compose(b.Image, sample, b.region(), feather)
}

// origin returns what n samples start from: the base's tokens, or noise without a base.
func (b *Base) origin(n int) sampler.Origin {
	if b == nil {
		return sampler.Noise{}
	}
	return sampler.Inpainting{Tokens: slices.Repeat([][]uint16{b.Tokens}, n), Mask: b.Mask}
}
