// Package dataset reads folders of images in the layout of torchvision's ImageFolder:
// one sub-folder per class, or one flat folder without classes. It reads PNG, JPEG and
// WebP. It also reads the IDX files of MNIST and the data sets in its format.
package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// File is one image and the index of its class.
type File struct {
	Path  string // of an image in an IDX file: the file's path, "#" and the image's number
	Class int

	grey *image.Gray // the image, if it comes from an IDX file
}

// Set lists the images of one or more folders or IDX files, sorted by path within each
// folder, and the names of their classes. Without sub-folders or labels there are no
// classes, and every File's Class is 0.
type Set struct {
	Files   []File
	Classes []string
}

// ErrEmpty is the error for a folder without pictures.
var ErrEmpty = errors.New("no PNG, JPEG or WebP pictures")

// Open lists the images of each of paths: a folder, or an IDX file of images
// (train-images-idx3-ubyte, or the same with .gz), whose labels are in the file beside it
// with "labels-idx1" in its name. Sub-folders of the same name are one class, as are equal
// labels, which are named by their number. Hidden files and folders are ignored.
func Open(paths ...string) (Set, error) {
	var set Set
	var labels []string       // of each file
	numbered := false         // some labels come from an IDX file
	seen := map[string]bool{} // absolute paths
	for _, path := range paths {
		files, names, err := list(path)
		if err != nil {
			return Set{}, err
		}
		for _, file := range files {
			absolute, err := filepath.Abs(file.Path)
			if err != nil {
				return Set{}, fmt.Errorf("list pictures: %w", err)
			}
			if seen[absolute] {
				return Set{}, fmt.Errorf("%s is listed twice: pass each folder or file of pictures once", file.Path)
			}
			seen[absolute] = true
			numbered = numbered || file.grey != nil
		}
		set.Files = append(set.Files, files...)
		labels = append(labels, names...)
	}
	classes := slices.Compact(slices.Sorted(slices.Values(labels)))
	if len(classes) == 0 {
		return Set{}, ErrEmpty
	}
	if len(classes) == 1 && classes[0] == "" {
		return set, nil
	}
	if i := slices.Index(labels, ""); i >= 0 {
		return Set{}, fmt.Errorf("%s has no class, but others have: move all pictures into one sub-folder per class, and IDX files beside their labels", set.Files[i].Path)
	}
	if numbered {
		slices.SortStableFunc(classes, byNumber)
	}
	set.Classes = classes
	class := map[string]int{}
	for i, name := range classes {
		class[name] = i
	}
	for i, label := range labels {
		set.Files[i].Class = class[label]
	}
	return set, nil
}

// list lists the images of a folder or an IDX file and the name of each one's class, ""
// for none.
func list(path string) ([]File, []string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("list pictures: %w", err)
	}
	if info.Mode().IsRegular() && !isPicture(path) {
		return listIDX(path)
	}
	paths, err := pictures(path)
	if err != nil {
		return nil, nil, fmt.Errorf("list pictures: %w", err)
	}
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("%s: %w; draw some with `sundae train scenes --out %s`", path, ErrEmpty, path)
	}
	var files []File
	var labels []string
	for _, p := range paths {
		label, err := folderBelow(path, p)
		if err != nil {
			return nil, nil, fmt.Errorf("list pictures: %w", err)
		}
		files, labels = append(files, File{Path: p}), append(labels, label)
	}
	return files, labels, nil
}

// byNumber orders the names of labels, "10" after "9".
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	if errX != nil || errY != nil {
		return strings.Compare(a, b)
	}
	return cmp.Compare(x, y)
}

// isPicture reports whether a file's name ends as a picture's does.
func isPicture(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".png", ".jpg", ".jpeg", ".webp":
		return true
	}
	return false
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
		if isPicture(path) && !entry.IsDir() {
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

// Load decodes the image. If both sides are larger than size it is scaled with the
// Catmull-Rom filter, so that its shorter side is size.
func (f File) Load(size int) (*image.RGBA, error) {
	picture, err := f.decode()
	if err != nil {
		return nil, err
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

func (f File) decode() (image.Image, error) {
	if f.grey != nil {
		return f.grey, nil
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("open picture: %w", err)
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("decode picture %s: %w", f.Path, err)
	}
	return picture, nil
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
