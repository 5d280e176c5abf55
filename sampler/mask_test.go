package sampler

import (
	"image"
	"math/rand/v2"
	"testing"
)

// The region made anew lies in the mask and in tokens made anew; by the rule Any
// it is the mask itself.
func TestRegion(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		f := 1 + random.IntN(4)
		pixels := image.NewGray(image.Rect(0, 0, f*5, f*3))
		for i := range pixels.Pix {
			pixels.Pix[i] = uint8(random.IntN(2) * 255)
		}
		for x := range f { // one token that is white all over
			for y := range f {
				pixels.Pix[y*pixels.Stride+x] = 255
			}
		}
		for _, rule := range []Rule{Any, All} {
			m, err := FromPixels(pixels, f, rule)
			if err != nil {
				t.Fatal(err)
			}
			region := m.Region(pixels)
			for i, level := range region.Pix {
				x, y := i%pixels.Stride, i/pixels.Stride
				want := pixels.Pix[i] >= maskFrom && m.Anew[y/f*m.Width+x/f]
				if want != (level == 255) || rule == Any && level != pixels.Pix[i] {
					t.Fatalf("rule %s, tokens of %d: pixel %d,%d is %d", rule, f, x, y, level)
				}
			}
		}
	}
}
