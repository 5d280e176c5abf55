package scenes

import "math/rand/v2"

// A palette holds the colours of a class for one height of the sun.
type palette struct {
	top, mid, low rgb // sky: zenith, half way, horizon
	glow          rgb // sun and glow
	haze          rgb // of the distance
	lit, shade    rgb // nearest ground, facing the sun and facing away
	accent        rgb // snow, foam, rock bands, flowers
	cloud         rgb // lit side of clouds
}

func newPalette(top, mid, low, glow, haze, lit, shade, accent, cloud uint32) palette {
	return palette{hex(top), hex(mid), hex(low), hex(glow), hex(haze), hex(lit), hex(shade), hex(accent), hex(cloud)}
}

// each applies f to every colour.
func (m palette) each(f func(rgb) rgb) palette {
	return palette{f(m.top), f(m.mid), f(m.low), f(m.glow), f(m.haze), f(m.lit), f(m.shade), f(m.accent), f(m.cloud)}
}

// between interpolates every colour from a to b.
func between(a, b palette, t float32) palette {
	return palette{
		mix(a.top, b.top, t), mix(a.mid, b.mid, t), mix(a.low, b.low, t),
		mix(a.glow, b.glow, t), mix(a.haze, b.haze, t),
		mix(a.lit, b.lit, t), mix(a.shade, b.shade, t), mix(a.accent, b.accent, t), mix(a.cloud, b.cloud, t),
	}
}

// paletteAt is the palette at the sun's height h, from 0 (horizon) to 1 (highest).
func paletteAt(palettes []palette, h float32, rng *rand.Rand) palette {
	at := h * float32(len(palettes)-1)
	i := min(int(at), len(palettes)-2)
	m := between(palettes[i], palettes[i+1], at-float32(i))
	// A small rotation of the hue and a change of brightness vary the images of a class.
	hue := float32(rng.NormFloat64()) * 0.06
	bright := 1 + float32(rng.NormFloat64())*0.035
	return m.each(func(c rgb) rgb { return c.rotateHue(hue).scale(bright) })
}

var (
	alpinePalettes = []palette{
		newPalette(0x34427a, 0x9a6d9c, 0xf4a98c, 0xffd9a0, 0xd9a0a8, 0x4a5470, 0x242c48, 0xf7d9d0, 0xf2b5a8),
		newPalette(0x4a78b4, 0x94b3d6, 0xf2dcc0, 0xfff0c8, 0xbcc6da, 0x56667e, 0x2c3a56, 0xf6efe8, 0xfaf0e4),
		newPalette(0x3f86c9, 0x86bbe6, 0xd6ebf5, 0xfffbe6, 0xb4d0e6, 0x5d7488, 0x30475f, 0xfbfdff, 0xffffff),
	}
	dunesPalettes = []palette{
		newPalette(0x6a3b6e, 0xd4685c, 0xffb45e, 0xffe3a0, 0xf09a62, 0xd9713a, 0x6e2c3c, 0xa84a3c, 0xf8a878),
		newPalette(0x5a8fae, 0xd9bf8f, 0xffdc94, 0xfff2c4, 0xf6c584, 0xeda24e, 0xa35a34, 0xc87a42, 0xfde4b8),
		newPalette(0x4fa0c4, 0xa4cfd2, 0xf8e8bc, 0xfffbe4, 0xf4dca4, 0xf4c06a, 0xc0803f, 0xd89a50, 0xfff6e0),
	}
	oceanPalettes = []palette{
		newPalette(0x1f3a6b, 0x3d78a0, 0xf7b27c, 0xffe0a4, 0x7f9fb8, 0x1f5a74, 0x0f2f4c, 0x9fd4d8, 0xf0b498),
		newPalette(0x1c6fb0, 0x58a9d0, 0xd9ecdf, 0xfff4cc, 0x9cc8da, 0x1d7f98, 0x0d4f70, 0xc8f0ec, 0xfdf6ea),
		newPalette(0x0c74c4, 0x44aee4, 0xb4e6f4, 0xffffec, 0x96d4ea, 0x12a0ae, 0x0a5f8c, 0xd8fbf6, 0xffffff),
	}
	forestPalettes = []palette{
		newPalette(0x2f5a5c, 0x7f9f86, 0xf0cf8c, 0xfff0b8, 0xb8b88a, 0x2f4f38, 0x142a22, 0x5f6f3a, 0xe8d4a4),
		newPalette(0x5f9a94, 0xa4c8b0, 0xe4ecc8, 0xfffbdc, 0xb4ccaf, 0x2d5c40, 0x143026, 0x6f8a3c, 0xf2f4e0),
		newPalette(0x6faaa8, 0xb0d2c6, 0xdcebe0, 0xfdfff0, 0xb2cfc4, 0x28604c, 0x10342c, 0x5c8c4c, 0xf4faf4),
	}
	canyonPalettes = []palette{
		newPalette(0x3c2f6e, 0xa4507c, 0xff8f6a, 0xffd08c, 0xd87870, 0xb84a30, 0x541c30, 0xe07a48, 0xf0908c),
		newPalette(0x3f8fae, 0x9cc4bc, 0xf8d0a0, 0xfff0c4, 0xe4a888, 0xc85a34, 0x6e2430, 0xec8c50, 0xfbe2cc),
		newPalette(0x2f9cc0, 0x86cacc, 0xf0e2c4, 0xfff8e0, 0xe0b8a0, 0xd06a3c, 0x82303a, 0xf0a068, 0xfff6ec),
	}
	meadowPalettes = []palette{
		newPalette(0x5f86b8, 0xc4b4b4, 0xffd890, 0xfff0b4, 0xd4cc98, 0x8fa83c, 0x3f6430, 0xf0c04c, 0xffe4c0),
		newPalette(0x3f98dc, 0x90cbee, 0xe8f2dc, 0xfffadc, 0xb4d8b0, 0x86bf3c, 0x3c7c34, 0xf4dc54, 0xffffff),
		newPalette(0x2a90e4, 0x7cc8f4, 0xdcf2f4, 0xffffee, 0xa8dcb4, 0x74c43c, 0x2c8038, 0xf8e85c, 0xffffff),
	}
	arcticPalettes = []palette{
		newPalette(0x6f86b4, 0xc0b4cc, 0xf8d4c8, 0xfff0dc, 0xd8cedc, 0xe4e4f0, 0x8c9cc4, 0xfaf4f4, 0xf8dcd8),
		newPalette(0x8cb8d8, 0xc0dcea, 0xf2f0ea, 0xfffbf0, 0xd8e6ee, 0xeaf4fa, 0x90b8d4, 0xffffff, 0xffffff),
		newPalette(0x7cc0dc, 0xb4e0ec, 0xe8f8f8, 0xffffff, 0xd0ecf2, 0xf0fbfd, 0x88c4d8, 0xffffff, 0xffffff),
	}
	nightPalettes = []palette{
		newPalette(0x070a24, 0x141a4a, 0x3c3470, 0xf4e4c0, 0x2c2c5e, 0x14183a, 0x080a1e, 0x6f78b0, 0x34356c),
		newPalette(0x060f2c, 0x0f2a56, 0x2a5480, 0xe8f0fc, 0x22406c, 0x10223f, 0x060e20, 0x8ca4cc, 0x2a4c78),
		newPalette(0x04141f, 0x0a2f44, 0x1f5c68, 0xe4fcf0, 0x1a4658, 0x0c2834, 0x040f18, 0x7cb8b8, 0x20525f),
	}
)
