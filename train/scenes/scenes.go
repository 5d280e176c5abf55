// Package scenes draws landscapes to train on: no download, no licence, no
// camera, and yet pictures with the structure that a prior has to learn.
//
// A picture is made in three steps, each in its own files:
//
//  1. A [class] is a place: it picks a [mood] (sky, haze and ground colours that
//     belong to one height of the sun) and composes a scene (class_*.go).
//  2. A scene is a sky, [layer]s from far to near, and perhaps a sheet of water.
//     Each layer is a ridge line (ridge.go, trees.go) with its colours.
//  3. The painter goes row by row (paint.go): the sky's gradient and glow, then
//     each layer over it by the exact share of the pixel that lies under its
//     ridge, then water as the mirror of what was painted above.
//
// One light rules a picture. The sun's height chooses the palette, its place
// the lit side of every slope, the glow on the haze and the glitter on the water.
// Distance is haze: a layer's colours move towards the haze as it recedes.
//
// All lengths are in picture sides, 0 to 1, x to the right and y down, so that a
// scene looks the same at any size. Surfaces are smooth and edges sharp on
// purpose: a small VQ-GAN can hold such pictures, and a small prior can learn
// how their parts depend on one another.
package scenes

import (
	"fmt"
	"image"
	"math/rand/v2"
	"strings"
)

// Sizes that [Draw] takes, in pixels a side.
const (
	MinSize = 16
	MaxSize = 8192
)

// A class is a kind of place with its own palettes and composition.
type class struct {
	name    string
	moods   []mood // from the lowest sun to the highest
	compose func(*composer)
}

var classes = []class{
	{"alpine", alpineMoods, composeAlpine},
	{"dunes", dunesMoods, composeDunes},
	{"ocean", oceanMoods, composeOcean},
	{"forest", forestMoods, composeForest},
	{"canyon", canyonMoods, composeCanyon},
	{"meadow", meadowMoods, composeMeadow},
	{"arctic", arcticMoods, composeArctic},
	{"night", nightMoods, composeNight},
}

// Classes returns the names of the classes; a class is its place in this list.
func Classes() []string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = c.name
	}
	return names
}

// Draw paints one landscape of size x size pixels. The same class, seed and
// size give the same bytes on the same kind of processor; another size gives
// the same scene. It panics when class isn't in [0, len(Classes())) or size not
// in [MinSize, MaxSize]: see [Options] for settings that come from people.
func Draw(class int, seed uint64, size int) *image.RGBA {
	if class < 0 || class >= len(classes) {
		panic(fmt.Sprintf("scenes: no class %d: there are %d (%s)", class, len(classes), strings.Join(Classes(), ", ")))
	}
	if size < MinSize || size > MaxSize {
		panic(fmt.Sprintf("scenes: size %d: want %d to %d", size, MinSize, MaxSize))
	}
	c := classes[class]
	k := newComposer(rand.New(rand.NewPCG(seed, uint64(class)+1)), c.moods)
	c.compose(k)
	return paint(&k.scene, size)
}
