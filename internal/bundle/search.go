package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sundae/internal/progress"
)

// Search says where bundles are looked for.
type Search struct {
	Folders []string // folders that hold bundles; they need not exist
	BuiltIn fs.FS    // one folder a bundle; nil for none
}

// builtInPath is the Path of built-in bundles.
const builtInPath = "built in"

// Location is a bundle that was found and not opened yet.
type Location struct {
	Path    string // its folder, or "built in"
	builtIn string // name of a built-in bundle, or ""
	folder  string // "" of a built-in bundle
	files   fs.FS
}

func inFolder(dir string) Location { return Location{Path: dir, folder: dir, files: os.DirFS(dir)} }

// Name is what [Search.Find] finds the bundle by.
func (l Location) Name() string {
	if l.builtIn != "" {
		return l.builtIn
	}
	return l.Path
}

// Open opens the bundle. Progress is shown on reporter where there is much to read.
func (l Location) Open(ctx context.Context, reporter *progress.Reporter) (*Bundle, error) {
	b, err := l.OpenUnverified()
	if err != nil {
		return nil, err
	}
	if err := b.Verify(ctx, reporter); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Path, err)
	}
	return b, nil
}

// OpenUnverified opens the bundle without reading its external data. The caller must call
// [Bundle.Verify] before it uses what the models compute.
func (l Location) OpenUnverified() (*Bundle, error) {
	b, err := open(l.files, l.folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Path, err)
	}
	return b, nil
}

// Manifest reads model.yaml alone, which is fast, and checks no other file.
func (l Location) Manifest() (Manifest, error) {
	text, err := fs.ReadFile(l.files, ManifestFile)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", l.Path, err)
	}
	m, err := Parse(text)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", l.Path, err)
	}
	return m, nil
}

// Find looks for a bundle, in this order: the folder called name, a folder of that
// name in one of the search's folders, a built-in bundle of that name.
func (s Search) Find(name string) (Location, error) {
	tried := []string{name}
	if !strings.ContainsRune(name, filepath.Separator) {
		for _, folder := range s.Folders {
			tried = append(tried, filepath.Join(folder, name))
		}
	}
	for _, dir := range tried {
		_, err := os.Stat(filepath.Join(dir, ManifestFile))
		switch {
		case err == nil:
			return inFolder(dir), nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return Location{}, fmt.Errorf("find model %s: %w", name, err)
		}
	}
	builtIn, err := s.builtIn()
	if err != nil {
		return Location{}, err
	}
	for _, l := range builtIn {
		if l.builtIn == name {
			return l, nil
		}
	}
	return Location{}, fmt.Errorf("no model %s: there is no %s in %s; name another with --model, or train one with `sundae train all`",
		name, ManifestFile, strings.Join(tried, ", "))
}

// All returns each bundle once: the one that Find(first) finds, if any, then the
// built-in ones, then those in the search's folders, at most two folders deep.
func (s Search) All(first string) ([]Location, error) {
	var all []Location
	if l, err := s.Find(first); err == nil {
		all = append(all, l)
	}
	builtIn, err := s.builtIn()
	if err != nil {
		return nil, err
	}
	folders, err := scan(s.Folders)
	if err != nil {
		return nil, err
	}
	return unique(slices.Concat(all, builtIn, folders)), nil
}

// Scan returns the bundles in folders, at most two folders deep. The folders must
// exist.
func Scan(folders []string) ([]Location, error) {
	for _, folder := range folders {
		if _, err := os.ReadDir(folder); err != nil {
			return nil, fmt.Errorf("find models: %w", err)
		}
	}
	found, err := scan(folders)
	return unique(found), err
}

func (s Search) builtIn() ([]Location, error) {
	if s.BuiltIn == nil {
		return nil, nil
	}
	folders, err := fs.ReadDir(s.BuiltIn, ".")
	if err != nil {
		return nil, fmt.Errorf("find built-in models: %w", err)
	}
	var found []Location
	for _, folder := range folders {
		files, err := fs.Sub(s.BuiltIn, folder.Name())
		if err != nil {
			return nil, fmt.Errorf("find built-in models: %w", err)
		}
		found = append(found, Location{Path: builtInPath, builtIn: folder.Name(), files: files})
	}
	return found, nil
}

func scan(folders []string) ([]Location, error) {
	var found []Location
	for _, folder := range folders {
		for _, depth := range []string{".", "*", "*/*"} {
			manifests, err := fs.Glob(os.DirFS(folder), path.Join(depth, ManifestFile))
			if err != nil {
				return nil, fmt.Errorf("find models in %s: %w", folder, err)
			}
			for _, manifest := range manifests {
				if strings.Contains("/"+manifest, "/.") {
					continue // in a hidden folder, where a bundle is being written
				}
				found = append(found, inFolder(filepath.Join(folder, filepath.FromSlash(path.Dir(manifest)))))
			}
		}
	}
	return found, nil
}

// unique keeps the first of equal locations.
func unique(all []Location) []Location {
	var kept []Location
	for _, l := range all {
		if !slices.ContainsFunc(kept, func(k Location) bool { return k.Path == l.Path && k.builtIn == l.builtIn }) {
			kept = append(kept, l)
		}
	}
	return kept
}
