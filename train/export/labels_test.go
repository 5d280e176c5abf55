package export

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
)

func TestLabels(t *testing.T) {
	m := bundle.Manifest{Name: "tiny", Description: "old", Licence: "MIT", Classes: []string{"a", "b"}}
	if err := (Labels{Name: "cats", Classes: []string{"tabby", "siamese"}}).Apply(&m); err != nil {
		t.Fatal(err)
	}
	if m.Name != "cats" || m.Description != "old" || m.Licence != "MIT" || !slices.Equal(m.Classes, []string{"tabby", "siamese"}) {
		t.Errorf("manifest %+v", m)
	}
	if err := (Labels{Classes: []string{"one"}}).Apply(&m); err == nil || !strings.Contains(err.Error(), "names for 1 classes, and the model has 2") {
		t.Errorf("one name for two classes: %v", err)
	}
}

func TestReadClasses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "classes.txt")
	for text, want := range map[string]any{
		"\ufefftabby cat\r\n\r\n  siamese \r\n": []string{"tabby cat", "siamese"},
		"crane\nship\ncrane":                    `lines 1 and 3 of ` + file + ` are both "crane"`,
		" \n":                                   "has none",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		classes, err := ReadClasses(file)
		switch want := want.(type) {
		case []string:
			if err != nil || !slices.Equal(classes, want) {
				t.Errorf("%q is read as %q, %v", text, classes, err)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: want an error with %q, got %v", text, want, err)
			}
		}
	}
	if _, err := ReadClasses(filepath.Join(t.TempDir(), "nosuch")); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestCheckTarget(t *testing.T) {
	dir := t.TempDir()
	for _, empty := range []string{dir, filepath.Join(dir, "new")} {
		if err := CheckTarget(empty, Labels{}, 2); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CheckTarget(dir, Labels{}, 2); err == nil || !strings.Contains(err.Error(), "name another folder") {
		t.Errorf("a folder with other files: %v", err)
	}
	if err := CheckTarget(filepath.Join(dir, "notes.txt"), Labels{}, 2); err == nil {
		t.Error("a file is no error")
	}
	if err := os.WriteFile(filepath.Join(dir, bundle.ManifestFile), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := CheckTarget(dir, Labels{}, 2); err != nil {
		t.Errorf("an older bundle: %v", err)
	}
}
