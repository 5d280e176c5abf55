package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/ort/orttest"
	"sundae/internal/picture"
	"sundae/train/dataset"
	"sundae/train/prior"
	"sundae/train/recipe"
	"sundae/train/vqgan"
)

// writeShapes writes n images of 8×8 pixels to an IDX file, with their labels: 0 is a
// horizontal bar, 1 a vertical one, 2 a frame, each in a random place and one of two shades.
func writeShapes(t *testing.T, n int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var pixels, labels []byte
	for i := range n {
		frame := image.NewGray(image.Rect(0, 0, 8, 8))
		at, shade := rng.IntN(4), []uint8{170, 255}[rng.IntN(2)]
		for k := range 8 {
			switch i % 3 {
			case 0:
				frame.Pix[(at+2)*8+k], frame.Pix[(at+3)*8+k] = shade, shade
			case 1:
				frame.Pix[k*8+at+1], frame.Pix[k*8+at+2] = shade, shade
			case 2:
				for _, p := range [][2]int{{0, k}, {7, k}, {k, 0}, {k, 7}} {
					frame.Pix[p[0]*8+p[1]] = shade
				}
			}
		}
		pixels, labels = append(pixels, frame.Pix...), append(labels, byte(i%3))
	}
	path := filepath.Join(t.TempDir(), "train-images-idx3-ubyte")
	for name, data := range map[string][]byte{
		path: slices.Concat(bigEndian(0x803, n, 8, 8), pixels), filepath.Join(filepath.Dir(path), "train-labels-idx1-ubyte"): slices.Concat(bigEndian(0x801, n), labels),
	} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func bigEndian(values ...int) (out []byte) {
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(v))
	}
	return out
}

// TestGreyLevels trains a prior on grey levels, from an IDX file to a bundle: samples are
// recognisable by class, and the bundle keeps grey pictures as they are.
func TestGreyLevels(t *testing.T) {
	r, err := recipe.Open("mnist-small")
	if err != nil {
		t.Fatal(err)
	}
	r.Image.Size, r.Levels, r.Latents.Batch = 8, 4, 50
	r.Prior.Depth = prior.Depth{Middle: 2, After: 1}
	r.Prior.Dim, r.Prior.Heads, r.Prior.HeadDim, r.Prior.ShiftMixing = 32, 2, 16, 4
	r.Prior.Batch, r.Prior.Steps, r.Prior.Every, r.Prior.HeldOut, r.Prior.LearningRate, r.Prior.Warmup, r.Prior.EMA = 16, 120, 120, 16, 1e-2, 10, 0.9
	backend := open(t)
	run := Run{Recipe: r, Out: t.TempDir(), Backend: backend, Open: orttest.Opener(t)}
	data := []string{writeShapes(t, 300)}
	m, err := All(t.Context(), AllOptions{Run: run, Data: data, Writer: backend})
	if err != nil {
		t.Fatal(err)
	}
	if m.Downsample != 1 || m.Vocabulary != 4 || !slices.Equal(m.Classes, []string{"0", "1", "2"}) {
		t.Errorf("manifest %+v", m)
	}
	if _, ok := m.Training.Steps["vqgan"]; ok {
		t.Error("the record has steps of a VQ-GAN")
	}
	if _, err := os.Stat(filepath.Join(run.Out, vqgan.Checkpoint)); err == nil {
		t.Error("a VQ-GAN was trained")
	}
	dir := filepath.Join(run.Out, "bundle")
	set, err := dataset.Open(data...)
	if err != nil {
		t.Fatal(err)
	}
	classes, err := newCentroids(set, r.Image.Size)
	if err != nil {
		t.Fatal(err)
	}
	var agree, all int
	for class, pictures := range sampleBundle(t, dir, 10) {
		for _, p := range pictures {
			if classes.nearest(p) == class {
				agree++
			}
			all++
		}
	}
	if agree < all*9/10 {
		t.Errorf("%d of %d samples are recognised", agree, all)
	}

	b, err := bundle.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, err := decoder.Open(b, run.Open)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	original, err := set.Files[2].Load(r.Image.Size)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Reconstruct(t.Context(), original)
	if err != nil || !bytes.Equal(again.Pix, original.Pix) {
		t.Errorf("a grey picture changes, %v", err)
	}

	_, err = VQGAN(t.Context(), VQGANOptions{Run: run, Data: data, Start: Random{}})
	if want := "the recipe mnist-small has grey levels as tokens and no VQ-GAN to train: begin with `sundae train latents`"; err == nil || err.Error() != want {
		t.Errorf("train vqgan: %v", err)
	}
	// The bundle is a tokenizer for other recipes.
	other, err := recipe.Open("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if other, err = other.WithTokenizer(m); err != nil || other.Factor() != 1 || other.Vocabulary() != 4 || other.Tokenizer != recipe.Pixels || other.HasVQGAN() {
		t.Errorf("the recipe tiny with the bundle's tokens: %v", err)
	}
}

// centroids is a nearest-centroid classifier: the mean grey values of the images of each
// class.
type centroids [][]float64

func newCentroids(set dataset.Set, size int) (centroids, error) {
	c := make(centroids, len(set.Classes))
	counts := make([]float64, len(c))
	for _, file := range set.Files {
		p, err := file.Load(size)
		if err != nil {
			return nil, err
		}
		if c[file.Class] == nil {
			c[file.Class] = make([]float64, size*size)
		}
		for i := range c[file.Class] {
			c[file.Class][i] += float64(p.Pix[4*i])
		}
		counts[file.Class]++
	}
	for class := range c {
		for i := range c[class] {
			c[class][i] /= counts[class]
		}
	}
	return c, nil
}

// nearest is the class whose centroid is closest to a grey image.
func (c centroids) nearest(p *image.RGBA) int {
	class, least := 0, math.Inf(1)
	for k, centroid := range c {
		var sum float64
		for i, mean := range centroid {
			d := float64(p.Pix[4*i]) - mean
			sum += d * d
		}
		if sum < least {
			class, least = k, sum
		}
	}
	return class
}

// TestRecognition measures how many samples of each class a nearest-centroid classifier
// recognises, and how many held-out images. The classifier is built from the IDX file in
// SUNDAE_DATA. SUNDAE_HELDOUT is another IDX file and SUNDAE_SAMPLES a folder with the
// samples of each class in a sub-folder of its name.
func TestRecognition(t *testing.T) {
	data := os.Getenv("SUNDAE_DATA")
	if data == "" {
		t.Skip("run by hand: see train/README.md")
	}
	set, err := dataset.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	first, err := set.Files[0].Load(math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	size := first.Rect.Dx()
	c, err := newCentroids(set, size)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"SUNDAE_HELDOUT", "SUNDAE_SAMPLES"} {
		path := os.Getenv(name)
		if path == "" {
			continue
		}
		of, err := dataset.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		right, total := make([]int, len(set.Classes)), make([]int, len(set.Classes))
		for _, file := range of.Files {
			class := slices.Index(set.Classes, of.Classes[file.Class])
			if class < 0 {
				t.Fatal(errors.New("no class " + of.Classes[file.Class] + " in " + data))
			}
			p, err := file.Load(size)
			if err != nil {
				t.Fatal(err)
			}
			total[class]++
			if c.nearest(picture.Fit(p, size, picture.Crop)) == class {
				right[class]++
			}
		}
		report, all := "", 0
		for class, n := range total {
			report += fmt.Sprintf(" %s %d/%d", set.Classes[class], right[class], n)
			all += right[class]
		}
		t.Logf("%s: %.1f%% recognised:%s", path, 100*float64(all)/float64(len(of.Files)), report)
	}
}
