package sampler

import (
	"image"
	"math/rand/v2"
	"slices"
	"testing"
)

// The region lies in the mask and in masked tokens; by the rule Any it is the mask
// itself.
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
				want := pixels.Pix[i] >= maskFrom && m.Masked[y/f*m.Width+x/f]
				if want != (level == 255) || rule == Any && level != pixels.Pix[i] {
					t.Fatalf("rule %s, tokens of %d: pixel %d,%d is %d", rule, f, x, y, level)
				}
			}
		}
	}
}

func TestMaskRules(t *testing.T) {
	pixels := image.NewGray(image.Rect(0, 0, 8, 4))
	pixels.Pix[pixels.PixOffset(1, 1)] = 255 // one pixel of token 0
	for y := range 4 {
		for x := 4; x < 8; x++ {
			pixels.Pix[pixels.PixOffset(x, y)] = 200 // all of token 1
		}
	}
	for rule, want := range map[Rule][]bool{Any: {true, true}, All: {false, true}} {
		m, err := FromPixels(pixels, 4, rule)
		if err != nil || !slices.Equal(m.Masked, want) {
			t.Errorf("%s: %v, %v", rule, m, err)
		}
	}
	if _, err := FromPixels(pixels, 3, Any); err == nil {
		t.Error("a mask that does not divide was read")
	}
}

// Each token depends on its own patch only, for any origin and stride of the image.
func TestMaskOfAnyPicture(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		f, h, w := 1+random.IntN(9), 1+random.IntN(5), 1+random.IntN(5)
		whole := image.NewGray(image.Rect(-3, -2, w*f+4, h*f+5))
		share := random.IntN(256)
		for i := range whole.Pix {
			if random.IntN(256) < share {
				whole.Pix[i] = uint8(random.IntN(256))
			}
		}
		at := image.Pt(random.IntN(4)-2, random.IntN(4)-2)
		pixels := whole.SubImage(image.Rectangle{at, at.Add(image.Pt(w*f, h*f))}).(*image.Gray)
		for _, rule := range []Rule{Any, All} {
			m, err := FromPixels(pixels, f, rule)
			if err != nil || m.Height != h || m.Width != w {
				t.Fatalf("%+v, %v", m, err)
			}
			for k, masked := range m.Masked {
				want := rule == All
				for i := range f * f {
					white := pixels.GrayAt(at.X+k%w*f+i%f, at.Y+k/w*f+i/f).Y >= maskFrom
					if white == (rule == Any) {
						want = rule == Any
						break
					}
				}
				if masked != want {
					t.Fatalf("rule %s, f %d: token %d is %v", rule, f, k, masked)
				}
			}
		}
	}
}

func FuzzFromPixels(f *testing.F) {
	f.Add([]byte{0, 255, 127, 128}, 2, 1, "any")
	f.Add([]byte{}, 0, -1, "all")
	f.Fuzz(func(t *testing.T, pix []byte, width, side int, rule string) {
		if width < 0 || width > len(pix) {
			return
		}
		pixels := image.NewGray(image.Rect(0, 0, width, len(pix)/max(width, 1)))
		copy(pixels.Pix, pix)
		m, err := FromPixels(pixels, side, Rule(rule))
		if err != nil {
			return
		}
		if len(m.Masked) != m.Height*m.Width || m.Width*side != pixels.Rect.Dx() || m.Height*side != pixels.Rect.Dy() {
			t.Errorf("%v with tokens of %d gives %d×%d", pixels.Rect, side, m.Height, m.Width)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	pixels := image.NewGray(image.Rect(0, 0, 1024, 1024))
	for i := range pixels.Pix {
		if i%1024 > 500 {
			pixels.Pix[i] = 255
		}
	}
	for _, rule := range []Rule{Any, All} {
		b.Run(string(rule), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FromPixels(pixels, 32, rule); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
