package graphics

import (
	"image"
	"image/color"
	"math"
	"testing"
)

func TestFitKeepsTheAspect(t *testing.T) {
	for _, c := range [][6]int{ // w, h, room's w, h, result's w, h
		{1024, 1024, 800, 600, 600, 600}, {1024, 1024, 600, 800, 600, 600}, {200, 100, 1000, 1000, 1000, 500},
		{1000, 1, 100, 100, 100, 1}, {1, 1000, 100, 100, 1, 100}, {3, 2, 7, 7, 7, 5}, {1, 1, 1, 1, 1, 1},
	} {
		if w, h := fit(c[0], c[1], c[2], c[3]); w != c[4] || h != c[5] {
			t.Errorf("%dx%d into %dx%d: %dx%d, want %dx%d", c[0], c[1], c[2], c[3], w, h, c[4], c[5])
		}
	}
}

// row is a picture of one row of greys.
func row(values ...byte) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, len(values), 1))
	for x, v := range values {
		img.SetRGBA(x, 0, color.RGBA{v, v, v, 255})
	}
	return img
}

func TestShrinkingTakesAreaMeans(t *testing.T) {
	for _, c := range []struct {
		in   []byte
		want []byte
	}{
		{[]byte{0, 100, 200, 40}, []byte{50, 120}},
		{[]byte{0, 90, 240}, []byte{30, 190}},                    // 1.5 pixels each: (0 + 45) / 1.5, (45 + 240) / 1.5
		{[]byte{10, 20, 30, 40, 50}, []byte{14, 30, 46}},         // 5/3 each
		{[]byte{255, 255, 255, 255, 255, 255, 255}, []byte{255}}, // nothing is lost to rounding
	} {
		got := resize(row(c.in...), len(c.want), 1)
		for x, want := range c.want {
			if v := got.rgb[x*3]; v != want {
				t.Errorf("%v to %d: %d at %d, want %d", c.in, len(c.want), v, x, want)
			}
		}
	}
}

func TestEnlargingIsCatmullRom(t *testing.T) {
	// Twice as large, samples lie a quarter of a pixel off: weights of the cubic with a = -1/2 at 1.25, .25, .75, 1.75.
	kernel := func(d float64) float64 {
		d = math.Abs(d)
		if d < 1 {
			return (1.5*d-2.5)*d*d + 1
		}
		return ((-0.5*d+2.5)*d-4)*d + 2
	}
	in := []byte{20, 40, 200, 90, 60, 120}
	got := resize(row(in...), 12, 1)
	for x := 4; x < 8; x++ {
		centre := (float64(x)+0.5)/2 - 0.5
		sum := 0.0
		for i, v := range in {
			if math.Abs(float64(i)-centre) < 2 {
				sum += kernel(float64(i)-centre) * float64(v)
			}
		}
		if v := float64(got.rgb[x*3]); math.Abs(v-sum) > 1 {
			t.Errorf("pixel %d is %.0f, want %.1f", x, v, sum)
		}
	}
}

func TestScalingKeepsPicturesInPlace(t *testing.T) {
	img := smooth(200, 120, 0)
	part := image.NewRGBA(image.Rect(-30, 50, 170, 170)) // the same, elsewhere
	copy(part.Pix, img.Pix)
	same := resize(img, 200, 120)
	for i := range 200 * 120 {
		if [3]byte(same.rgb[i*3:]) != [3]byte(img.Pix[i*4:]) {
			t.Fatalf("pixel %d changed without scaling", i)
		}
	}
	for _, size := range [][2]int{{50, 30}, {77, 31}, {300, 180}, {400, 60}} {
		a, b := resize(img, size[0], size[1]), resize(part, size[0], size[1])
		want := smooth(size[0], size[1], 0)
		if db := psnr(t, a, want); db < 30 {
			t.Errorf("%v: %.1f dB from the same picture drawn at that size", size, db)
		}
		for i := range a.rgb {
			if a.rgb[i] != b.rgb[i] {
				t.Fatalf("%v: bounds that do not begin at 0 change the picture", size)
			}
		}
	}
}
