package picture

import (
	"bytes"
	"image"
	"image/color"
	"math"
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
