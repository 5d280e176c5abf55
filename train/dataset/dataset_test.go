package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOpen: several folders are one set, and sub-folders of the same name one class.
func TestOpen(t *testing.T) {
	root := t.TempDir()
	for _, path := range []string{
		"first/night/1.png", "first/dunes/1.png", "first/dunes/2.JPG", "first/dunes/notes.txt", "first/.git/1.png",
		"second/alpine/1.webp", "second/night/1.png", "second/night/deep/.1.png", "second/night/deep/2.jpeg",
		"flat/1.png", "flat/2.png", "empty/notes.txt", "mixed/1.png", "mixed/night/1.png",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if set, err := Open(""); err == nil {
		t.Errorf("an empty folder name: %v", set)
	}
	for _, test := range []struct {
		dirs, files, classes, says string
	}{
		{dirs: "first", files: "first/dunes/1.png:0 first/dunes/2.JPG:0 first/night/1.png:1", classes: "dunes night"},
		{
			dirs:    "second first/",
			files:   "second/alpine/1.webp:0 second/night/1.png:2 second/night/deep/2.jpeg:2 first/dunes/1.png:1 first/dunes/2.JPG:1 first/night/1.png:2",
			classes: "alpine dunes night",
		},
		{dirs: "flat", files: "flat/1.png:0 flat/2.png:0"},
		{dirs: "first flat", says: "flat/1.png has no class"},
		{dirs: "mixed", says: "mixed/1.png has no class"},
		{dirs: "first second first/", says: "first/dunes/1.png is listed twice"},
		{dirs: "first first/../first", says: "first/dunes/1.png is listed twice"},
		{dirs: "first missing", says: "missing"},
		{dirs: "first empty", says: ErrEmpty.Error()},
		{dirs: "", says: ErrEmpty.Error()},
	} {
		var dirs []string
		for _, dir := range strings.Fields(test.dirs) {
			dirs = append(dirs, root+"/"+dir)
		}
		set, err := Open(dirs...)
		if test.says != "" {
			if err == nil || !strings.Contains(err.Error(), test.says) || errors.Is(err, ErrEmpty) != (test.says == ErrEmpty.Error()) {
				t.Errorf("%s: %v", test.dirs, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.dirs, err)
			continue
		}
		var files []string
		for _, file := range set.Files {
			relative, err := filepath.Rel(root, file.Path)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, filepath.ToSlash(relative)+":"+string(rune('0'+file.Class)))
		}
		if got := strings.Join(files, " "); got != test.files {
			t.Errorf("%s: %s", test.dirs, got)
		}
		if !slices.Equal(set.Classes, strings.Fields(test.classes)) {
			t.Errorf("%s: classes %q", test.dirs, set.Classes)
		}
	}
}
