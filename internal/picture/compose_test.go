package picture

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"
)

// Outside the region and its feather every byte is the original's; in the region
// every byte is the new picture's; between them the share falls with the distance.
func TestCompose(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		w, h := 1+random.IntN(30), 1+random.IntN(30)
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
		for y := range h {
			for x := range w {
				distance := math.Inf(1)
				for _, p := range painted {
					distance = min(distance, math.Hypot(float64(p.X-x), float64(p.Y-y)))
				}
				a, b, c := original.RGBAAt(x, y), made.RGBAAt(x, y), got.RGBAAt(x, y)
				switch {
				case distance > feather:
					if c != a {
						t.Fatalf("%d,%d is %g away with a feather of %g and isn't the original", x, y, distance, feather)
					}
				case distance == 0:
					if c != b {
						t.Fatalf("%d,%d is masked and isn't new", x, y)
					}
				default:
					if low, high := min(a.R, b.R), max(a.R, b.R); c.R < low || c.R > high || c.A != 255 {
						t.Fatalf("%d,%d: %v isn't between %v and %v", x, y, c, a, b)
					}
				}
			}
		}
	}
}

func TestSeam(t *testing.T) {
	before := 1.0
	for d := 1.0; d <= 8; d++ {
		share := seam(d, 8)
		if share >= before || share <= 0 {
			t.Errorf("%g pixels away the share is %g, after %g", d, share, before)
		}
		before = share
	}
	if seam(1, 0) != 0 || seam(0, 0) != 1 {
		t.Error("without a feather the edge isn't hard")
	}
}

// The distances are exact, whatever the region.
func TestDistances(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		w, h := 1+random.IntN(20), 1+random.IntN(20)
		region := image.NewGray(image.Rect(0, 0, w, h))
		for range random.IntN(6) {
			region.Pix[random.IntN(w*h)] = 200
		}
		for i, got := range distances(region) {
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
