package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sundae/internal/onnxfile"
	"sundae/internal/progress"
)

// Bundle is an open bundle. Its ONNX files are in memory, their external data is not.
type Bundle struct {
	Manifest Manifest
	models   map[string]onnxfile.Model
}

// Model returns an ONNX file by its name.
func (b *Bundle) Model(name string) onnxfile.Model { return b.models[name] }

// Open reads the bundle at the root of fsys and checks it. External data needs a folder,
// see [OpenFolder].
func Open(fsys fs.FS) (*Bundle, error) { return open(context.Background(), fsys, "", nil) }

// OpenFolder reads the bundle in a folder and checks it. External data is read once, for
// its hash, and must then stay as it is until the bundle's models are closed.
func OpenFolder(dir string) (*Bundle, error) {
	return open(context.Background(), os.DirFS(dir), dir, nil)
}

func open(ctx context.Context, fsys fs.FS, folder string, reporter *progress.Reporter) (*Bundle, error) {
	text, err := fs.ReadFile(fsys, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open bundle: there is no %s: this is not a model bundle, or an incomplete copy: %w", ManifestFile, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	m, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	if !m.Large() {
		reporter = nil
	}
	bar := reporter.Bar("reading "+m.Name, m.Size(), "bytes")
	defer bar.Done()
	b := &Bundle{Manifest: m, models: map[string]onnxfile.Model{}}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		var content io.Writer = io.Discard
		var graph bytes.Buffer
		if isModel(name) {
			content = &graph
		}
		got, err := describe(fsys, name, io.MultiWriter(content, meter{ctx, bar}))
		if err != nil {
			return nil, fmt.Errorf("open bundle: read a file that %s names: %w", ManifestFile, err)
		}
		if want := m.Files[name]; got != want {
			return nil, fmt.Errorf("open bundle: %s is not the file that %s names (%d bytes, SHA-256 %.12s…, expected %d bytes, %.12s…): copy the bundle again",
				name, ManifestFile, got.Bytes, got.SHA256, want.Bytes, want.SHA256)
		}
		if isModel(name) {
			b.models[name] = onnxfile.Model{Graph: graph.Bytes()}
		}
	}
	for name, model := range b.models {
		external, err := m.checkExternals(name, model.Graph, folder)
		if err != nil {
			return nil, fmt.Errorf("open bundle: %w", err)
		}
		if external {
			model.Folder = folder
			b.models[name] = model
		}
	}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	return b, nil
}

// Size is the size of all files, in bytes.
func (m Manifest) Size() int64 {
	var size int64
	for _, file := range m.Files {
		size += file.Bytes
	}
	return size
}

// largeSize is the size from which a bundle is large.
const largeSize = 256 << 20

// Large reports whether it takes a noticeable time to read the bundle, and to run it on a
// CPU.
func (m Manifest) Large() bool { return m.Size() >= largeSize }

// meter reports what is read on a bar, and ends the reading when ctx is cancelled.
type meter struct {
	ctx context.Context
	bar *progress.Bar
}

func (m meter) Write(p []byte) (int, error) {
	m.bar.Add(int64(len(p)))
	return len(p), m.ctx.Err()
}

// isModel reports whether a file of a bundle is an ONNX file. The others are external data.
func isModel(name string) bool { return strings.HasSuffix(name, ".onnx") }

// describe returns the size and hash of a file, whose content it copies to content.
func describe(fsys fs.FS, name string, content io.Writer) (File, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return File{}, err
	}
	defer file.Close()
	hash := sha256.New()
	const chunk = 1 << 20
	// Without the struct io.CopyBuffer would leave the copying to the file, in small pieces.
	n, err := io.CopyBuffer(io.MultiWriter(hash, content), struct{ io.Reader }{file}, make([]byte, chunk))
	return File{n, hex.EncodeToString(hash.Sum(nil))}, err
}

// checkExternals checks the places of a model's external data, and reports whether it has
// any. All of it must lie in files that the manifest names, and these in the folder itself:
// a link could lead the runtime to any file.
func (m Manifest) checkExternals(model string, graph []byte, folder string) (bool, error) {
	externals, err := onnxfile.Externals(graph)
	if err != nil {
		return false, fmt.Errorf("%s: %w", model, err)
	}
	checked := map[string]bool{}
	for _, e := range externals {
		file, ok := m.Files[e.File]
		switch {
		case !ok || isModel(e.File):
			return false, fmt.Errorf("%s has external data in %s, which %s does not name", model, e.File, ManifestFile)
		case e.Offset > file.Bytes || e.Length > file.Bytes-e.Offset:
			return false, fmt.Errorf("%s has external data beyond the end of %s", model, e.File)
		case folder == "":
			return false, fmt.Errorf("%s has external data, which a built-in model can't have", model)
		case checked[e.File]:
			continue
		}
		checked[e.File] = true
		info, err := os.Lstat(filepath.Join(folder, e.File))
		if err != nil {
			return false, fmt.Errorf("%s: %w", model, err)
		}
		if !info.Mode().IsRegular() {
			return false, fmt.Errorf("%s has external data in %s, which is a link and must be a file: copy it into the bundle", model, e.File)
		}
	}
	return len(externals) > 0, nil
}
