package cli

import (
	"image"
	"image/color"
	"math"
	"time"

	"sundae/internal/picture"
)

// The largest that a picture is on a sheet, the widest that a sheet and a film
// are, in pixels, and the longest a film is, in frames.
const (
	sheetCell  = 512
	sheetWidth = 4096
	filmWidth  = 768
	maxFrames  = 100
)

// How long a film shows each step, and the last.
const (
	eachFrame = 200 * time.Millisecond
	lastFrame = 2 * time.Second
)

// gap is the distance of pictures on a sheet, in pixels.
const gap = 4

// A film is a run of n samples in motion: every frame is a sheet of one step.
type film struct {
	n     int
	steps []int           // one a frame
	cells [][]image.Image // by frame and sample
}

func newFilm(steps, n int) film {
	picked := evenly(steps, maxFrames)
	return film{n, picked, make([][]image.Image, len(picked))}
}

// add puts a sample's picture after a step into the frame of that step, if there
// is one. A run that ended early stands still for the frames that are left.
func (f film) add(p image.Image, step int, last bool) {
	var small image.Image
	for i, of := range f.steps {
		if of == step || last && of > step {
			if small == nil {
				small = cell(p, f.n, filmWidth)
			}
			f.cells[i] = append(f.cells[i], small)
		}
	}
}

func (f film) animation() picture.Animation {
	a := picture.Animation{Each: eachFrame, Last: lastFrame}
	for _, cells := range f.cells {
		a.Frames = append(a.Frames, layOut(cells))
	}
	return a
}

// cell is a square picture made as small as all of n must be to fit into width
// pixels on a sheet.
func cell(p image.Image, n, width int) image.Image {
	side := min(p.Bounds().Dx(), sheetCell, width/columns(n)-gap)
	return picture.Fit(p, max(side, 1), picture.Crop)
}

func columns(n int) int { return int(math.Ceil(math.Sqrt(float64(n)))) }

// layOut is a sheet of cells of one size.
func layOut(cells []image.Image) *image.RGBA {
	return picture.Grid(cells, columns(len(cells)), gap, color.Black)
}

// evenly picks at most n of the steps 0 to last, both of them among the picked.
func evenly(last, n int) []int {
	n = max(min(n, last+1), 2)
	steps := make([]int, n)
	for i := range steps {
		steps[i] = i * last / (n - 1)
	}
	return steps
}
