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

// Options say what [Write] writes.
type Options struct {
	Count   int    // pictures in all; classes take turns
	Size    int    // pixels a side, MinSize to MaxSize
	Seed    uint64 // another seed, another set
	Workers int    // pictures drawn at once; 0: as many as there are cores
}

// Check says what is wrong with o, or nil.
func (o Options) Check() error {
	switch {
	case o.Count < 1:
		return fmt.Errorf("count %d: at least 1 picture is needed", o.Count)
	case o.Size < MinSize || o.Size > MaxSize:
		return fmt.Errorf("size %d: want %d to %d pixels a side", o.Size, MinSize, MaxSize)
	case o.Workers < 0:
		return fmt.Errorf("workers %d: want 1 or more, or 0 for all cores", o.Workers)
	}
	return nil
}

// Path is the file of picture i inside the set's folder: one sub-folder a class.
func Path(i int) string {
	name := classes[i%len(classes)].name
	return filepath.Join(name, fmt.Sprintf("%s-%06d.png", name, i))
}

// SeedOf is picture i's own seed in the set with the given seed, so that a
// picture depends on nothing but the two (the mixing is SplitMix64's).
func SeedOf(seed uint64, i int) uint64 {
	z := seed + (uint64(i)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Write draws a set of pictures into dir: dir/CLASS/CLASS-000123.png. Files
// appear whole or not at all. A picture that is there already in the right size
// is kept, so that a stopped run goes on where it was; it is not compared with
// the seed. done, if not nil, is called from several goroutines after each
// picture, with drawn = false for a kept one. Write returns how many it drew.
func Write(ctx context.Context, dir string, o Options, done func(drawn bool)) (int, error) {
	if err := o.Check(); err != nil {
		return 0, err
	}
	for _, name := range Classes()[:min(o.Count, len(classes))] {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return 0, fmt.Errorf("making a folder for the pictures: %w", err)
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
				path := filepath.Join(dir, Path(i))
				kept := whole(path, o.Size)
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
	img := Draw(i%len(classes), SeedOf(o.Seed, i), o.Size)
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer f.Cleanup()
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := enc.Encode(f, img); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// whole says whether path holds a PNG of the given size. Files are renamed into
// place, so that its head speaks for all of it.
func whole(path string, size int) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	c, err := png.DecodeConfig(f)
	return err == nil && c.Width == size && c.Height == size
}

// Summary names the classes for a help text: "alpine, dunes, ...".
func Summary() string { return strings.Join(Classes(), ", ") }
