package picture

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

func TestFit(t *testing.T) {
	// Left half red, right half blue, twice as wide as high.
	wide := image.NewRGBA(image.Rect(5, 5, 5+80, 5+40))
	for y := 5; y < 45; y++ {
		for x := 5; x < 85; x++ {
			c := color.RGBA{200, 0, 0, 255}
			if x >= 45 {
				c = color.RGBA{0, 0, 200, 255}
			}
			wide.SetRGBA(x, y, c)
		}
	}
	crop := Fit(wide, 20, Crop)
	if crop.Rect != image.Rect(0, 0, 20, 20) || crop.RGBAAt(0, 10) != (color.RGBA{200, 0, 0, 255}) || crop.RGBAAt(19, 10) != (color.RGBA{0, 0, 200, 255}) {
		t.Errorf("cropped: %v at the left, %v at the right", crop.RGBAAt(0, 10), crop.RGBAAt(19, 10))
	}
	box := Fit(wide, 20, Letterbox)
	for y, want := range map[int]color.RGBA{0: {0, 0, 0, 255}, 4: {0, 0, 0, 255}, 5: {200, 0, 0, 255}, 14: {200, 0, 0, 255}, 15: {0, 0, 0, 255}, 19: {0, 0, 0, 255}} {
		if got := box.RGBAAt(2, y); got != want {
			t.Errorf("letterbox, row %d: %v, want %v", y, got, want)
		}
	}
	// A picture of the right size keeps every pixel, and so does the middle of a larger one of the right height.
	exact := noise(16, 16, 5)
	for _, f := range []Fitting{Crop, Letterbox} {
		if !bytes.Equal(Fit(exact, 16, f).Pix, exact.Pix) {
			t.Errorf("%s changes a picture that fits", f)
		}
	}
	// However thin, there is a picture.
	if got := Fit(noise(1000, 1, 6), 8, Letterbox); got.RGBAAt(0, 3).A != 255 {
		t.Error("a thin picture is lost")
	}
}

func TestParseFitting(t *testing.T) {
	for _, f := range []Fitting{Crop, Letterbox} {
		if got, err := ParseFitting(string(f)); got != f || err != nil {
			t.Errorf("%s: %v, %v", f, got, err)
		}
	}
	if _, err := ParseFitting("stretch"); err == nil {
		t.Error("stretch is a fitting")
	}
}

// A mask is fitted as its picture is, and no painted pixel is lost: each white
// pixel inside the part taken turns the pixel white that it falls into.
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

func TestPSNR(t *testing.T) {
	a := noise(10, 10, 1)
	if got, err := PSNR(a, a); err != nil || !math.IsInf(got, 1) {
		t.Errorf("a picture and itself: %g, %v", got, err)
	}
	b := image.NewRGBA(a.Rect)
	copy(b.Pix, a.Pix)
	// One channel of one pixel in 100 off by 30: mean 900/300 = 3.
	b.Pix[4] ^= 0xff
	d := float64(int(a.Pix[4]) - int(b.Pix[4]))
	want := 10 * math.Log10(255*255/(d*d/300))
	if got, err := PSNR(a, b); err != nil || math.Abs(got-want) > 1e-9 {
		t.Errorf("%g dB, want %g, %v", got, want, err)
	}
	if _, err := PSNR(a, noise(10, 9, 1)); err == nil {
		t.Error("pictures of two sizes were compared")
	}
}

// A mask of 1024×1024 pixels, halved.
func BenchmarkFitMask(b *testing.B) {
	mask := image.NewGray(image.Rect(0, 0, 2048, 1536))
	for b.Loop() {
		FitMask(mask, 1024, Crop)
	}
}
