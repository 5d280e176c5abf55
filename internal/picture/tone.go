package picture

import (
	"image"
	"math"
)

// Cells of toneCell×toneCell pixels are fine enough for a tone, which is smooth, and
// few enough to be worked out for every step of a run.
const (
	toneCell = 8
	toneRing = 16 // how far around the region, in pixels, the two pictures are compared
)

// A tone is what a made picture is to be lightened by, in three colours, to meet the
// original all around a region: the difference of the two there, and inside the
// smoothest field that goes on from it, which solves Laplace's equation. That is
// seamless cloning (Pérez et al., "Poisson image editing", 2003, section 2) with
// differences of cells in place of pixels.
type tone struct {
	w, h  int          // in cells
	known []bool       // cells that have a value
	value [][3]float64 // by cell
}

// newTone compares the pictures where reach, the squared distance to the region, says
// that it is near.
func newTone(original, made *image.RGBA, reach []float64) *tone {
	w, h := original.Rect.Dx(), original.Rect.Dy()
	t := &tone{w: (w + toneCell - 1) / toneCell, h: (h + toneCell - 1) / toneCell}
	t.known, t.value = make([]bool, t.w*t.h), make([][3]float64, t.w*t.h)
	inside, seen := make([]bool, t.w*t.h), make([]float64, t.w*t.h)
	for y := range h {
		a := original.Pix[original.PixOffset(original.Rect.Min.X, original.Rect.Min.Y+y):][:4*w]
		b := made.Pix[made.PixOffset(made.Rect.Min.X, made.Rect.Min.Y+y):][:4*w]
		for x, d := range reach[y*w : (y+1)*w] {
			if d > toneRing*toneRing {
				continue
			}
			cell := y/toneCell*t.w + x/toneCell
			if d == 0 {
				inside[cell] = true
				continue
			}
			seen[cell]++
			for c := range 3 {
				t.value[cell][c] += float64(a[4*x+c]) - float64(b[4*x+c])
			}
		}
	}
	var mean [3]float64
	all := 0.0
	for i, n := range seen {
		if n == 0 {
			continue
		}
		t.known[i] = true
		all += n
		for c := range 3 {
			mean[c] += t.value[i][c]
			t.value[i][c] /= n
		}
	}
	if all == 0 {
		return t // nothing of the original is left to meet
	}
	var open []int
	for i := range inside {
		if inside[i] && !t.known[i] {
			open = append(open, i)
			for c := range 3 {
				t.value[i][c] = mean[c] / all
			}
		}
	}
	for _, i := range open {
		t.known[i] = true
	}
	t.relax(open)
	return t
}

// relax brings each of the open cells towards the mean of its neighbours, and beyond
// it, which is sooner there: successive over-relaxation, with the factor that is best
// for a square of their extent, and sweeps enough for it.
func (t *tone) relax(open []int) {
	around := make([][]int, len(open))
	var extent image.Rectangle
	for k, i := range open {
		column := i % t.w
		extent = extent.Union(image.Rect(column, i/t.w, column+1, i/t.w+1))
		for _, next := range []struct {
			cell int
			is   bool
		}{{i - t.w, i >= t.w}, {i + t.w, i+t.w < len(t.value)}, {i - 1, column > 0}, {i + 1, column < t.w-1}} {
			if next.is && t.known[next.cell] {
				around[k] = append(around[k], next.cell)
			}
		}
	}
	side := max(extent.Dx(), extent.Dy()) + 1
	beyond := 2 / (1 + math.Sin(math.Pi/float64(side)))
	for range 2 * side {
		for k, i := range open {
			var sum [3]float64
			for _, next := range around[k] {
				for c := range 3 {
					sum[c] += t.value[next][c]
				}
			}
			if n := float64(len(around[k])); n > 0 {
				for c := range 3 {
					t.value[i][c] += beyond * (sum[c]/n - t.value[i][c])
				}
			}
		}
	}
}

// at is the tone of a pixel: linear between the centres of the cells that have one.
func (t *tone) at(x, y int) (out [3]float64) {
	u, v := (float64(x)+0.5)/toneCell-0.5, (float64(y)+0.5)/toneCell-0.5
	left, top := math.Floor(u), math.Floor(v)
	all := 0.0
	for dy := range 2 {
		for dx := range 2 {
			column, row := int(left)+dx, int(top)+dy
			if column < 0 || row < 0 || column >= t.w || row >= t.h {
				continue
			}
			i := row*t.w + column
			if !t.known[i] {
				continue
			}
			share := (1 - math.Abs(u-float64(column))) * (1 - math.Abs(v-float64(row)))
			all += share
			for c := range 3 {
				out[c] += share * t.value[i][c]
			}
		}
	}
	if all > 0 {
		for c := range 3 {
			out[c] /= all
		}
	}
	return out
}
