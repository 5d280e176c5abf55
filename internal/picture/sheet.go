package picture

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// The layout of sheets, in pixels.
const (
	maxCell = 512 // largest side of a cell
	cellGap = 4
)

// Cell shrinks a square image to the size that lets a [Sheet] of n such images be at
// most width pixels wide. It never enlarges it.
func Cell(img image.Image, n, width int) *image.RGBA {
	side := min(img.Bounds().Dx(), maxCell, width/sheetColumns(n)-cellGap)
	return Fit(img, max(side, 1), Crop)
}

// Sheet lays out cells of one size, in a square as far as their number allows.
func Sheet(cells []image.Image) *image.RGBA {
	return Grid(cells, sheetColumns(len(cells)), cellGap, color.Black)
}

func sheetColumns(n int) int { return int(math.Ceil(math.Sqrt(float64(n)))) }

// Grid lays out cells of one size in rows, gap pixels apart.
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
