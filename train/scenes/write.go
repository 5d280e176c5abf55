package scenes

import (
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"
)

// Options are the settings of [Write].
type Options struct {
	Count   int    // number of images; classes take turns
	Size    int    // side in pixels, MinSize to MaxSize
	Seed    uint64 // of the whole set
	Workers int    // images drawn at once; 0: one per core
}

// Check returns an error if o is not valid.
func (o Options) Check() error {
	switch {
	case o.Count < 1:
		return fmt.Errorf("count must be at least 1, not %d", o.Count)
	case o.Size < MinSize || o.Size > MaxSize:
		return fmt.Errorf("size must be %d to %d pixels, not %d", MinSize, MaxSize, o.Size)
	case o.Workers < 0:
		return fmt.Errorf("workers must be at least 1, or 0 for all cores, not %d", o.Workers)
	}
	return nil
}

// imagePath is the path of image i in the set's folder, which has one sub-folder per class.
func imagePath(i int) string {
	name := classes[i%len(classes)].name
	return filepath.Join(name, fmt.Sprintf("%s-%06d.png", name, i))
}

// imageSeed is the seed of image i in the set with the given seed. An image depends on
// these two only. They are mixed as in SplitMix64.
func imageSeed(seed uint64, i int) uint64 {
	z := seed + (uint64(i)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Write draws a set of images into dir: dir/CLASS/CLASS-000123.png. Files are written
// atomically. An existing image of the right size is kept, so that a cancelled run can
// be continued; its seed is not checked. done, if not nil, is called from several
// goroutines after each image, with drawn = false for a kept one. Write returns the
// number of images drawn.
func Write(ctx context.Context, dir string, o Options, done func(drawn bool)) (int, error) {
	if err := o.Check(); err != nil {
		return 0, err
	}
	for _, name := range Classes()[:min(o.Count, len(classes))] {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return 0, fmt.Errorf("create a folder for the pictures: %w", err)
		}
	}
	workers := o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next, drawn atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(workers, o.Count) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= o.Count {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				path := filepath.Join(dir, imagePath(i))
				kept := complete(path, o.Size)
				if !kept {
					if err := writeOne(path, i, o); err != nil {
						return err
					}
					drawn.Add(1)
				}
				if done != nil {
					done(!kept)
				}
			}
		})
	}
	err := g.Wait()
	return int(drawn.Load()), err
}

func writeOne(path string, i int, o Options) error {
	img := Draw(i%len(classes), imageSeed(o.Seed, i), o.Size)
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer f.Cleanup()
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(f, img); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// complete reports whether path is a PNG of the given size. Files are written
// atomically, so its header is enough.
func complete(path string, size int) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	c, err := png.DecodeConfig(f)
	return err == nil && c.Width == size && c.Height == size
}

// Summary lists the classes for a help text: "alpine, dunes, ...".
func Summary() string { return strings.Join(Classes(), ", ") }
