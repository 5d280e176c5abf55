package bundle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// searched are two bundles in a folder, one of them deep in it, with an unfinished one, and a built-in one.
func searched(t *testing.T) (s Search, near, deep string) {
	t.Helper()
	folder := t.TempDir()
	near, deep = filepath.Join(folder, "near"), filepath.Join(folder, "run", "deep")
	unfinished := filepath.Join(folder, ".near.new") // of an export that was killed
	for _, dir := range []string{near, deep, unfinished} {
		if err := Write(dir, manifest(), models(unchanged)); err != nil {
			t.Fatal(err)
		}
	}
	builtIn := fstest.MapFS{}
	for _, name := range []string{ManifestFile, PriorFile, DecoderFile, EncoderFile} {
		data, err := os.ReadFile(filepath.Join(near, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, model := range []string{"near", "other"} {
			builtIn[model+"/"+name] = &fstest.MapFile{Data: data}
		}
	}
	return Search{Folders: []string{filepath.Join(folder, "nosuch"), folder}, BuiltIn: builtIn}, near, deep
}

func paths(all []Location) (paths []string) {
	for _, l := range all {
		paths = append(paths, l.Path)
	}
	return paths
}

// A folder goes before a name in the folders, and that before a built-in name.
func TestFind(t *testing.T) {
	s, near, deep := searched(t)
	for name, want := range map[string]string{deep: deep, "near": near, "other": "built in"} {
		l, err := s.Find(name)
		if err != nil || l.Path != want {
			t.Errorf("%s is found at %q, %v", name, l.Path, err)
			continue
		}
		if m, err := l.Manifest(); err != nil || m.Name != "test" {
			t.Errorf("%s: manifest %+v, %v", name, m, err)
		}
		if b, err := l.Open(t.Context(), nil); err != nil || b.Manifest.Name != "test" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"deep", "other/model.yaml", filepath.Join(near, ManifestFile)} {
		if l, err := s.Find(name); err == nil || !strings.Contains(err.Error(), "no model "+name) {
			t.Errorf("%s is found at %q, %v", name, l.Path, err)
		}
	}
}

// Every bundle is listed once, the preferred one first.
func TestSearchAll(t *testing.T) {
	s, near, deep := searched(t)
	for first, want := range map[string][]string{
		"near":   {near, "built in", "built in", deep},
		"nosuch": {"built in", "built in", near, deep},
		"other":  {"built in", "built in", near, deep},
	} {
		if all, err := s.All(first); err != nil || !slices.Equal(paths(all), want) {
			t.Errorf("%s first: %v, %v", first, paths(all), err)
		}
	}
}

func TestScan(t *testing.T) {
	s, near, deep := searched(t)
	if all, err := Scan([]string{s.Folders[1], near}); err != nil || !slices.Equal(paths(all), []string{near, deep}) {
		t.Errorf("%v, %v", paths(all), err)
	}
	if all, err := Scan(s.Folders); err == nil {
		t.Errorf("a folder that does not exist: %v", paths(all))
	}
}
