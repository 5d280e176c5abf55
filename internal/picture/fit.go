package picture

import (
	"fmt"
	"image"

	"golang.org/x/image/draw"
)

// Fitting is how an image of any shape becomes a square.
type Fitting string

// The fittings. Crop takes the central square. Letterbox keeps the whole image and
// adds black bars.
const (
	Crop      Fitting = "crop"
	Letterbox Fitting = "letterbox"
)

// ParseFitting reads "crop" or "letterbox". Its error continues the name of a setting.
func ParseFitting(word string) (Fitting, error) {
	switch f := Fitting(word); f {
	case Crop, Letterbox:
		return f, nil
	}
	return "", fmt.Errorf("must be crop or letterbox, not %q", word)
}

// Place returns which part of an image with these bounds goes where in a square of
// side pixels.
func (f Fitting) Place(bounds image.Rectangle, side int) (from, to image.Rectangle) {
	w, h := bounds.Dx(), bounds.Dy()
	if f == Letterbox {
		long := max(w, h)
		size := image.Pt(max(1, (w*side+long/2)/long), max(1, (h*side+long/2)/long))
		at := image.Pt((side-size.X)/2, (side-size.Y)/2)
		return bounds, image.Rectangle{at, at.Add(size)}
	}
	short := min(w, h)
	at := bounds.Min.Add(image.Pt((w-short)/2, (h-short)/2))
	return image.Rectangle{at, at.Add(image.Pt(short, short))}, image.Rect(0, 0, side, side)
}

// Fit returns an image as a square of side pixels. Pixels are copied where no scaling
// is needed.
func Fit(img image.Image, side int, f Fitting) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	from, to := f.Place(img.Bounds(), side)
	if to != out.Rect {
		draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	}
	if from.Size() == to.Size() {
		draw.Draw(out, to, img, from.Min, draw.Src)
		return out
	}
	draw.CatmullRom.Scale(out, to, img, from, draw.Src, nil)
	return out
}
