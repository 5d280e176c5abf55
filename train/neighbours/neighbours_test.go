package neighbours

import (
	"image"
	"image/color"
	"math"
	"path/filepath"
	"sync/atomic"
	"testing"

	"sundae/internal/picture"
	"sundae/train/dataset"
)

// plain writes an image of one colour.
func plain(t *testing.T, path string, c color.RGBA) dataset.File {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 48, 48))
	for i := 0; i < len(p.Pix); i += 4 {
		copy(p.Pix[i:], []uint8{c.R, c.G, c.B, 255})
	}
	if err := picture.Save(path, p); err != nil {
		t.Fatal(err)
	}
	return dataset.File{Path: path}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	training := []dataset.File{
		plain(t, at("red.png"), color.RGBA{200, 0, 0, 255}), plain(t, at("green.png"), color.RGBA{0, 200, 0, 255}),
		plain(t, at("blue.png"), color.RGBA{0, 0, 200, 255}),
	}
	samples := []dataset.File{plain(t, at("a.png"), color.RGBA{0, 190, 0, 255}), plain(t, at("b.png"), color.RGBA{0, 0, 200, 255})}
	var done atomic.Int64
	pairs, err := Find(t.Context(), samples, training, func() { done.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	if pairs[0].Training != training[1] || pairs[1].Training != training[2] || done.Load() != 3 {
		t.Errorf("neighbours %v after %d images", pairs, done.Load())
	}
	// A difference of 10 in one of three channels, and none.
	if math.Abs(pairs[0].Distance-10/math.Sqrt(3)) > 1e-3 || pairs[1].Distance != 0 {
		t.Errorf("distances %g and %g", pairs[0].Distance, pairs[1].Distance)
	}
	sheet, err := Sheet(pairs, 4, 16)
	if err != nil || sheet.Bounds().Size() != image.Pt(4*16+3*4, 2*16+4) {
		t.Errorf("a sheet of %v, %v", sheet.Bounds(), err)
	}
	if _, err := Find(t.Context(), []dataset.File{{Path: at("none.png")}}, training, func() {}); err == nil {
		t.Error("a missing sample is no error")
	}
}
