package latents

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/internal/picture"
	"sundae/train/dataset"
)

// folder writes n plain pictures per class; picture i has the colour i.
func folder(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		class := []string{"first", "second"}[i%2]
		if err := os.MkdirAll(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		img := image.NewRGBA(image.Rect(0, 0, 4, 4))
		for at := range 16 {
			img.SetRGBA(at%4, at/4, color.RGBA{uint8(i), uint8(at % 4), 0, 255})
		}
		if err := picture.Save(filepath.Join(dir, class, fmt.Sprintf("%02d.png", i)), img); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// encode makes a 1×2 latent of a picture: its red, and the green of its left edge.
func encode(_ context.Context, bytes []uint8, classes []int32) ([]int32, error) {
	n := len(classes)
	frame := len(bytes) / n
	var ids []int32
	for i := range n {
		ids = append(ids, int32(bytes[i*frame]), int32(bytes[i*frame+1]))
	}
	return ids, nil
}

func setup(t *testing.T, dir string, out string) (Info, Options) {
	t.Helper()
	set, err := dataset.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return Info{Tokenizer: "test", Height: 1, Width: 2, Vocabulary: 32, Classes: set.Classes, Flips: true},
		Options{Set: set, Size: 4, Batch: 4, Encode: encode, Out: out}
}

func TestEncodeWithFlips(t *testing.T) {
	out := t.TempDir()
	info, o := setup(t, folder(t, 6), out)
	if _, err := Encode(t.Context(), info, o); err != nil {
		t.Fatal(err)
	}
	got, tokens, labels, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	// Sorted by path: first/00 02 04, second/01 03 05; each with its mirror image,
	// whose left edge is the right one, green 3.
	want := []uint16{0, 0, 0, 3, 2, 0, 2, 3, 4, 0, 4, 3, 1, 0, 1, 3, 3, 0, 3, 3, 5, 0, 5, 3}
	if !slices.Equal(tokens, want) {
		t.Errorf("tokens %v, want %v", tokens, want)
	}
	if !slices.Equal(labels, []uint16{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("labels %v", labels)
	}
	if got.Rows != 12 || got.CodeUsage != 6.0/32 {
		t.Errorf("%d rows, %g of the codes used", got.Rows, got.CodeUsage)
	}
}

func TestStoppedEncodingContinues(t *testing.T) {
	dir, out := folder(t, 10), t.TempDir()
	info, o := setup(t, dir, out)
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	o.Encode = func(ctx context.Context, bytes []uint8, classes []int32) ([]int32, error) {
		if batches++; batches == 2 {
			cancel()
		}
		return encode(ctx, bytes, classes)
	}
	if _, err := Encode(ctx, info, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("a stopped encoding ends with %v", err)
	}
	if _, _, _, err := Open(out); err == nil || !strings.Contains(err.Error(), "unfinished") {
		t.Errorf("opening unfinished latents: %v", err)
	}
	// A killed run may leave rows that latents.json does not count.
	file, err := os.OpenFile(filepath.Join(out, tokensFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.Write([]byte{1, 2, 3})
	file.Close()
	o.Encode = encode
	if _, err := Encode(t.Context(), info, o); err != nil {
		t.Fatal(err)
	}
	whole := t.TempDir()
	o.Out = whole
	if _, err := Encode(t.Context(), info, o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tokensFile, labelsFile} {
		a, _ := os.ReadFile(filepath.Join(out, name))
		b, _ := os.ReadFile(filepath.Join(whole, name))
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s differs between the straight and the resumed encoding", name)
		}
	}
}

// Whatever a kill leaves, the same command gives the same data set: latents.json is the
// last file written, and rows that are missing are encoded again instead of read as zeros.
func TestEncodingAfterKill(t *testing.T) {
	dir, whole := folder(t, 10), t.TempDir()
	info, o := setup(t, dir, whole)
	done, err := Encode(t.Context(), info, o)
	if err != nil {
		t.Fatal(err)
	}
	unfinished := done
	unfinished.Done = false
	fewer := unfinished
	fewer.Files, fewer.Rows = 4, 8
	for name, harm := range map[string]func(out string) error{
		"before done": func(out string) error { return writeInfo(out, unfinished) },
		"labels missing": func(out string) error {
			return errors.Join(writeInfo(out, unfinished), os.Remove(filepath.Join(out, labelsFile)))
		},
		"tokens missing": func(out string) error {
			return errors.Join(writeInfo(out, unfinished), os.Remove(filepath.Join(out, tokensFile)))
		},
		"rows lost": func(out string) error {
			return errors.Join(writeInfo(out, fewer), os.Truncate(filepath.Join(out, tokensFile), 200))
		},
		"rows not counted":  func(out string) error { return writeInfo(out, fewer) },
		"done, rows lost":   func(out string) error { return os.Truncate(filepath.Join(out, labelsFile), 130) },
		"done, tokens gone": func(out string) error { return os.Remove(filepath.Join(out, tokensFile)) },
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			o.Out = out
			if _, err := Encode(t.Context(), info, o); err != nil {
				t.Fatal(err)
			}
			if err := harm(out); err != nil {
				t.Fatal(err)
			}
			again, err := Encode(t.Context(), info, o)
			if err != nil || again.Rows != done.Rows || again.CodeUsage != done.CodeUsage {
				t.Fatalf("%+v, %v, want %+v", again, err, done)
			}
			for _, name := range []string{tokensFile, labelsFile, stateFile} {
				a, _ := os.ReadFile(filepath.Join(out, name))
				b, _ := os.ReadFile(filepath.Join(whole, name))
				if len(a) == 0 || !slices.Equal(a, b) {
					t.Errorf("%s differs", name)
				}
			}
		})
	}
}

// Pictures of another folder replace a data set from its start, also after a kill right
// after latents.json said so.
func TestOtherPicturesReplace(t *testing.T) {
	out := t.TempDir()
	info, o := setup(t, folder(t, 10), out)
	if _, err := Encode(t.Context(), info, o); err != nil {
		t.Fatal(err)
	}
	other, o := setup(t, folder(t, 6), out)
	got, err := Encode(t.Context(), other, o)
	if err != nil || got.Files != 6 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, tokens, _, err := Open(out); err != nil || len(tokens) != got.Rows*got.Height*got.Width {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

func TestUnreadablePictureIsLeftOut(t *testing.T) {
	dir, out := folder(t, 6), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "first", "02.png"), []byte("\x89PNG and no more"), 0o644); err != nil {
		t.Fatal(err)
	}
	info, o := setup(t, dir, out)
	got, err := Encode(t.Context(), info, o)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 10 || got.Files != 6 {
		t.Errorf("%d rows of %d pictures, want 10 of 6", got.Rows, got.Files)
	}
}

func TestNPYRoundTrip(t *testing.T) {
	for _, shape := range [][]int{{3}, {2, 3, 4}} {
		data := header(shape...)
		if len(data) != headerSize || data[len(data)-1] != '\n' {
			t.Fatalf("header of %d bytes", len(data))
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		for i := range n {
			data = append(data, byte(i), 1)
		}
		got, values, err := parseNPY(data)
		if err != nil || !slices.Equal(got, shape) || values[1] != 257 {
			t.Errorf("shape %v: got %v, %v, %v", shape, got, values, err)
		}
	}
}

func FuzzParseNPY(f *testing.F) {
	f.Add(append(header(2), 1, 0, 2, 0))
	f.Add([]byte("\x93NUMPY\x01\x00\x76\x00{'descr': '<u2', 'fortran_order': False, 'shape': (9999999999999999999, 3), }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		shape, values, err := parseNPY(data)
		if err != nil {
			return
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		if n != len(values) {
			t.Errorf("shape %v with %d values", shape, len(values))
		}
	})
}
