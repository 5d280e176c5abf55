package scenes

import (
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// set hashes every file of a set.
func set(t *testing.T, o Options) map[string][32]byte {
	t.Helper()
	dir := t.TempDir()
	if _, err := Write(t.Context(), dir, o, nil); err != nil {
		t.Fatal(err)
	}
	return hashes(t, dir)
}

func hashes(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameSeedSameBytes(t *testing.T) {
	few := set(t, Options{Count: 8, Size: 64, Seed: 5, Workers: 1})
	many := set(t, Options{Count: 16, Size: 64, Seed: 5, Workers: 4})
	if len(few) != 8 || len(many) != 16 {
		t.Fatalf("%d and %d files", len(few), len(many))
	}
	for name, hash := range few {
		if many[name] != hash {
			t.Errorf("%s depends on the number of workers or images", name)
		}
	}
	for name, hash := range set(t, Options{Count: 8, Size: 64, Seed: 6}) {
		if few[name] == hash {
			t.Errorf("%s is the same under another seed", name)
		}
	}
}

func TestClassFolders(t *testing.T) {
	files := set(t, Options{Count: 16, Size: 32, Seed: 1})
	perClass := map[string]int{}
	for name := range files {
		perClass[filepath.Dir(name)]++
	}
	for _, class := range Classes() {
		if perClass[class] != 2 {
			t.Errorf("%d pictures of %s among 16", perClass[class], class)
		}
	}
	if len(Classes()) != 8 {
		t.Errorf("%d classes", len(Classes()))
	}
}

// mean is the mean colour histogram, 4 levels per channel, of some images of a class.
func mean(class int, from uint64) (out [64]float64) {
	const n = 12
	for i := range uint64(n) {
		p := Draw(class, from+i, 64)
		for at := 0; at < len(p.Pix); at += 4 {
			out[int(p.Pix[at]>>6)<<4|int(p.Pix[at+1]>>6)<<2|int(p.Pix[at+2]>>6)] += 1. / float64(n*64*64)
		}
	}
	return out
}

func TestClassesDifferInColour(t *testing.T) {
	distance := func(a, b [64]float64) (sum float64) {
		for i := range a {
			sum += math.Abs(a[i] - b[i])
		}
		return sum
	}
	for a, name := range Classes() {
		first, second := mean(a, 100), mean(a, 900)
		for b, other := range Classes() {
			if a != b && distance(first, mean(b, 900)) <= distance(first, second) {
				t.Errorf("%s looks more like %s than like itself", name, other)
			}
		}
	}
}

// Another size shows the same scene: edges are covered by area, so a small image is
// close to the average of a large one.
func TestSizesShowTheSameScene(t *testing.T) {
	for class, name := range Classes() {
		small, large := Draw(class, 3, 64), Draw(class, 3, 256)
		var sum float64
		for y := range 64 {
			for x := range 64 {
				for c := range 3 {
					var area float64
					for i := range 16 {
						area += float64(large.Pix[large.PixOffset(4*x+i%4, 4*y+i/4)+c]) / 16
					}
					d := area - float64(small.Pix[small.PixOffset(x, y)+c])
					sum += d * d
				}
			}
		}
		if rms := math.Sqrt(sum / (64 * 64 * 3)); rms > 16 {
			t.Errorf("%s at 64 pixels is %.1f levels from itself at 256", name, rms)
		}
	}
}

func TestImagesAreOpaqueAndVaried(t *testing.T) {
	for class, name := range Classes() {
		for _, size := range []int{MinSize, 48, 512} {
			p := Draw(class, 11, size)
			if p.Rect != image.Rect(0, 0, size, size) {
				t.Fatalf("%s: %v", name, p.Rect)
			}
			colours := map[[3]uint8]bool{}
			for at := 0; at < len(p.Pix); at += 4 {
				if p.Pix[at+3] != 255 {
					t.Fatalf("%s at %d has a transparent pixel", name, size)
				}
				colours[[3]uint8(p.Pix[at:at+3])] = true
			}
			if len(colours) < size {
				t.Errorf("%s at %d has %d colours", name, size, len(colours))
			}
		}
	}
}

func TestCancelledSetContinues(t *testing.T) {
	dir := t.TempDir()
	o := Options{Count: 16, Size: 32, Seed: 2, Workers: 1}
	ctx, cancel := context.WithCancel(t.Context())
	done := 0
	_, err := Write(ctx, dir, o, func(bool) {
		if done++; done == 5 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled set returns %v", err)
	}
	drawn, err := Write(t.Context(), dir, o, nil)
	if err != nil || drawn >= 16 || drawn < 1 {
		t.Errorf("%d pictures drawn the second time, %v", drawn, err)
	}
	whole := set(t, o)
	for name, hash := range hashes(t, dir) {
		if whole[name] != hash {
			t.Errorf("%s differs between the straight and the cancelled set", name)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Count: 0, Size: 64}, {Count: 1, Size: MinSize - 1}, {Count: 1, Size: MaxSize + 1}, {Count: 1, Size: 64, Workers: -1}} {
		if _, err := Write(t.Context(), t.TempDir(), o, nil); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// BenchmarkWrite measures pictures/s at 1024x1024, files written, on all cores.
func BenchmarkWrite(b *testing.B) {
	n := 0
	for b.Loop() {
		n += 16
		if _, err := Write(b.Context(), b.TempDir(), Options{Count: 16, Size: 1024, Seed: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pictures/s")
}
