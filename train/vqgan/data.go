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

// feed decodes pictures and cuts crops ahead of the trainer. The crops of a step
// depend on (seed, step) alone, so a resumed run sees what it would have seen.
type feed struct {
	config  Config
	size    int
	seed    uint64
	files   []dataset.File
	skipped *dataset.Skipped
	warn    func(format string, args ...any)
}

// ahead is how many steps' crops may wait: enough that a slow picture never holds
// the trainer up and all cores can read, little enough to keep in memory.
func ahead() int { return max(4, runtime.GOMAXPROCS(0)) }

// stream sends the crops of steps from, from+1, ... until the context ends or a
// picture is too small; wait returns why it ended.
func (f *feed) stream(ctx context.Context, from, to int) (batches <-chan []uint8, wait func() error) {
	group, ctx := errgroup.WithContext(ctx)
	pending := make(chan chan []uint8, ahead())
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
				crops, err := f.crops(step)
				if err != nil {
					return err
				}
				result <- crops
				return nil
			})
		}
		return nil
	})
	group.Go(func() error { // hands results on in the order of their steps
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

// crops cuts one step's crops, bytes [B, S, S, 3]: a few from each picture, at
// random places, half of them mirrored.
func (f *feed) crops(step int) ([]uint8, error) {
	c := f.config
	rng := engine.Keyed(f.seed, fmt.Sprintf("crops/%d", step))
	batch := make([]uint8, c.Batch*c.Crop*c.Crop*3)
	pictures := c.Batch / c.PerPict
	for p := range pictures {
		picture, err := f.picture(step*pictures + p)
		if err != nil {
			return nil, err
		}
		for i := range c.PerPict {
			cut(batch[(p*c.PerPict+i)*c.Crop*c.Crop*3:], picture, c.Crop, rng)
		}
	}
	return batch, nil
}

func cut(out []uint8, picture *image.RGBA, side int, rng *rand.Rand) {
	x := rng.IntN(picture.Rect.Dx() - side + 1)
	y := rng.IntN(picture.Rect.Dy() - side + 1)
	dataset.Pixels(out, picture, x, y, side, side, rng.IntN(2) == 1)
}

// picture returns the k-th picture of an endless sequence that goes through the
// files epoch after epoch, each in an order of its own. Unreadable files are
// named once and the next one taken instead.
func (f *feed) picture(k int) (*image.RGBA, error) {
	n := len(f.files)
	order := engine.Keyed(f.seed, fmt.Sprintf("order/%d", k/n)).Perm(n)
	for try := range n {
		file := f.files[order[(k+try)%n]]
		picture, err := dataset.Load(file.Path, f.size)
		if err != nil {
			if f.skipped.Add(file.Path, err) {
				f.warn("skipped %v", err)
			}
			continue
		}
		if w, h := picture.Rect.Dx(), picture.Rect.Dy(); min(w, h) < f.config.Crop {
			return nil, fmt.Errorf("picture %s is %d×%d, smaller than the crop of %d: set vqgan.crop lower or take it out", file.Path, w, h, f.config.Crop)
		}
		return picture, nil
	}
	return nil, fmt.Errorf("none of the %d pictures can be read: %w", n, dataset.ErrEmpty)
}

// tensor wraps n pictures' bytes as [n, side, side, 3].
func tensor(bytes []uint8, n, side int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Uint8, n, side, side, 3))
	tensors.MustMutableFlatData(t, func(flat []uint8) { copy(flat, bytes) })
	return t
}
