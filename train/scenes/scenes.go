// Package scenes draws synthetic landscapes as training data: without downloads and
// licences, but with a structure that a prior has to learn.
//
// An image is made in three steps, each in its own files:
//
//  1. A [class] chooses a [palette] (colours of sky, haze and ground for one height of
//     the sun) and composes a scene (class_*.go).
//  2. A scene is a sky, [layer]s from far to near, and possibly water. A layer is a
//     ridge line (ridge.go, trees.go) with colours.
//  3. The painter goes row by row (paint.go): the gradient and glow of the sky, then
//     each layer, blended by the exact share of the pixel that lies below its ridge,
//     then water, which mirrors what was painted above.
//
// There is one light. The height of the sun sets the palette; its position sets the
// lit side of slopes, the glow in the haze and the reflection on the water. Colours
// of a layer move towards the haze with its distance.
//
// Lengths are relative to the side of the image, 0 to 1, x to the right and y down, so
// that a scene looks the same at any size. Surfaces are smooth and edges are sharp, so
// that a small VQ-GAN can represent the images and a small prior can learn how their
// parts depend on each other.
package scenes

import (
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
)

// Limits of the side of an image in pixels, for [Draw].
const (
	MinSize = 16
	MaxSize = 8192
)

// A class is a kind of landscape with its own palettes and composition.
type class struct {
	name     string
	palettes []palette // from the lowest sun to the highest
	compose  func(*composer)
}

var classes = []class{
	{"alpine", alpinePalettes, composeAlpine},
	{"dunes", dunesPalettes, composeDunes},
	{"ocean", oceanPalettes, composeOcean},
	{"forest", forestPalettes, composeForest},
	{"canyon", canyonPalettes, composeCanyon},
	{"meadow", meadowPalettes, composeMeadow},
	{"arctic", arcticPalettes, composeArctic},
	{"night", nightPalettes, composeNight},
}

// Classes returns the names of the classes. Their indices identify them.
func Classes() []string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.name
	}
	return names
}

// Draw paints one landscape of size×size pixels. The same class, seed and size give the
// same bytes on the same kind of processor; another size gives the same scene. It panics
// if class is not in [0, len(Classes())) or size is not in [MinSize, MaxSize]; user
// input is checked by [Options.Check].
func Draw(class int, seed uint64, size int) *image.RGBA {
	if class < 0 || class >= len(classes) {
		panic(fmt.Sprintf("scenes: no class %d: there are %d (%s)", class, len(classes), strings.Join(Classes(), ", ")))
	}
	if size < MinSize || size > MaxSize {
		panic(fmt.Sprintf("scenes: size %d: want %d to %d", size, MinSize, MaxSize))
	}
	c := classes[class]
	k := newComposer(rand.New(rand.NewPCG(seed, uint64(class)+1)), c.palettes)
	c.compose(k)
	return paint(&k.scene, size)
}
