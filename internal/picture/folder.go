package picture

import (
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
)

// A Folder takes pictures that belong together and shows them all at once:
// they are written into a hidden folder inside it, and [Folder.Keep] moves them
// out when all of them are there. Work that fails half way leaves nothing.
type Folder struct {
	dir, hidden string
	made        string   // the topmost folder that was made for it, or ""
	names       []string // in the order saved
}

// NewFolder makes the folder dir, if it isn't there, and gets ready to write
// into it. Discard must be called in the end.
func NewFolder(dir string) (*Folder, error) {
	f := &Folder{dir: dir}
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); err == nil || filepath.Dir(d) == d {
			break
		}
		f.made = d
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder for the pictures: %w", err)
	}
	hidden, err := os.MkdirTemp(dir, ".unfinished-*")
	if err != nil {
		f.Discard()
		return nil, fmt.Errorf("write pictures into %s: %w", dir, err)
	}
	f.hidden = hidden
	return f, nil
}

// Save adds a PNG with texts.
func (f *Folder) Save(name string, img image.Image, texts ...Text) error {
	return f.Write(name, func(w io.Writer) error { return encode(w, img, texts) })
}

// Write adds a file that write fills.
func (f *Folder) Write(name string, write func(io.Writer) error) error {
	if err := save(filepath.Join(f.hidden, name), write); err != nil {
		return err
	}
	f.names = append(f.names, name)
	return nil
}

// Keep moves the files to their place, in the order in which they were saved,
// and returns their paths. Files of the same names are replaced.
func (f *Folder) Keep() ([]string, error) {
	var paths []string
	for _, name := range f.names {
		path := filepath.Join(f.dir, name)
		if err := os.Rename(filepath.Join(f.hidden, name), path); err != nil {
			return paths, fmt.Errorf("save picture %s: %w", path, err)
		}
		paths = append(paths, path)
	}
	f.names, f.made = nil, ""
	return paths, nil
}

// Discard removes what wasn't kept, and the folder itself if it was made for
// nothing.
func (f *Folder) Discard() {
	if f.hidden != "" {
		os.RemoveAll(f.hidden)
	}
	// Only folders made here are removed, and only while they are empty.
	for d := filepath.Clean(f.dir); f.made != ""; d = filepath.Dir(d) {
		if os.Remove(d) != nil || d == f.made {
			return
		}
	}
}
