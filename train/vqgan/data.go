package vqgan

import (
	"context"
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"sundae/train/dataset"
	"sundae/train/engine"
)

// loader decodes images and cuts crops ahead of the training loop. The crops of a
// step depend on (seed, step) alone, so a resumed run gets the same ones.
type loader struct {
	config  Config
	size    int
	seed    uint64
	files   []dataset.File
	skipped *dataset.Skipped
	warn    func(format string, args ...any)
}

// prefetch is how many steps' crops may wait: enough for all cores to decode and for
// a slow image not to stop the loop, few enough to keep in memory.
func prefetch() int { return max(4, runtime.GOMAXPROCS(0)) }

// stream sends the crops of the steps from, from+1, ..., to-1 in order. It ends early
// if ctx ends or an image is smaller than a crop; wait returns why.
func (l *loader) stream(ctx context.Context, from, to int) (batches <-chan []uint8, wait func() error) {
	group, ctx := errgroup.WithContext(ctx)
	pending := make(chan chan []uint8, prefetch())
	out := make(chan []uint8)
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	group.Go(func() error { // starts one worker a step, in order
		defer close(pending)
		for step := from; step < to; step++ {
			result := make(chan []uint8, 1)
			select {
			case pending <- result:
			case <-ctx.Done():
				return ctx.Err()
			}
			slots <- struct{}{}
			group.Go(func() error {
				defer func() { <-slots }()
				crops, err := l.crops(step)
				if err != nil {
					return err
				}
				result <- crops
				return nil
			})
		}
		return nil
	})
	group.Go(func() error { // passes results on in the order of their steps
		defer close(out)
		for result := range pending {
			select {
			case crops := <-result:
				select {
				case out <- crops:
				case <-ctx.Done():
					return ctx.Err()
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	return out, group.Wait
}

// crops cuts one step's crops, bytes [B, S, S, 3]: CropsPerImage from each image, at
// random positions, half of them mirrored.
func (l *loader) crops(step int) ([]uint8, error) {
	c := l.config
	rng := engine.Keyed(l.seed, fmt.Sprintf("crops/%d", step))
	batch := make([]uint8, c.Batch*c.Crop*c.Crop*3)
	images := c.Batch / c.CropsPerImage
	for k := range images {
		img, err := l.image(step*images + k)
		if err != nil {
			return nil, err
		}
		for i := range c.CropsPerImage {
			randomCrop(batch[(k*c.CropsPerImage+i)*c.Crop*c.Crop*3:], img, c.Crop, rng)
		}
	}
	return batch, nil
}

func randomCrop(out []uint8, img *image.RGBA, side int, rng *rand.Rand) {
	x := rng.IntN(img.Rect.Dx() - side + 1)
	y := rng.IntN(img.Rect.Dy() - side + 1)
	dataset.Pixels(out, img, x, y, side, side, rng.IntN(2) == 1)
}

// image returns the k-th image of an endless sequence that goes through the files
// epoch after epoch, each in its own random order. In place of an unreadable file it
// takes the next one.
func (l *loader) image(k int) (*image.RGBA, error) {
	n := len(l.files)
	order := engine.Keyed(l.seed, fmt.Sprintf("order/%d", k/n)).Perm(n)
	for try := range n {
		if img, err := l.load(l.files[order[(k+try)%n]]); img != nil || err != nil {
			return img, err
		}
	}
	return nil, fmt.Errorf("none of the %d pictures can be read: %w", n, dataset.ErrEmpty)
}

// load decodes a file. It returns nil, after one warning, if the file cannot be read,
// and an error if the image is smaller than a crop.
func (l *loader) load(file dataset.File) (*image.RGBA, error) {
	img, err := file.Load(l.size)
	if err != nil {
		if l.skipped.Add(file.Path, err) {
			l.warn("skipped %v", err)
		}
		return nil, nil
	}
	if w, h := img.Rect.Dx(), img.Rect.Dy(); min(w, h) < l.config.Crop {
		return nil, fmt.Errorf("picture %s is %d×%d, smaller than the crop of %d: lower vqgan.crop or remove the picture", file.Path, w, h, l.config.Crop)
	}
	return img, nil
}

// imageTensor copies the bytes of n images into a tensor [n, side, side, 3].
func imageTensor(bytes []uint8, n, side int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Uint8, n, side, side, 3))
	tensors.MustMutableFlatData(t, func(flat []uint8) { copy(flat, bytes) })
	return t
}
