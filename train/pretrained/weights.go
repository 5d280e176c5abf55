// Package pretrained reads what other programs have trained: the weights in PyTorch and
// safetensors files, and the configs of taming-transformers and of the author's code.
//
// Files may come from anyone. Nothing that a pickle asks for is executed: of its objects
// only dictionaries and tensors are understood, all others are passed over. [Open] reads the
// names and shapes, [Weights.Read] one tensor at a time, so that no file is ever in memory
// as a whole.
package pretrained

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
)

// Weights are the named tensors of an open file, or those of them below a prefix.
type Weights struct {
	file    *weightsFile
	tensors map[string]tensor
}

type weightsFile struct {
	*os.File
	onRead func(elements int) // nil for none
}

// Open opens a PyTorch file (.ckpt, .pt, .pth; the zip layout and the older one) or a
// safetensors file, and reads the names and shapes of its tensors. Of a checkpoint that
// holds optimizer state as well, only the network's weights count: the "state_dict" of
// PyTorch Lightning, the "net" of the author's code.
func Open(path string) (*Weights, error) {
	if err := checkPipe(path); err != nil {
		return nil, fmt.Errorf("read the weights in %s: %w", path, err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open weights: %w", err)
	}
	tensors, err := read(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("read the weights in %s: %w", path, err)
	}
	return &Weights{&weightsFile{File: file}, tensors}, nil
}

// checkPipe refuses pipes and devices before they are opened: opening a pipe waits for a
// writer, and nothing can interrupt it.
func checkPipe(path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return errors.New("it is a pipe or a device: give a file")
	}
	return nil
}

// readConfig reads the text of a config.
func readConfig(path string) ([]byte, error) {
	if err := checkPipe(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return os.ReadFile(path)
}

// read finds out what the file is by its first bytes.
func read(file *os.File) (map[string]tensor, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a folder: give the checkpoint in it")
	}
	size := info.Size()
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, err
	}
	switch head = head[:n]; {
	case len(head) == 0:
		return nil, errors.New("the file is empty: download it again")
	case bytes.HasPrefix(head, []byte("version https://git-lfs")):
		return nil, errors.New("it is a Git LFS pointer, not the weights: run `git lfs pull`, or download the file itself")
	case looksLikeHTML(head):
		return nil, errors.New("it is a web page, not the weights: download the file itself")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return readZip(file, size)
	case isLegacy(head):
		return readLegacy(file, size)
	case isSafetensors(head, size):
		return readSafetensors(file, size)
	}
	return nil, fmt.Errorf("it is %s: give a PyTorch checkpoint (.ckpt, .pt, .pth) or safetensors", kind(head))
}

// kind says what a file that holds no weights is, by its first bytes.
func kind(head []byte) string {
	for _, format := range []struct {
		name, start string
		at          int
	}{
		{"a compressed file or an archive", "\x1f\x8b", 0}, {"a compressed file or an archive", "\xfd7zXZ", 0},
		{"a compressed file or an archive", "7z\xbc\xaf", 0}, {"a compressed file or an archive", "ustar", 257},
		{"an HDF5 file", "\x89HDF", 0}, {"a GGUF file", "GGUF", 0}, {"a NumPy file", "\x93NUMPY", 0},
		{"an ONNX model", "\x08", 0}, // the field of its version
	} {
		if len(head) > format.at && bytes.HasPrefix(head[format.at:], []byte(format.start)) {
			return format.name
		}
	}
	return "neither a PyTorch nor a safetensors file"
}

// checkName reports a tensor's name that could do harm in a terminal, or that no program
// gives.
func checkName(name string) error {
	const longest = 1000
	if len(name) > longest || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("a tensor is called %.40q: the file is damaged", name)
	}
	return nil
}

func looksLikeHTML(head []byte) bool {
	text := bytes.ToLower(bytes.TrimLeft(head, "\ufeff \t\r\n"))
	return bytes.HasPrefix(text, []byte("<!doctype")) || bytes.HasPrefix(text, []byte("<html")) || bytes.HasPrefix(text, []byte("<?xml"))
}

// Keys are the tensors' names, sorted.
func (w *Weights) Keys() []string { return slices.Sorted(maps.Keys(w.tensors)) }

// Shape is the shape of the tensor called key, [] for a scalar.
func (w *Weights) Shape(key string) ([]int, bool) {
	t, ok := w.tensors[key]
	return slices.Clone(t.shape), ok
}

// Read returns the elements of the tensor called key in row-major order, as float32.
func (w *Weights) Read(key string) ([]float32, error) {
	t, ok := w.tensors[key]
	if !ok {
		return nil, fmt.Errorf("%s has no %s", w.file.Name(), key)
	}
	values, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("read %s from %s: %w", key, w.file.Name(), err)
	}
	if w.file.onRead != nil {
		w.file.onRead(len(values))
	}
	return values, nil
}

// OnRead calls f after every Read, here and on all Subs, with the number of elements that it
// gave. It shows the progress of an import.
func (w *Weights) OnRead(f func(elements int)) { w.file.onRead = f }

// Sub are the tensors whose names begin with prefix, under names without it, in the same file:
// they can be read until w is closed.
func (w *Weights) Sub(prefix string) *Weights {
	sub := &Weights{file: w.file, tensors: map[string]tensor{}}
	for key, t := range w.tensors {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			sub.tensors[rest] = t
		}
	}
	return sub
}

// Close closes the file.
func (w *Weights) Close() error { return w.file.Close() }
