package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idx is an IDX file of bytes.
func idx(magic uint32, data []byte, shape ...uint32) []byte {
	var out []byte
	for _, n := range append([]uint32{magic}, shape...) {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return append(out, data...)
}

func packed(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestOpenIDX: images and their labels, packed or not, alone and beside folders.
func TestOpenIDX(t *testing.T) {
	dir := t.TempDir()
	pixels := []byte{0, 50, 100, 150, 200, 250, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for name, data := range map[string][]byte{
		"train-images-idx3-ubyte":    idx(idxImages, pixels, 3, 2, 3),
		"train-labels-idx1-ubyte":    idx(idxLabels, []byte{10, 9, 10}, 3),
		"t10k-images-idx3-ubyte.gz":  packed(t, idx(idxImages, pixels[6:], 2, 2, 3)),
		"t10k-labels-idx1-ubyte.gz":  packed(t, idx(idxLabels, []byte{2, 9}, 2)),
		"mixed-images-idx3-ubyte.gz": packed(t, idx(idxImages, pixels, 3, 2, 3)),
		"mixed-labels-idx1-ubyte":    idx(idxLabels, []byte{0, 1, 2}, 3),
		"few-images.idx3-ubyte":      idx(idxImages, pixels, 3, 2, 3),
		"few-labels.idx1-ubyte":      idx(idxLabels, []byte{0, 1}, 2),
		"plain-images-idx3-ubyte":    idx(idxImages, pixels, 3, 2, 3),
		"odd-images-idx3-ubyte":      idx(idxImages, pixels, 3, 2, 3),
		"odd-labels-idx1-ubyte":      idx(idxImages, pixels, 3, 2, 3),
		"notes.txt":                  []byte("hello"),
		"folder/9/1.png":             nil,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		paths, classes string
		labels         []int
		says           string
	}{
		{paths: "train-images-idx3-ubyte", classes: "9 10", labels: []int{1, 0, 1}},
		{paths: "t10k-images-idx3-ubyte.gz", classes: "2 9", labels: []int{0, 1}},
		{paths: "mixed-images-idx3-ubyte.gz", classes: "0 1 2", labels: []int{0, 1, 2}},
		{paths: "plain-images-idx3-ubyte", labels: []int{0, 0, 0}},
		{paths: "train-images-idx3-ubyte t10k-images-idx3-ubyte.gz folder", classes: "2 9 10", labels: []int{2, 1, 2, 0, 1, 1}},
		{paths: "train-images-idx3-ubyte plain-images-idx3-ubyte", says: "plain-images-idx3-ubyte#0 has no class"},
		{paths: "train-images-idx3-ubyte train-images-idx3-ubyte", says: "train-images-idx3-ubyte#0 is listed twice"},
		{paths: "few-images.idx3-ubyte", says: "few-labels.idx1-ubyte has 2 labels for the 3 images"},
		{paths: "train-labels-idx1-ubyte", says: "neither a folder of pictures nor an IDX file"},
		{paths: "odd-images-idx3-ubyte", says: "odd-labels-idx1-ubyte is not an IDX file of labels"},
		{paths: "notes.txt", says: "neither a folder of pictures nor an IDX file"},
	} {
		var paths []string
		for _, path := range strings.Fields(test.paths) {
			paths = append(paths, filepath.Join(dir, path))
		}
		set, err := Open(paths...)
		if test.says != "" {
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v", test.paths, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.paths, err)
			continue
		}
		var labels []int
		for _, file := range set.Files {
			labels = append(labels, file.Class)
		}
		if !slices.Equal(labels, test.labels) || !slices.Equal(set.Classes, strings.Fields(test.classes)) {
			t.Errorf("%s: labels %v of the classes %q", test.paths, labels, set.Classes)
		}
	}
	set, err := Open(filepath.Join(dir, "train-images-idx3-ubyte"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := set.Files[0].Load(8)
	if err != nil || p.Rect.Dx() != 3 || p.Rect.Dy() != 2 || !slices.Equal(p.Pix[:8], []uint8{0, 0, 0, 255, 50, 50, 50, 255}) {
		t.Errorf("the first image is %+v, %v", p, err)
	}
}

// TestDamagedIDX: what is wrong with a file is said in one sentence, and no header makes
// the program take memory.
func TestDamagedIDX(t *testing.T) {
	whole := idx(idxImages, make([]byte, 12), 3, 2, 2)
	bomb := packed(t, idx(idxImages, make([]byte, 1<<20), 3, 2, 2))
	for says, file := range map[string][]byte{
		"not an IDX file":                    idx(0x00000D03, make([]byte, 48), 3, 2, 2), // floats
		"ends within its header":             whole[:13],
		"ends after 11 of 12 bytes":          whole[:len(whole)-1],
		"more data follows":                  bomb,
		"unexpected EOF":                     packed(t, whole)[:15],
		"[0 2 2]: it must be at least 1":     idx(idxImages, nil, 0, 2, 2),
		"[4294967295 4096 4096]: it must be": idx(idxImages, nil, 1<<32-1, 4096, 4096),
		"[1 65536 1]: it must be at least":   idx(idxImages, nil, 1, 1<<16, 1),
		"ends after 0 of 1073741824 bytes":   idx(idxImages, nil, 64, 4096, 4096),
	} {
		if _, _, err := parseIDX(bytes.NewReader(file), idxImages); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error with %q, got %v", says, err)
		}
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idx(idxImages, make([]byte, 12), 3, 2, 2))
	f.Add(idx(idxLabels, make([]byte, 3), 3))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, file []byte) {
		shape, data, err := parseIDX(bytes.NewReader(file), idxImages)
		if err != nil {
			return
		}
		if len(shape) != 3 || len(data) != shape[0]*shape[1]*shape[2] {
			t.Errorf("%d bytes for the shape %v", len(data), shape)
		}
	})
}
