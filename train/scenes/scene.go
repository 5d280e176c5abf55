package scenes

import "math/rand/v2"

// A scene is a picture before it is painted.
type scene struct {
	sky   sky
	back  []layer // far to near; what water mirrors
	water *water  // nil: none
	front []layer // this side of the water, far to near
}

// A layer is the land below one ridge line.
type layer struct {
	line       ridge
	peaks      []peak // none: the whole layer is lit
	lit, shade rgb    // haze of its distance already mixed in
	snow       *snow  // nil: none
	bands      *bands // nil: none
	glow       float32
	mist       rgb     // what the layer turns into towards its foot
	mistShare  float32 // how much of it is left of that at the foot, 0 to 1
	crest      float32 // y where the mist begins
	foot       float32 // y where it is thickest
	end        float32 // y where the layer stops; 0: it goes down to the lower edge
}

// snow lies on a layer above a line.
type snow struct {
	line       ridge
	lit, shade rgb
}

// bands are the level strata of a rock face.
type bands struct {
	colour rgb
	edges  []float32 // ys at which the rock changes, ascending
	share  float32
}

// A composer makes one scene: the light first, then the place.
type composer struct {
	scene
	rng    *rand.Rand
	m      mood
	height float32 // the sun's, 0 to 1
}

func newComposer(rng *rand.Rand, moods []mood) *composer {
	k := &composer{rng: rng}
	k.height = rng.Float32()
	k.m = moodAt(moods, k.height, rng)
	side := float32(1)
	if rng.IntN(2) == 0 {
		side = -1
	}
	k.sky = sky{
		top: k.m.top, mid: k.m.mid, low: k.m.low, glow: k.m.glow,
		sunX: 0.5 + side*k.between(0.06, 0.36), light: side,
	}
	return k
}

func (k *composer) between(a, b float32) float32 { return a + (b-a)*k.rng.Float32() }

// chance is true with probability p.
func (k *composer) chance(p float32) bool { return k.rng.Float32() < p }

// sun places the sun's disc: at its height above the horizon, of radius r.
func (k *composer) sun(horizon, r float32) {
	k.sky.horizon = horizon
	k.sky.sunY = horizon - 0.03 - (horizon-0.14)*(0.12+0.8*k.height)
	k.sky.sunR = r * (1.25 - 0.5*k.height)
	k.sky.glowShare = 0.95 - 0.35*k.height
	k.sky.glowWide = 0.42 - 0.14*k.height
	k.sky.disc = mix(k.m.glow, rgb{1, 1, 1}, 0.25+0.3*k.height)
}

// land is a layer at distance z: 0 at one's feet, 1 lost in haze. Its crest is
// where its ridge is highest, its foot where the next layer will cover it.
func (k *composer) land(line ridge, peaks []peak, z, crest, foot float32) layer {
	return layer{
		line: line, peaks: peaks,
		lit: mix(k.m.lit, k.m.haze, z), shade: mix(k.m.shade, k.m.haze, z),
		glow: 0.65 * z, crest: crest, foot: foot,
		mist: mix(k.m.haze, k.m.low, 0.4*z), mistShare: 0.1 + 0.65*z,
	}
}

// flat is a layer of one colour that fades with distance: trees, far hills.
func (k *composer) flat(line ridge, c rgb, z, crest, foot float32) layer {
	l := k.land(line, nil, z, crest, foot)
	l.lit = mix(c, k.m.haze, z)
	return l
}

// lerp of layer i out of n, from a (first) to b (last).
func along(i, n int, a, b float32) float32 {
	if n < 2 {
		return b
	}
	return a + (b-a)*float32(i)/float32(n-1)
}
