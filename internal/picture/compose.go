package picture

import (
	"image"
	"math"
)

// Compose lays an original back outside a region, white where the made picture
// is to be seen, in a tone that meets the original's. Around the region the two run
// into each other: within feather pixels of it the original's share grows smoothly,
// and beyond that every byte is the original's. All three have one size.
func Compose(original, made *image.RGBA, region *image.Gray, feather float64) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: original.Rect.Size()})
	w, h := out.Rect.Dx(), out.Rect.Dy()
	reach := distances(region)
	tone := newTone(original, made, reach)
	for y := range h {
		below := original.Pix[original.PixOffset(original.Rect.Min.X, original.Rect.Min.Y+y):][:4*w]
		above := made.Pix[made.PixOffset(made.Rect.Min.X, made.Rect.Min.Y+y):][:4*w]
		row := out.Pix[y*out.Stride:][:4*w]
		for x := range w {
			share := seam(math.Sqrt(reach[y*w+x]), feather)
			if share == 0 {
				copy(row[4*x:4*x+4], below[4*x:])
				continue
			}
			lighter := tone.at(x, y)
			for c := range 3 {
				a, b := float64(below[4*x+c]), float64(above[4*x+c])
				b = min(max(b+lighter[c], 0), 255)
				row[4*x+c] = uint8(math.Round(a + share*(b-a)))
			}
			row[4*x+3] = 255
		}
	}
	return out
}

// seam is the share of the new picture at a distance, in pixels, from the
// region: 1 in it, 0 beyond the feather, and a smooth step between.
func seam(distance, feather float64) float64 {
	switch {
	case distance == 0:
		return 1
	case distance > feather:
		return 0
	}
	// The nearest pixel outside is 1 away; +1 keeps the last one inside the feather from being the original already.
	x := 1 - distance/(feather+1)
	return x * x * (3 - 2*x)
}

// distances gives each pixel's squared distance, in pixels, to the nearest white
// one, [h·w]; +Inf where there is none. It is exact: one pass down the columns,
// one along the rows (Felzenszwalb and Huttenlocher, "Distance transforms of
// sampled functions", 2012, section 2).
func distances(region *image.Gray) []float64 {
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

// An envelope is the lower envelope of parabolas, with memory for lines of one
// length.
type envelope struct {
	at     []int     // the parabolas' positions
	from   []float64 // where each begins to be the lowest
	before []float64 // the line's heights
}

func newEnvelope(n int) *envelope {
	return &envelope{make([]int, n), make([]float64, n), make([]float64, n)}
}

// lower replaces f(q) by the minimum over p of f(p) + (q-p)².
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
		return // nothing but infinity
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
