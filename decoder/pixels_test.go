package decoder

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// Both layouts give the image that a plain loop gives, also at sizes that are no
// multiple of the fast loop's four pixels.
func TestPixels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []image.Point{{1, 1}, {3, 1}, {5, 3}, {8, 8}, {7, 9}} {
		area := size.X * size.Y
		bytes, planes := make([]uint8, 3*area), make([]float32, 3*area)
		want := image.NewRGBA(image.Rectangle{Max: size})
		for i := range area {
			c := color.RGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255}
			want.SetRGBA(i%size.X, i/size.X, c)
			for k, v := range []uint8{c.R, c.G, c.B} {
				bytes[3*i+k] = v
				planes[k*area+i] = float32(v)/127.5 - 1 + float32(rng.Float64()-0.5)/128 // less than half a level off
			}
		}
		got := image.NewRGBA(want.Rect)
		fromBytes(got, bytes)
		if string(got.Pix) != string(want.Pix) {
			t.Errorf("%v from bytes: %v, want %v", size, got.Pix, want.Pix)
		}
		clear(got.Pix)
		if err := fromPlanes(got, planes); err != nil || string(got.Pix) != string(want.Pix) {
			t.Errorf("%v from planes: %v, want %v, %v", size, got.Pix, want.Pix, err)
		}
		back := make([]float32, 3*area)
		toPlanes(back, want)
		clear(got.Pix)
		if err := fromPlanes(got, back); err != nil || string(got.Pix) != string(want.Pix) {
			t.Errorf("%v there and back: %v", size, err)
		}
	}
}

func TestLevels(t *testing.T) {
	inf := float32(math.Inf(1))
	for v, want := range map[float32]uint32{-inf: 0, -7: 0, -1: 0, -0.9999: 0, 0: 128, 0.999: 255, 1: 255, 3: 255, inf: 255} {
		if got := level(v); got != want {
			t.Errorf("%g is level %d, want %d", v, got, want)
		}
	}
}

func BenchmarkFromBytes(b *testing.B) {
	picture, bytes := image.NewRGBA(image.Rect(0, 0, 1024, 1024)), make([]uint8, 3<<20)
	b.SetBytes(3 << 20)
	for b.Loop() {
		fromBytes(picture, bytes)
	}
}

func BenchmarkFromPlanes(b *testing.B) {
	picture, planes := image.NewRGBA(image.Rect(0, 0, 1024, 1024)), make([]float32, 3<<20)
	for i := range planes {
		planes[i] = float32(i%1000)/500 - 1
	}
	b.SetBytes(3 << 20)
	for b.Loop() {
		if err := fromPlanes(picture, planes); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToPlanes(b *testing.B) {
	picture, planes := image.NewRGBA(image.Rect(0, 0, 1024, 1024)), make([]float32, 3<<20)
	b.SetBytes(3 << 20)
	for b.Loop() {
		toPlanes(planes, picture)
	}
}
