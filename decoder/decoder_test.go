package decoder

import (
	"image"
	"image/color"
	"slices"
	"testing"

	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort/orttest"
)

func TestDecodeAndEncode(t *testing.T) {
	b := bundletest.Bundle(t)
	d, err := Open(b, orttest.Opener(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m := b.Manifest
	tokens := make([]uint16, m.Latent.Tokens())
	for i := range tokens {
		tokens[i] = uint16(i % m.Vocabulary)
	}
	first, err := d.Decode(t.Context(), tokens)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Decode(t.Context(), tokens)
	if err != nil || !slices.Equal(first.Pix, again.Pix) {
		t.Errorf("the same tokens decode to two images, %v", err)
	}
	if first.Rect.Dx() != m.ImageSize || first.Pix[3] != 255 {
		t.Errorf("an image of %v", first.Rect)
	}
	// Any image is fitted: one twice as wide as high keeps its middle.
	wide := image.NewRGBA(image.Rect(10, 10, 10+2*m.ImageSize, 10+m.ImageSize))
	for y := range m.ImageSize {
		for x := range 2 * m.ImageSize {
			wide.SetRGBA(10+x, 10+y, color.RGBA{uint8(4 * x), uint8(6 * y), 90, 255})
		}
	}
	fromWide, err := d.Encode(t.Context(), wide)
	if err != nil {
		t.Fatal(err)
	}
	fromMiddle, err := d.Encode(t.Context(), Fit(wide, m.ImageSize))
	if err != nil || !slices.Equal(fromWide, fromMiddle) {
		t.Errorf("fitting first changes the tokens, %v", err)
	}
	for _, id := range fromWide {
		if int(id) >= m.Vocabulary {
			t.Fatalf("token %d of a vocabulary of %d", id, m.Vocabulary)
		}
	}
	if _, err := d.Decode(t.Context(), tokens[1:]); err == nil {
		t.Error("too few tokens were decoded")
	}
}
