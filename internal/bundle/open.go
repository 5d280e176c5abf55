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
	files    fs.FS
	unread   []string // files of external data whose hash has not been checked yet
}

// Model returns an ONNX file by its name.
func (b *Bundle) Model(name string) onnxfile.Model { return b.models[name] }

// Open reads the bundle at the root of fsys and checks it. External data needs a folder,
// see [OpenFolder].
func Open(fsys fs.FS) (*Bundle, error) { return open(fsys, "") }

// OpenFolder reads the bundle in a folder and checks it. External data is read once, for
// its hash, and must then stay as it is until the bundle's models are closed.
func OpenFolder(dir string) (*Bundle, error) {
	b, err := open(os.DirFS(dir), dir)
	if err != nil {
		return nil, err
	}
	return b, b.Verify(context.Background(), nil)
}

// Verify reads the external data for its hash, once, and shows its progress on reporter. It
// may run while the models are being opened.
func (b *Bundle) Verify(ctx context.Context, reporter *progress.Reporter) error {
	if !b.Manifest.Large() {
		reporter = nil
	}
	var size int64
	for _, name := range b.unread {
		size += b.Manifest.Files[name].Bytes
	}
	if size == 0 {
		return nil
	}
	bar := reporter.Bar("reading "+b.Manifest.Name, size, "bytes")
	defer bar.Done()
	for len(b.unread) > 0 {
		if err := b.read(b.unread[0], meter{ctx, bar}); err != nil {
			return fmt.Errorf("open bundle: %w", err)
		}
		b.unread = b.unread[1:]
	}
	return nil
}

// read copies a file to content and checks its size and hash.
func (b *Bundle) read(name string, content io.Writer) error {
	got, err := describe(b.files, name, content)
	if err != nil {
		return fmt.Errorf("read a file that %s names: %w", ManifestFile, err)
	}
	if want := b.Manifest.Files[name]; got != want {
		return fmt.Errorf("%s is not the file that %s names (%d bytes, SHA-256 %.12s…, expected %d bytes, %.12s…): copy the bundle again",
			name, ManifestFile, got.Bytes, got.SHA256, want.Bytes, want.SHA256)
	}
	return nil
}

// open checks all but the hashes of external data.
func open(fsys fs.FS, folder string) (*Bundle, error) {
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
	b := &Bundle{Manifest: m, models: map[string]onnxfile.Model{}, files: fsys}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !isModel(name) {
			b.unread = append(b.unread, name)
			continue
		}
		var graph bytes.Buffer
		if err := b.read(name, &graph); err != nil {
			return nil, fmt.Errorf("open bundle: %w", err)
		}
		b.models[name] = onnxfile.Model{Graph: graph.Bytes()}
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
		if info.Size() != file.Bytes {
			return false, fmt.Errorf("%s is not the file that %s names (%d bytes, expected %d): copy the bundle again", e.File, ManifestFile, info.Size(), file.Bytes)
		}
	}
	return len(externals) > 0, nil
}
