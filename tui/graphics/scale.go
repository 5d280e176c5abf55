package graphics

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/sync/errgroup"
)

// bands is how many goroutines share one image: two use both cores of a small machine, and more would only compete
// with sampling.
const bands = 2

// pixels is an image of 8-bit RGB, rows without padding.
type pixels struct {
	w, h int
	rgb  []byte // [h, w, 3]
}

// parallel divides [0, n) among workers 0 to bands-1: work(worker, from, to) does [from, to).
func parallel(n int, work func(worker, from, to int)) {
	var g errgroup.Group
	for i := range bands {
		g.Go(func() error {
			work(i, n*i/bands, n*(i+1)/bands)
			return nil
		})
	}
	_ = g.Wait() // work has no error to give
}

// fit returns the largest size with the image's aspect ratio inside maxW×maxH, at least 1×1.
func fit(w, h, maxW, maxH int) (int, int) {
	s := min(float64(maxW)/float64(w), float64(maxH)/float64(h))
	return max(1, min(maxW, int(math.Round(float64(w)*s)))), max(1, min(maxH, int(math.Round(float64(h)*s))))
}

func toRGBA(img image.Image) *image.RGBA {
	if rgba, ok := img.(*image.RGBA); ok {
		return rgba
	}
	b := img.Bounds()
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(rgba, rgba.Bounds(), img, b.Min, draw.Src)
	return rgba
}

// resize scales img to w×h pixels: area averages when smaller, Catmull-Rom when larger. Transparent parts become
// black.
func resize(img image.Image, w, h int) pixels {
	src := toRGBA(img)
	b := src.Bounds()
	out := pixels{w, h, make([]byte, w*h*3)}
	if w == b.Dx() && h == b.Dy() {
		parallel(h, func(_, from, to int) { copyRows(out, src, from, to) })
		return out
	}
	across, down := spans(b.Dx(), w), spans(b.Dy(), h)
	parallel(h, func(_, from, to int) { resample(out, src, across, down, from, to) })
	return out
}

func copyRows(out pixels, src *image.RGBA, from, to int) {
	b := src.Bounds()
	for y := from; y < to; y++ {
		s := src.Pix[src.PixOffset(b.Min.X, b.Min.Y+y):]
		d := out.rgb[y*out.w*3 : (y+1)*out.w*3]
		for i, j := 0, 0; i < len(d); i, j = i+3, j+4 {
			d[i], d[i+1], d[i+2] = s[j], s[j+1], s[j+2]
		}
	}
}

// place scales img into r for cells of cw×ch pixels and returns how many cells it covers.
func place(img image.Image, r Rect, cw, ch int) (p pixels, cols, rows int) {
	b := img.Bounds()
	w, h := fit(b.Dx(), b.Dy(), r.Cols*cw, r.Rows*ch)
	return resize(img, w, h), (w + cw - 1) / cw, (h + ch - 1) / ch
}
