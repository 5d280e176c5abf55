// Package neighbours finds the nearest neighbour of each sample among the training
// images, which shows whether a model has memorised them.
package neighbours

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"runtime"

	"golang.org/x/sync/errgroup"

	"sundae/internal/picture"
	"sundae/train/dataset"
)

// side is the side to which images are scaled before they are compared, so that layout
// and colour count and single pixels do not.
const side = 32

// Neighbour is the training image nearest to one sample.
type Neighbour struct {
	Sample, Training dataset.File
	Distance         float64 // root mean square difference of the scaled images, 0 to 255
}

// Find compares every sample with every training image. done is called after each
// training image, from several goroutines.
func Find(ctx context.Context, samples, training []dataset.File, done func()) ([]Neighbour, error) {
	features := make([][]float32, len(samples))
	for i, file := range samples {
		var err error
		if features[i], err = scaled(file); err != nil {
			return nil, err
		}
	}
	workers := runtime.GOMAXPROCS(0)
	best := make([][]Neighbour, workers)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		best[w] = make([]Neighbour, len(samples))
		for i, file := range samples {
			best[w][i] = Neighbour{Sample: file, Distance: math.Inf(1)}
		}
		group.Go(func() error {
			for k := w; k < len(training); k += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				other, err := scaled(training[k])
				if err != nil {
					return err
				}
				for i, s := range features {
					if d := distance(s, other); d < best[w][i].Distance {
						best[w][i].Training, best[w][i].Distance = training[k], d
					}
				}
				done()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	nearest := best[0]
	for _, other := range best[1:] {
		for i := range nearest {
			if other[i].Distance < nearest[i].Distance {
				nearest[i] = other[i]
			}
		}
	}
	return nearest, nil
}

// Sheet shows samples over their neighbours, each cell×cell pixels, in rows of columns.
func Sheet(pairs []Neighbour, columns, cell int) (image.Image, error) {
	var cells []image.Image
	for from := 0; from < len(pairs); from += columns {
		row := pairs[from:min(from+columns, len(pairs))]
		for _, file := range []func(Neighbour) dataset.File{
			func(n Neighbour) dataset.File { return n.Sample }, func(n Neighbour) dataset.File { return n.Training },
		} {
			for i := range columns {
				if i >= len(row) {
					cells = append(cells, image.NewRGBA(image.Rect(0, 0, cell, cell)))
					continue
				}
				p, err := file(row[i]).Load(cell)
				if err != nil {
					return nil, fmt.Errorf("draw the sheet of neighbours: %w", err)
				}
				cells = append(cells, picture.Fit(p, cell, picture.Crop))
			}
		}
	}
	return picture.Grid(cells, columns, 4, color.Black), nil
}

// scaled is an image scaled to side×side, [side, side, 3].
func scaled(file dataset.File) ([]float32, error) {
	p, err := file.Load(side)
	if err != nil {
		return nil, fmt.Errorf("compare pictures: %w", err)
	}
	p = picture.Fit(p, side, picture.Crop)
	out := make([]float32, 0, 3*side*side)
	for i := 0; i < len(p.Pix); i += 4 {
		out = append(out, float32(p.Pix[i]), float32(p.Pix[i+1]), float32(p.Pix[i+2]))
	}
	return out, nil
}

// distance is the root mean square difference.
func distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(a)))
}
