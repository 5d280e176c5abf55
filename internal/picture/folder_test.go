package picture

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "down")
	f, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b.png", "a.png"} {
		if err := f.Save(name, noise(3, 3, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("before Keep there are %v", got)
	}
	paths, err := f.Keep()
	if err != nil || !slices.Equal(paths, []string{filepath.Join(dir, "b.png"), filepath.Join(dir, "a.png")}) {
		t.Errorf("kept %v, %v", paths, err)
	}
	f.Discard()
	if got := names(t, dir); !slices.Equal(got, []string{"a.png", "b.png"}) {
		t.Errorf("in the end there are %v", got)
	}
}

// Discard removes everything that was not kept, folders included, and nothing else.
func TestFolderDiscard(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{filepath.Join(top, "new", "deep"), top} {
		if err := os.WriteFile(filepath.Join(top, "mine.txt"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Save("a.png", noise(3, 3, 1)); err != nil {
			t.Fatal(err)
		}
		if err := f.Write("b.gif", func(io.Writer) error { return errors.New("no space") }); err == nil {
			t.Error("a failed write was taken")
		}
		f.Discard()
		if got := names(t, top); !slices.Equal(got, []string{"mine.txt"}) {
			t.Errorf("discarding left %v", got)
		}
	}
	if _, err := NewFolder(filepath.Join(top, "mine.txt", "below")); err == nil {
		t.Error("a file served as a folder")
	}
}
