package published

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"

	"sundae/internal/onnxfile"
	"sundae/train/recipe"
	"sundae/train/tokenizer"
)

// greyLevels are the tokens of a prior without a VQ-GAN: the author's priors of MNIST and data
// sets like it, in which a token is the grey level of a pixel.
type greyLevels struct {
	tokenizer.Pixels
	pixels, levels int // side of the pictures, and number of levels
}

// maxLevels is the number of grey levels of a byte.
const maxLevels = 256

// newGreyLevels takes the number of pixels and levels from the prior.
func newGreyLevels(p *publishedPrior) (greyLevels, error) {
	c := p.config
	side := int(math.Round(math.Sqrt(float64(c.Tokens))))
	switch {
	case c.Vocabulary > maxLevels:
		return greyLevels{}, fmt.Errorf("the prior %s is for %d codes, which can't be grey levels: give its VQ-GAN by --vqgan and --vqgan-config", p.file, c.Vocabulary)
	case c.Tokens == 0:
		return greyLevels{}, fmt.Errorf("the weights in %s don't say for how many pixels they are: give the prior's TOML by --prior-config, with data.sequence_length", p.file)
	case side*side != c.Tokens || side < minSide || side > maxSide:
		return greyLevels{}, fmt.Errorf("the prior %s is for %d tokens, which are not the pixels of a square picture of %d to %d: give its VQ-GAN by --vqgan and --vqgan-config", p.file, c.Tokens, minSide, maxSide)
	}
	return greyLevels{tokenizer.NewPixels(side, c.Vocabulary), side, c.Vocabulary}, nil
}

// A picture whose pixels are tokens has at least the side of the smallest recipe's, and no more
// tokens than a large latent.
const minSide, maxSide = 8, 256

func (g greyLevels) name() string {
	return fmt.Sprintf("a picture of %d×%d pixels", g.pixels, g.pixels)
}
func (g greyLevels) size() int       { return g.pixels }
func (g greyLevels) side() int       { return g.pixels }
func (g greyLevels) vocabulary() int { return g.levels }

func (g greyLevels) recipe() (recipe.Recipe, error) {
	r, err := recipe.Open("mnist")
	r.Image.Size, r.Levels = g.pixels, g.levels
	return r, err
}

func (g greyLevels) export(writer compute.Backend) (encoder, decoder onnxfile.File, err error) {
	return g.Export(writer)
}

func (g greyLevels) onRead(func(elements int)) {} // it has no weights
func (g greyLevels) close()                    {}
