package picture

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Outside the region and its feather every byte is the original's. Inside the region
// every byte is the inpainted image's with its tone corrected, which changes nothing
// if the two agree around the region. Within the feather each pixel is between both.
func TestCompose(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		w, h := 1+random.IntN(60), 1+random.IntN(60)
		original, made := noise(w, h, random.Uint64()), noise(w, h, random.Uint64())
		region := image.NewGray(image.Rect(0, 0, w, h))
		var painted []image.Point
		for range random.IntN(4) {
			p := image.Pt(random.IntN(w), random.IntN(h))
			region.Pix[region.PixOffset(p.X, p.Y)] = 255
			painted = append(painted, p)
		}
		feather := float64(random.IntN(8))
		got := Compose(original, made, region, feather)
		tone := newTone(original, made, squaredDistances(region))
		patched := image.NewRGBA(original.Rect) // the original with the new picture's region
		copy(patched.Pix, original.Pix)
		for _, p := range painted {
			patched.SetRGBA(p.X, p.Y, made.RGBAAt(p.X, p.Y))
		}
		if !slices.Equal(Compose(original, patched, region, feather).Pix, patched.Pix) {
			t.Fatalf("%d×%d: a picture that differs in the region alone doesn't come back", w, h)
		}
		for y := range h {
			for x := range w {
				distance := math.Inf(1)
				for _, p := range painted {
					distance = min(distance, math.Hypot(float64(p.X-x), float64(p.Y-y)))
				}
				a, c := original.RGBAAt(x, y), got.RGBAAt(x, y)
				toned := float64(made.RGBAAt(x, y).R) + tone.at(x, y)[0]
				b := uint8(math.Round(min(max(toned, 0), 255)))
				switch {
				case distance > feather:
					if c != a {
						t.Fatalf("%d,%d is %g away with a feather of %g and isn't the original", x, y, distance, feather)
					}
				case distance == 0:
					if c.R != b || c.A != 255 {
						t.Fatalf("%d,%d is masked and isn't new: %v, want %d", x, y, c, b)
					}
				default:
					if low, high := min(a.R, b), max(a.R, b); c.R < low || c.R > high || c.A != 255 {
						t.Fatalf("%d,%d: %v isn't between %v and %d", x, y, c, a, b)
					}
				}
			}
		}
	}
}

// A uniform offset in tone is removed completely, and one that grows over the image as
// well. If the region is the whole image, nothing changes.
func TestTone(t *testing.T) {
	const w, h = 320, 240
	original := image.NewRGBA(image.Rect(0, 0, w, h))
	made, slanted := image.NewRGBA(original.Rect), image.NewRGBA(original.Rect)
	region, large, whole := image.NewGray(original.Rect), image.NewGray(original.Rect), image.NewGray(original.Rect)
	for y := range h {
		for x := range w {
			level := uint8(60 + y/4)
			original.SetRGBA(x, y, color.RGBA{level, level, 90, 255})
			made.SetRGBA(x, y, color.RGBA{level + 40, level - 20, 90, 255})
			slanted.SetRGBA(x, y, color.RGBA{level + uint8(x/8), level, 90, 255})
			whole.SetGray(x, y, color.Gray{255})
			if x >= 20 && x < w-20 && y >= 20 && y < h-20 {
				large.SetGray(x, y, color.Gray{255})
			}
			if x >= 40 && x < 120 && y >= 30 && y < 90 {
				region.SetGray(x, y, color.Gray{255})
			}
		}
	}
	for name, picture := range map[string]*image.RGBA{"lighter": made, "slanted": slanted} {
		for _, region := range []*image.Gray{region, large} {
			got := Compose(original, picture, region, 8)
			for i, v := range got.Pix {
				if off := math.Abs(float64(v) - float64(original.Pix[i])); off > 1 {
					t.Fatalf("%s: %d,%d is %g off", name, i/4%w, i/4/w, off)
				}
			}
		}
	}
	if !slices.Equal(Compose(original, made, whole, 8).Pix, made.Pix) {
		t.Error("an image that is inpainted as a whole has changed")
	}
}

func TestBlend(t *testing.T) {
	before := 1.0
	for d := 1.0; d <= 8; d++ {
		weight := blend(d, 8)
		if weight >= before || weight <= 0 {
			t.Errorf("the weight is %g at %g pixels, after %g", weight, d, before)
		}
		before = weight
	}
	if blend(1, 0) != 0 || blend(0, 0) != 1 {
		t.Error("without a feather the edge is not hard")
	}
}

// The distances are exact for any region.
func TestSquaredDistances(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		w, h := 1+random.IntN(20), 1+random.IntN(20)
		region := image.NewGray(image.Rect(0, 0, w, h))
		for range random.IntN(6) {
			region.Pix[random.IntN(w*h)] = 200
		}
		for i, got := range squaredDistances(region) {
			want := math.Inf(1)
			for k, level := range region.Pix {
				if level >= white {
					dx, dy := float64(k%w-i%w), float64(k/w-i/w)
					want = min(want, dx*dx+dy*dy)
				}
			}
			if got != want {
				t.Fatalf("%d×%d, pixel %d: %g, want %g", w, h, i, got, want)
			}
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	original, made := noise(1024, 1024, 1), noise(1024, 1024, 2)
	region := image.NewGray(original.Rect)
	for y := 300; y < 700; y++ {
		for x := 200; x < 600; x++ {
			region.Pix[y*1024+x] = 255
		}
	}
	for b.Loop() {
		Compose(original, made, region, 8)
	}
}
