package pretrained

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/gopickle/types"

	"sundae/train/safetensors"
)

const priors = "../prior/testdata/"

func open(t testing.TB, path string) *Weights {
	t.Helper()
	w, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// The optimizer's state beside the network is passed over. The values were printed by
// PyTorch.
func TestOpen(t *testing.T) {
	w := open(t, priors+"prior-256/sundae.pt")
	keys := w.Keys()
	if len(keys) == 0 || slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, "opt") }) {
		t.Fatalf("keys %v", keys)
	}
	if shape, ok := w.Shape("transformer.downsample.proj.weight"); !ok || !slices.Equal(shape, []int{64, 256}) {
		t.Errorf("shape %v, %v", shape, ok)
	}
	if _, ok := w.Sub("transformer.").Shape("downsample.proj.weight"); !ok {
		t.Error("Sub has no downsample.proj.weight")
	}
	for _, key := range keys {
		values, err := w.Read(key)
		shape, _ := w.Shape(key)
		n := 1
		for _, d := range shape {
			n *= d
		}
		if err != nil || len(values) != n || slices.ContainsFunc(values, func(v float32) bool { return math.IsNaN(float64(v)) }) {
			t.Errorf("%s: %d values of shape %v, %v", key, len(values), shape, err)
		}
	}
}

// safetensorsFile writes a file with one tensor.
func safetensorsFile(t *testing.T, dtype string, shape []int, data []byte) string {
	t.Helper()
	var file bytes.Buffer
	entry := safetensors.Entry{DType: dtype, Shape: shape, Offsets: [2]int64{0, int64(len(data))}}
	if err := safetensors.WriteHeader(&file, map[string]safetensors.Entry{"w": entry}, nil); err != nil {
		t.Fatal(err)
	}
	file.Write(data)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSafetensorsTypes(t *testing.T) {
	for dtype, data := range map[string][]byte{
		"F32": {0, 0, 0xc0, 0x3f}, "F16": {0, 0x3e}, "BF16": {0xc0, 0x3f}, "F64": {0, 0, 0, 0, 0, 0, 0xf8, 0x3f},
	} {
		values, err := open(t, safetensorsFile(t, dtype, []int{1}, data)).Read("w")
		if err != nil || !slices.Equal(values, []float32{1.5}) {
			t.Errorf("%s: %v, %v", dtype, values, err)
		}
	}
	values, err := open(t, safetensorsFile(t, "I64", []int{}, []byte{7, 0, 0, 0, 0, 0, 0, 0})).Read("w")
	if err != nil || !slices.Equal(values, []float32{7}) {
		t.Errorf("scalar: %v, %v", values, err)
	}
}

// A checkpoint of a training that failed is refused.
func TestNotFinite(t *testing.T) {
	for _, bits := range [][]byte{{0, 0, 0xc0, 0x7f}, {0, 0, 0x80, 0xff}} { // NaN, -Inf
		_, err := open(t, safetensorsFile(t, "F32", []int{1}, bits)).Read("w")
		if err == nil || !strings.Contains(err.Error(), "w in ") || !strings.Contains(err.Error(), "not finite") {
			t.Errorf("% x: %v", bits, err)
		}
	}
}

// Names lose what DataParallel and torch.compile put before all of them, and only then.
func TestWrapperPrefixes(t *testing.T) {
	state := types.NewDict()
	for _, key := range []string{"module._orig_mod.a", "module._orig_mod.module.b"} {
		state.Set(key, tensor{})
	}
	tensors, err := stateDict(state)
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(tensors)), []string{"a", "module.b"}) {
		t.Errorf("%v, %v", tensors, err)
	}
}

// A transposed view is read in row-major order of its own shape.
func TestStrides(t *testing.T) {
	data := make([]byte, 6)
	for i := range data {
		data[i] = byte(i)
	}
	s := &storage{element: uint8Type, elements: 6, at: bytes.NewReader(data)}
	view, err := newTensor(s, 0, []int{3, 2}, []int{1, 3})
	if err != nil {
		t.Fatal(err)
	}
	values, err := view.read()
	if err != nil || !slices.Equal(values, []float32{0, 3, 1, 4, 2, 5}) {
		t.Errorf("%v, %v", values, err)
	}
	part, err := newTensor(s, 4, []int{2}, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	if values, err := part.read(); err != nil || !slices.Equal(values, []float32{4, 5}) {
		t.Errorf("%v, %v", values, err)
	}
	for _, bad := range []struct {
		offset         int
		shape, strides []int
	}{
		{0, []int{7}, []int{1}}, {5, []int{2}, []int{1}}, {-1, []int{1}, []int{1}}, {0, []int{-1}, []int{1}}, {0, []int{2, 2}, []int{5, 1}},
		{0, []int{1 << 40}, []int{0}}, {0, []int{2}, []int{math.MaxInt}}, {0, []int{1 << 32, 1 << 32}, []int{0, 0}}, {0, []int{1}, []int{}}, {math.MaxInt, []int{2}, []int{1}},
	} {
		if _, err := newTensor(s, bad.offset, bad.shape, bad.strides); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// olderFile is a file of the older layout with the tensor w: a view of six numbers.
func olderFile(view string) []byte {
	file := append([]byte("\x80\x02"), legacyMagic...)
	file = append(file, "\x80\x02M\xe9\x03.\x80\x02}."+ // the version and the machine
		"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n"+
		"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06NtQ"+view+"\x89}tRs."+
		"\x80\x02]X\x01\x00\x00\x000a.\x06\x00\x00\x00\x00\x00\x00\x00"...)
	for i := range 6 {
		file = binary.LittleEndian.AppendUint32(file, math.Float32bits(float32(i)))
	}
	return file
}

// The older layout holds the tensors of a view's storage behind its pickles.
func TestOlderLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.pt")
	const transposed = "K\x00K\x03K\x02\x86K\x01K\x03\x86" // offset, shape and strides
	file := olderFile(transposed)
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	w := open(t, path)
	shape, _ := w.Shape("w")
	if values, err := w.Read("w"); err != nil || !slices.Equal(shape, []int{3, 2}) || !slices.Equal(values, []float32{0, 3, 1, 4, 2, 5}) {
		t.Errorf("%v %v, %v", shape, values, err)
	}
	for name, bad := range map[string][]byte{
		"cut off":  file[:len(file)-1],
		"beyond":   olderFile("K\x00K\x03K\x03\x86K\x01K\x03\x86"),
		"negative": olderFile("K\x00J\xff\xff\xff\xffK\x02\x86K\x01K\x03\x86"),
	} {
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNotWeights(t *testing.T) {
	whole, err := os.ReadFile(priors + "prior-class/sundae.pt")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		file []byte
		want string
	}{
		"empty":     {nil, "empty"},
		"lfs":       {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "Git LFS pointer"},
		"page":      {[]byte("\n<!DOCTYPE html><html>"), "web page"},
		"text":      {[]byte("hello"), "neither"},
		"truncated": {whole[:len(whole)/2], "cut off"},
		"zip":       {[]byte("PK\x05\x06" + strings.Repeat("\x00", 18)), "neither"},
		"legacy":    {append([]byte("\x80\x02"), legacyMagic...), "cut off"},
		"onnx":      {[]byte("\x08\x0a\x12\x07pytorch"), "ONNX model"},
		"gzip":      {[]byte("\x1f\x8b\x08\x00"), "archive"},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, test.file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("folder: %v", err)
	}
}

// Lengths that a pickle claims are checked before anything of that size is allocated, and
// what it asks to be called isn't.
func TestHostilePickle(t *testing.T) {
	for name, text := range map[string]string{
		"long bytes":   "\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
		"long frame":   "\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
		"long integer": "\x80\x02\x8b\xff\xff\xff\x7f.",
		"huge integer": "\x80\x02\x8b\x00\x00\x10\x00" + strings.Repeat("x", 1<<20) + ".",
		"digits":       "L" + strings.Repeat("9", 1<<20) + "L\n.",
		"array copies": "\x80\x02carray\n_array_reconstructor\n.",
		"empty long":   "\x80\x02\x8a\x00.",
		"marks":        strings.Repeat("(", maxMarks+1) + ".",
		"no stop":      "\x80\x02}",
		"empty stack":  "\x80\x02R.",
	} {
		if value, err := unpickle(strings.NewReader(text), nil); err == nil {
			t.Errorf("%s: %v", name, value)
		}
	}
	value, err := unpickle(strings.NewReader("cos\nsystem\n(S'exit 1'\ntR."), nil)
	if err != nil || value != (unknown{}) {
		t.Errorf("os.system: %v, %v", value, err)
	}
	if _, err := stateDict(value); err == nil {
		t.Error("os.system gave tensors")
	}
	cycle, err := unpickle(strings.NewReader("\x80\x02}q\x00X\x03\x00\x00\x00neth\x00s."), nil) // d["net"] = d
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stateDict(cycle); err != errNoTensors {
		t.Errorf("cycle: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	small, _ := json.Marshal(map[string]any{"w": safetensors.Entry{DType: "F32", Shape: []int{1}, Offsets: [2]int64{0, 4}}})
	f.Add(append(append([]byte{byte(len(small)), 0, 0, 0, 0, 0, 0, 0}, small...), 0, 0, 0, 0))
	f.Add(olderFile("K\x00K\x03K\x02\x86K\x01K\x03\x86"))
	file, err := os.ReadFile("../vqgan/testdata/lpips/vgg.pth")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "weights")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		w, err := Open(path)
		if err != nil {
			return
		}
		defer w.Close()
		for _, key := range w.Keys() {
			w.Read(key)
		}
	})
}
