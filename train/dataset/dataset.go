// Package dataset reads picture folders as they are laid out in the field: one
// sub-folder a class, or one flat folder without classes. PNG, JPEG and WebP.
package dataset

import (
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// File is one picture and the index of its class.
type File struct {
	Path  string
	Class int
}

// Set is the pictures of one or more folders, each folder's sorted by path, and the
// names of their classes. Without sub-folders there are no classes and every File's
// Class is 0.
type Set struct {
	Files   []File
	Classes []string
}

// ErrEmpty says that a folder holds no pictures.
var ErrEmpty = errors.New("no PNG, JPEG or WebP pictures")

// Open lists the pictures below each of dirs, whose sub-folders of the same name are one
// class. Hidden files and folders are passed over.
func Open(dirs ...string) (Set, error) {
	var set Set
	var labels []string     // of each file
	at := map[string]bool{} // where a picture was found
	for _, dir := range dirs {
		paths, err := pictures(dir)
		if err != nil {
			return Set{}, fmt.Errorf("list pictures: %w", err)
		}
		if len(paths) == 0 {
			return Set{}, fmt.Errorf("%s: %w; draw some with `sundae train scenes --out %s`", dir, ErrEmpty, dir)
		}
		for _, path := range paths {
			label, err := folderBelow(dir, path)
			if err != nil {
				return Set{}, fmt.Errorf("list pictures: %w", err)
			}
			place, err := filepath.Abs(path)
			if err != nil {
				return Set{}, fmt.Errorf("list pictures: %w", err)
			}
			if at[place] {
				return Set{}, fmt.Errorf("%s is given twice: name each folder of pictures once", path)
			}
			at[place] = true
			labels = append(labels, label)
			set.Files = append(set.Files, File{Path: path})
		}
	}
	classes := slices.Compact(slices.Sorted(slices.Values(labels)))
	if len(classes) == 0 {
		return Set{}, ErrEmpty
	}
	if len(classes) == 1 && classes[0] == "" {
		return set, nil
	}
	if i := slices.Index(labels, ""); i >= 0 {
		return Set{}, fmt.Errorf("%s is in no sub-folder, and others are: move all pictures into one sub-folder a class", set.Files[i].Path)
	}
	set.Classes = classes
	for i, label := range labels {
		set.Files[i].Class, _ = slices.BinarySearch(classes, label)
	}
	return set, nil
}

// pictures are the paths of the pictures below dir.
func pictures(dir string) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		switch strings.ToLower(filepath.Ext(path)) {
		case ".png", ".jpg", ".jpeg", ".webp":
		default:
			return nil
		}
		if !entry.IsDir() {
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// folderBelow is the first folder of a path below dir, "" where there is none.
func folderBelow(dir, path string) (string, error) {
	relative, err := filepath.Rel(dir, path)
	if err != nil {
		return "", err
	}
	first, _, below := strings.Cut(filepath.ToSlash(relative), "/")
	if !below {
		return "", nil
	}
	return first, nil
}

// Split holds n pictures back, spread evenly over the sorted list so that every
// class gives its share; the split depends on the list alone.
func (s Set) Split(n int) (train, held Set) {
	train.Classes, held.Classes = s.Classes, s.Classes
	n = min(n, len(s.Files)-1)
	for i, file := range s.Files {
		// Picture i is held when the running share n·i/len passes a whole number.
		if n > 0 && (i+1)*n/len(s.Files) > i*n/len(s.Files) {
			held.Files = append(held.Files, file)
		} else {
			train.Files = append(train.Files, file)
		}
	}
	return train, held
}

// Load decodes a picture. One larger than size on both sides is scaled, with a
// good filter, until its shorter side is size.
func Load(path string, size int) (*image.RGBA, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open picture: %w", err)
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("decode picture %s: %w", path, err)
	}
	bounds := picture.Bounds()
	w, h := bounds.Dx(), bounds.Dy()
	if short := min(w, h); short > size {
		w, h = max(size, w*size/short), max(size, h*size/short)
		scaled := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.CatmullRom.Scale(scaled, scaled.Bounds(), picture, bounds, draw.Src, nil)
		return scaled, nil
	}
	if rgba, ok := picture.(*image.RGBA); ok && rgba.Rect.Min == (image.Point{}) {
		return rgba, nil
	}
	rgba := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(rgba, rgba.Bounds(), picture, bounds.Min, draw.Src)
	return rgba, nil
}

// Pixels copies the w×h pixels of picture at (x, y) into out as RGB bytes,
// mirrored left to right if flip is set.
func Pixels(out []uint8, picture *image.RGBA, x, y, w, h int, flip bool) {
	for row := range h {
		line := picture.Pix[picture.PixOffset(x, y+row):]
		for column := range w {
			from := column
			if flip {
				from = w - 1 - column
			}
			copy(out[3*(row*w+column):][:3], line[4*from:])
		}
	}
}

// Skipped collects the pictures that could not be read, once each. Its zero
// value is ready for use by many goroutines.
type Skipped struct {
	mu    sync.Mutex
	files map[string]error
}

// Add notes that path could not be read and reports whether that is news.
func (s *Skipped) Add(path string, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string]error{}
	}
	_, known := s.files[path]
	s.files[path] = err
	return !known
}

// Len is the number of pictures skipped so far.
func (s *Skipped) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}
