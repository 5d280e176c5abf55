package picture

import (
	"image"
	"math"
)

// Compose returns the inpainted image in a region, which is white, and the original
// outside of it. All three have the same size. The inpainted image is corrected in
// tone to match the original around the region, see [tone]. Within feather pixels
// outside the region the two are blended, further out every byte is the original's.
func Compose(original, inpainted *image.RGBA, region *image.Gray, feather float64) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: original.Rect.Size()})
	w, h := out.Rect.Dx(), out.Rect.Dy()
	distance2 := squaredDistances(region)
	tone := newTone(original, inpainted, distance2)
	for y := range h {
		below := original.Pix[original.PixOffset(original.Rect.Min.X, original.Rect.Min.Y+y):][:4*w]
		above := inpainted.Pix[inpainted.PixOffset(inpainted.Rect.Min.X, inpainted.Rect.Min.Y+y):][:4*w]
		row := out.Pix[y*out.Stride:][:4*w]
		for x := range w {
			alpha := blend(math.Sqrt(distance2[y*w+x]), feather)
			if alpha == 0 {
				copy(row[4*x:4*x+4], below[4*x:])
				continue
			}
			offset := tone.at(x, y)
			for c := range 3 {
				a, b := float64(below[4*x+c]), float64(above[4*x+c])
				b = min(max(b+offset[c], 0), 255)
				row[4*x+c] = uint8(math.Round(a + alpha*(b-a)))
			}
			row[4*x+3] = 255
		}
	}
	return out
}

// blend returns the weight of the inpainted image at a distance in pixels from the
// region: 1 inside, 0 beyond the feather, and a smooth step between.
func blend(distance, feather float64) float64 {
	switch {
	case distance == 0:
		return 1
	case distance > feather:
		return 0
	}
	// The nearest pixel outside is 1 away. With +1, the weight of the last one within the feather is above 0.
	x := 1 - distance/(feather+1)
	return x * x * (3 - 2*x)
}

// squaredDistances returns for each pixel the squared distance to the nearest white
// pixel, [h·w], +Inf if there is none. It is exact: one pass over the columns and one
// over the rows (Felzenszwalb and Huttenlocher, "Distance transforms of sampled
// functions", 2012, section 2).
func squaredDistances(region *image.Gray) []float64 {
	w, h := region.Rect.Dx(), region.Rect.Dy()
	out := make([]float64, w*h)
	for y := range h {
		for x, level := range region.Pix[region.PixOffset(region.Rect.Min.X, region.Rect.Min.Y+y):][:w] {
			if level < white {
				out[y*w+x] = math.Inf(1)
			}
		}
	}
	e := newEnvelope(max(w, h))
	line := make([]float64, h)
	for x := range w {
		for y := range h {
			line[y] = out[y*w+x]
		}
		e.lower(line)
		for y := range h {
			out[y*w+x] = line[y]
		}
	}
	for y := range h {
		e.lower(out[y*w : (y+1)*w])
	}
	return out
}

// An envelope computes the lower envelope of parabolas, one for each pixel of a row or
// column of at most a given length.
type envelope struct {
	at     []int     // positions of the parabolas of the envelope
	from   []float64 // where each of them begins to be the lowest
	before []float64 // a copy of the input
}

func newEnvelope(n int) *envelope {
	return &envelope{make([]int, n), make([]float64, n), make([]float64, n)}
}

// lower replaces f(q) with the minimum over p of f(p) + (q-p)².
func (e *envelope) lower(f []float64) {
	k := -1
	for q, height := range f {
		if math.IsInf(height, 1) {
			continue
		}
		start := math.Inf(-1)
		for ; k >= 0; k-- {
			p := e.at[k]
			start = (height + float64(q*q) - f[p] - float64(p*p)) / float64(2*(q-p))
			if start > e.from[k] {
				break
			}
			start = math.Inf(-1)
		}
		k++
		e.at[k], e.from[k] = q, start
	}
	if k < 0 {
		return // all infinite
	}
	before := e.before[:len(f)]
	copy(before, f)
	i := 0
	for q := range f {
		for i < k && e.from[i+1] <= float64(q) {
			i++
		}
		p := e.at[i]
		f[q] = before[p] + float64((q-p)*(q-p))
	}
}
