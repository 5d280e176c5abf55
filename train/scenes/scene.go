package scenes

import "math/rand/v2"

// A scene describes an image before it is painted.
type scene struct {
	sky   sky
	back  []layer // far to near; mirrored in the water
	water *water  // nil: none
	front []layer // in front of the water, far to near
}

// A layer is the ground below one ridge line.
type layer struct {
	line       ridge
	peaks      []peak // none: the whole layer is lit
	lit, shade rgb    // with the haze of its distance mixed in
	snow       *snow  // nil: none
	bands      *bands // nil: none
	glow       float32
	mist       rgb     // colour of the layer towards its foot
	mistShare  float32 // share of the mist at the foot, 0 to 1
	crest      float32 // y where the mist begins
	foot       float32 // y where it is densest
	end        float32 // y where the layer ends; 0: at the lower edge of the image
}

// snow lies on a layer above a line.
type snow struct {
	line       ridge
	lit, shade rgb
}

// bands are the horizontal strata of a rock face.
type bands struct {
	colour rgb
	edges  []float32 // ys at which the colour changes, ascending
	share  float32
}

// A composer makes one scene: first the light, then the landscape.
type composer struct {
	scene
	rng     *rand.Rand
	palette palette
	height  float32 // of the sun, 0 to 1
}

func newComposer(rng *rand.Rand, palettes []palette) *composer {
	k := &composer{rng: rng}
	k.height = rng.Float32()
	k.palette = paletteAt(palettes, k.height, rng)
	side := float32(1)
	if rng.IntN(2) == 0 {
		side = -1
	}
	k.sky = sky{
		top: k.palette.top, mid: k.palette.mid, low: k.palette.low, glow: k.palette.glow,
		sunX: 0.5 + side*k.between(0.06, 0.36), light: side,
	}
	return k
}

func (k *composer) between(a, b float32) float32 { return a + (b-a)*k.rng.Float32() }

// chance is true with probability p.
func (k *composer) chance(p float32) bool { return k.rng.Float32() < p }

// placeSun places the sun's disc of radius r at its height above the horizon.
func (k *composer) placeSun(horizon, r float32) {
	k.sky.horizon = horizon
	k.sky.sunY = horizon - 0.03 - (horizon-0.14)*(0.12+0.8*k.height)
	k.sky.sunR = r * (1.25 - 0.5*k.height)
	k.sky.glowShare = 0.95 - 0.35*k.height
	k.sky.glowWide = 0.42 - 0.14*k.height
	k.sky.disc = mix(k.palette.glow, rgb{1, 1, 1}, 0.25+0.3*k.height)
}

// land is a layer at distance z, from 0 (at the viewer) to 1 (hidden by haze). crest is
// the y of the highest point of its ridge, foot the y where the next layer covers it.
func (k *composer) land(line ridge, peaks []peak, z, crest, foot float32) layer {
	return layer{
		line: line, peaks: peaks,
		lit: mix(k.palette.lit, k.palette.haze, z), shade: mix(k.palette.shade, k.palette.haze, z),
		glow: 0.65 * z, crest: crest, foot: foot,
		mist: mix(k.palette.haze, k.palette.low, 0.4*z), mistShare: 0.1 + 0.65*z,
	}
}

// flat is a layer of one colour that fades with distance, for trees and far hills.
func (k *composer) flat(line ridge, c rgb, z, crest, foot float32) layer {
	l := k.land(line, nil, z, crest, foot)
	l.lit = mix(c, k.palette.haze, z)
	return l
}

// lerpAt interpolates for layer i of n, from a (first) to b (last).
func lerpAt(i, n int, a, b float32) float32 {
	if n < 2 {
		return b
	}
	return a + (b-a)*float32(i)/float32(n-1)
}
