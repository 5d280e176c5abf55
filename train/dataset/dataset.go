// Package dataset reads folders of images in the layout of torchvision's ImageFolder:
// one sub-folder per class, or one flat folder without classes. It reads PNG, JPEG and
// WebP.
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

// File is one image and the index of its class.
type File struct {
	Path  string
	Class int
}

// Set lists the images of one or more folders, sorted by path within each folder, and
// the names of their classes. Without sub-folders there are no classes, and every
// File's Class is 0.
type Set struct {
	Files   []File
	Classes []string
}

// ErrEmpty is the error for a folder without pictures.
var ErrEmpty = errors.New("no PNG, JPEG or WebP pictures")

// Open lists the images below each of dirs. Sub-folders of the same name are one class.
// Hidden files and folders are ignored.
func Open(dirs ...string) (Set, error) {
	var set Set
	var labels []string       // of each file
	seen := map[string]bool{} // absolute paths
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
			absolute, err := filepath.Abs(path)
			if err != nil {
				return Set{}, fmt.Errorf("list pictures: %w", err)
			}
			if seen[absolute] {
				return Set{}, fmt.Errorf("%s is listed twice: pass each folder of pictures once", path)
			}
			seen[absolute] = true
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
		return Set{}, fmt.Errorf("%s is not in a sub-folder, but others are: move all pictures into one sub-folder per class", set.Files[i].Path)
	}
	set.Classes = classes
	for i, label := range labels {
		set.Files[i].Class, _ = slices.BinarySearch(classes, label)
	}
	return set, nil
}

// pictures lists the paths of the images below dir.
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

// folderBelow is the first folder of path below dir, "" if there is none.
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

// Split takes n held-out images, at most all but one, evenly spread over the sorted
// list, so that every class has its share. It depends on the list alone.
func (s Set) Split(n int) (train, heldOut Set) {
	train.Classes, heldOut.Classes = s.Classes, s.Classes
	n = min(n, len(s.Files)-1)
	for i, file := range s.Files {
		// Image i is held out if the running share n·i/len passes a whole number.
		if n > 0 && (i+1)*n/len(s.Files) > i*n/len(s.Files) {
			heldOut.Files = append(heldOut.Files, file)
		} else {
			train.Files = append(train.Files, file)
		}
	}
	return train, heldOut
}

// Load decodes an image. If both sides are larger than size it is scaled with the
// Catmull-Rom filter, so that its shorter side is size.
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

// Pixels copies the w×h pixels of picture at (x, y) into out as RGB bytes [h, w, 3],
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

// Skipped collects the files that could not be read. The zero value is ready to use,
// also by several goroutines.
type Skipped struct {
	mu    sync.Mutex
	files map[string]error
}

// Add records that path could not be read, and reports whether it is the first time.
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

// Len is the number of skipped files.
func (s *Skipped) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}
