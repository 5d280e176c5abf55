package picture

import (
	"image"
	"image/color"
	"image/draw"
)

// Grid lays cells of one size out in rows of columns, gap pixels apart.
func Grid(cells []image.Image, columns, gap int, background color.Color) *image.RGBA {
	if len(cells) == 0 {
		return image.NewRGBA(image.Rectangle{})
	}
	columns = min(columns, len(cells))
	rows := (len(cells) + columns - 1) / columns
	w, h := cells[0].Bounds().Dx(), cells[0].Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, columns*w+(columns-1)*gap, rows*h+(rows-1)*gap))
	draw.Draw(out, out.Rect, image.NewUniform(background), image.Point{}, draw.Src)
	for i, cell := range cells {
		at := image.Pt(i%columns*(w+gap), i/columns*(h+gap))
		draw.Draw(out, image.Rectangle{at, at.Add(image.Pt(w, h))}, cell, cell.Bounds().Min, draw.Src)
	}
	return out
}
