package picture

import (
	"bytes"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"
)

// A mask is fitted like its image and loses no white pixel: each one inside the
// fitted part makes the pixel white that contains it.
func TestFitMask(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		w, h, side := 1+random.IntN(40), 1+random.IntN(40), 1+random.IntN(40)
		f := []Fitting{Crop, Letterbox}[random.IntN(2)]
		mask := image.NewGray(image.Rect(0, 0, w, h))
		at := image.Pt(random.IntN(w), random.IntN(h))
		mask.SetGray(at.X, at.Y, color.Gray{255})
		got := FitMask(mask, side, f)
		from, to := f.Place(mask.Rect, side)
		white := 0
		for y := range side {
			for x := range side {
				if got.GrayAt(x, y).Y != 0 {
					white++
					// The pixel covers [x, x+1) of to, which is this of from:
					left := float64(from.Min.X) + float64(x-to.Min.X)*float64(from.Dx())/float64(to.Dx())
					right := float64(from.Min.X) + float64(x+1-to.Min.X)*float64(from.Dx())/float64(to.Dx())
					if float64(at.X) >= right || float64(at.X+1) <= left || !image.Pt(x, y).In(to) {
						t.Fatalf("%d×%d to %d by %s: %v shows at %d,%d", w, h, side, f, at, x, y)
					}
				}
			}
		}
		if at.In(from) != (white > 0) {
			t.Fatalf("%d×%d to %d by %s: %v of %v gives %d white pixels", w, h, side, f, at, from, white)
		}
	}
	same := image.NewGray(image.Rect(0, 0, 6, 6))
	same.Pix[7], same.Pix[8] = 128, 127
	if got := FitMask(same, 6, Crop); got.Pix[7] != 255 || got.Pix[8] != 0 {
		t.Errorf("128 and 127 became %d and %d", got.Pix[7], got.Pix[8])
	}
	if got := ScaleMask(same, image.Pt(12, 3)); got.Rect.Size() != image.Pt(12, 3) || got.Pix[2] != 255 || got.Pix[3] != 255 || got.Pix[4] != 0 {
		t.Errorf("stretched: %v", got.Pix)
	}
}

// Rectangles are clipped to the mask, and those outside it are errors.
func TestRectMask(t *testing.T) {
	mask, err := RectMask(image.Pt(4, 2), []image.Rectangle{image.Rect(-1, -1, 1, 1), image.Rect(2, 1, 9, 9)})
	if want := []uint8{255, 0, 0, 0, 0, 0, 255, 255}; err != nil || !bytes.Equal(mask.Pix, want) {
		t.Errorf("%v, %v", mask.Pix, err)
	}
	if _, err := RectMask(image.Pt(4, 2), []image.Rectangle{image.Rect(4, 0, 6, 2)}); err == nil || !strings.Contains(err.Error(), "4,0,2,2 lies outside the image of 4×2 pixels") {
		t.Errorf("outside: %v", err)
	}
	white, err := RectMask(image.Pt(4, 2), []image.Rectangle{image.Rect(0, 0, 2, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if united := UniteMasks(mask, white); !bytes.Equal(united.Pix, []uint8{255, 255, 0, 0, 0, 0, 255, 255}) {
		t.Errorf("united: %v", united.Pix)
	}
}

// Masks of the image's size, of the fitted size and of another size mask the same
// pixels if they show the same.
func TestAlignMask(t *testing.T) {
	size, side := image.Pt(32, 16), 8 // cropped to 16×16, then halved
	want, err := RectMask(image.Pt(side, side), []image.Rectangle{image.Rect(2, 2, 4, 6)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size      image.Point
		rect      image.Rectangle
		stretched bool
	}{
		{size, image.Rect(12, 4, 16, 12), false},
		{image.Pt(side, side), image.Rect(2, 2, 4, 6), false},
		{image.Pt(64, 16), image.Rect(24, 4, 32, 12), true},
	} {
		mask, err := RectMask(c.size, []image.Rectangle{c.rect})
		if err != nil {
			t.Fatal(err)
		}
		if got, stretched := AlignMask(mask, size, side, Crop); !bytes.Equal(got.Pix, want.Pix) || stretched != c.stretched {
			t.Errorf("%v: stretched is %t, %v", c.size, stretched, got.Pix)
		}
	}
}

// A mask of 1024×1024 pixels, halved.
func BenchmarkFitMask(b *testing.B) {
	mask := image.NewGray(image.Rect(0, 0, 2048, 1536))
	for b.Loop() {
		FitMask(mask, 1024, Crop)
	}
}
