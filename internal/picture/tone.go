package picture

import (
	"image"
	"math"
)

// The tone correction is smooth, so it is computed for cells of toneCell×toneCell
// pixels. That is fast enough for every step of a run.
const (
	toneCell = 8
	toneRing = 16 // the images are compared up to this distance from the region, in pixels
)

// A tone is the offset in red, green and blue that makes an inpainted image match the
// original around the region. Around it the offset is the difference of the two images.
// Inside it is the smoothest continuation, the solution of Laplace's equation. This is
// seamless cloning (Pérez et al., "Poisson image editing", 2003, section 2) on cells
// instead of pixels.
type tone struct {
	w, h  int          // in cells
	known []bool       // cells that have an offset
	value [][3]float64 // the offset by cell
}

// newTone compares the images around a region, given as squared distances to it.
func newTone(original, inpainted *image.RGBA, distance2 []float64) *tone {
	w, h := original.Rect.Dx(), original.Rect.Dy()
	t := &tone{w: (w + toneCell - 1) / toneCell, h: (h + toneCell - 1) / toneCell}
	t.known, t.value = make([]bool, t.w*t.h), make([][3]float64, t.w*t.h)
	inside, seen := make([]bool, t.w*t.h), make([]float64, t.w*t.h)
	for y := range h {
		a := original.Pix[original.PixOffset(original.Rect.Min.X, original.Rect.Min.Y+y):][:4*w]
		b := inpainted.Pix[inpainted.PixOffset(inpainted.Rect.Min.X, inpainted.Rect.Min.Y+y):][:4*w]
		for x, d := range distance2[y*w : (y+1)*w] {
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
		return t // the region is the whole image
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

// relax solves Laplace's equation for the open cells by successive over-relaxation. The
// factor is the best one for a square of their extent, the number of sweeps is enough
// for it to converge.
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
	omega := 2 / (1 + math.Sin(math.Pi/float64(side)))
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
					t.value[i][c] += omega * (sum[c]/n - t.value[i][c])
				}
			}
		}
	}
}

// at returns the offset of a pixel, interpolated between the centres of the cells that
// have one.
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
			weight := (1 - math.Abs(u-float64(column))) * (1 - math.Abs(v-float64(row)))
			all += weight
			for c := range 3 {
				out[c] += weight * t.value[i][c]
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
