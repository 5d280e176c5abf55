package picture

import (
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
)

// Folder writes files that belong together, all of them or none. They are written to a
// hidden folder, from which [Folder.Keep] moves them when all are complete.
type Folder struct {
	dir, hidden string
	created     string   // the topmost folder that was created for it, or ""
	names       []string // in the order saved
}

// NewFolder creates the folder dir, if it doesn't exist, to write files to it. Discard
// must be called at the end.
func NewFolder(dir string) (*Folder, error) {
	f := &Folder{dir: dir}
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); err == nil || filepath.Dir(d) == d {
			break
		}
		f.created = d
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create the output folder: %w", err)
	}
	hidden, err := os.MkdirTemp(dir, ".unfinished-*")
	if err != nil {
		f.Discard()
		return nil, fmt.Errorf("write to %s: %w", dir, err)
	}
	f.hidden = hidden
	return f, nil
}

// Save adds a PNG file with texts.
func (f *Folder) Save(name string, img image.Image, texts ...Text) error {
	return f.Write(name, func(w io.Writer) error { return encode(w, img, texts) })
}

// Write adds a file with the contents that write writes.
func (f *Folder) Write(name string, write func(io.Writer) error) error {
	if err := save(filepath.Join(f.hidden, name), write); err != nil {
		return err
	}
	f.names = append(f.names, name)
	return nil
}

// Keep moves the files into the folder, in the order in which they were saved, and
// returns their paths. It replaces files of the same names.
func (f *Folder) Keep() ([]string, error) {
	var paths []string
	for _, name := range f.names {
		path := filepath.Join(f.dir, name)
		if err := os.Rename(filepath.Join(f.hidden, name), path); err != nil {
			return paths, fmt.Errorf("save %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	f.names, f.created = nil, ""
	return paths, nil
}

// Discard removes the files that were not kept, and the folders that NewFolder created
// if they are empty.
func (f *Folder) Discard() {
	if f.hidden != "" {
		os.RemoveAll(f.hidden)
	}
	for d := filepath.Clean(f.dir); f.created != ""; d = filepath.Dir(d) {
		if os.Remove(d) != nil || d == f.created {
			return
		}
	}
}
