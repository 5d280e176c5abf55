package graphics

import (
	"image"
	"image/draw"
	"image/png"
	"os"
	"testing"

	"sundae/train/scenes"
)

// scene is a landscape of side x side pixels; class 0..7.
func scene(class, side int) *image.RGBA { return scenes.Draw(class, 5, side) }

// BenchmarkEncode encodes a 768x768 picture: cold for a slot that never showed one, warm when it shows the next.
func BenchmarkEncode(b *testing.B) {
	img := scene(0, 768)
	if path := os.Getenv("SUNDAE_BENCH_PICTURE"); path != "" {
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		read, err := png.Decode(file)
		if err != nil {
			b.Fatal(err)
		}
		draw.Draw(img, img.Rect, read, read.Bounds().Min, draw.Src)
	}
	for _, protocol := range []Protocol{Kitty, KittyDirect, ITerm2, Sixel, Blocks} {
		terminal := Terminal{Protocol: protocol, CellWidth: 8, CellHeight: 16, Colours: TrueColour}
		for _, warm := range []bool{false, true} {
			name := string(protocol) + "/cold"
			if warm {
				name = string(protocol) + "/warm"
			}
			b.Run(name, func(b *testing.B) {
				d := NewDriver(terminal)
				var f Frame
				for b.Loop() {
					if !warm {
						d = NewDriver(terminal)
					}
					var err error
					if f, err = d.Encode(img, 1, Rect{Cols: 96, Rows: 48}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(f.Bytes), "bytes")
			})
		}
	}
}

// BenchmarkScale takes 1024x1024 down to 768x768, and 512x512 up.
func BenchmarkScale(b *testing.B) {
	for name, side := range map[string]int{"down": 1024, "up": 512, "same": 768} {
		b.Run(name, func(b *testing.B) {
			img := scene(0, side)
			for b.Loop() {
				resize(img, 768, 768)
			}
		})
	}
}
