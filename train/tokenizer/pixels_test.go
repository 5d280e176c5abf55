package tokenizer

import (
	"image/color"
	"slices"
	"testing"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/orttest"
)

// TestLevels: every level decodes to a grey value that encodes to it again, and levels are
// evenly spaced.
func TestLevels(t *testing.T) {
	for levels := 2; levels <= 256; levels++ {
		p := NewPixels(8, levels)
		for level := range int32(levels) {
			if got := p.level(int(p.grey(level))); got != level {
				t.Fatalf("level %d of %d becomes %d", level, levels, got)
			}
		}
		for grey := range 256 {
			if off := 2 * (levels - 1) * abs(int(p.grey(p.level(grey)))-grey); off > 255+levels-1 {
				t.Fatalf("of %d levels, grey %d becomes %d", levels, grey, p.grey(p.level(grey)))
			}
		}
	}
	if p := NewPixels(8, 256); p.grey(77) != 77 || p.level(77) != 77 {
		t.Error("256 levels are not the grey values")
	}
	if p := NewPixels(8, 2); p.level(127) != 0 || p.level(128) != 1 {
		t.Error("2 levels are not divided at the middle")
	}
}

func abs(n int) int { return max(n, -n) }

// TestLuma compares with image/color, which has the same weights with more digits: a
// rounding apart at most, and exact for grey.
func TestLuma(t *testing.T) {
	for r := 0; r < 256; r += 5 {
		for g := 0; g < 256; g += 5 {
			for b := 0; b < 256; b += 5 {
				got := luma([]uint8{uint8(r), uint8(g), uint8(b)})
				want := color.GrayModel.Convert(color.RGBA{uint8(r), uint8(g), uint8(b), 255}).(color.Gray)
				if abs(got-int(want.Y)) > 1 || r == g && g == b && got != r {
					t.Fatalf("luma of %d %d %d is %d, want %d", r, g, b, got, want.Y)
				}
			}
		}
	}
}

// TestExportedPixels: encoder.onnx and decoder.onnx compute what Encode and Decode do, for
// all grey values and for colours whose luma lies on the edge of rounding.
func TestExportedPixels(t *testing.T) {
	const side, n = 16, 3
	open := orttest.Opener(t)
	rng := uint32(1)
	bytes := make([]uint8, n*side*side*3)
	for i := range bytes {
		rng = rng*1664525 + 1013904223
		bytes[i] = uint8(rng >> 24)
	}
	for i := range side * side { // the first picture holds all greys
		for c := range 3 {
			bytes[3*i+c] = uint8(i)
		}
	}
	ties := 0
	for at, i := 3*side*side, 0; at < 2*3*side*side; i++ { // the second one lumas of k + 1/2
		r, g, b := i%256, i/256%256, i/65536*37%256
		if (299*r+587*g+114*b)%1000 == 500 {
			bytes[at], bytes[at+1], bytes[at+2] = uint8(r), uint8(g), uint8(b)
			at += 3
			ties++
		}
	}
	if ties != side*side {
		t.Fatalf("%d colours on the edge of rounding", ties)
	}
	for _, levels := range []int{2, 16, 255, 256} {
		p := NewPixels(side, levels)
		encoder, decoder, err := p.Export(nil)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := p.Encode(t.Context(), bytes, n)
		if err != nil {
			t.Fatal(err)
		}
		planes := make([]float32, len(bytes))
		for i := range n * side * side {
			for c := range 3 {
				planes[(i/(side*side)*3+c)*side*side+i%(side*side)] = float32(bytes[3*i+c])/127.5 - 1
			}
		}
		if got := runModel[float32, int32](t, open, encoder, "image", "tokens", n, planes); !slices.Equal(got, ids) {
			t.Errorf("%d levels: encoder.onnx gives other tokens", levels)
		}
		decoded, err := p.Decode(t.Context(), ids, n)
		if err != nil {
			t.Fatal(err)
		}
		if got := runModel[int32, uint8](t, open, decoder, "tokens", "image", n, ids); !slices.Equal(got, decoded) {
			t.Errorf("%d levels: decoder.onnx gives another image", levels)
		}
		if grey := side * side * 3; levels == 256 && !slices.Equal(decoded[:grey], bytes[:grey]) {
			t.Error("a grey picture changes")
		}
	}
}

// runModel runs a model of one input and one output.
func runModel[In, Out inference.Element](t *testing.T, open inference.Opener, file onnxfile.File, in, out string, n int, values []In) []Out {
	t.Helper()
	session, err := open(file.(onnxfile.Model))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	binding, err := session.Bind(n, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	to, err := inference.View[In](binding, in)
	if err != nil {
		t.Fatal(err)
	}
	if copy(to, values) != len(to) {
		t.Fatalf("%s takes %d values, not %d", in, len(to), len(values))
	}
	if err := binding.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	from, err := inference.View[Out](binding, out)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(from)
}
