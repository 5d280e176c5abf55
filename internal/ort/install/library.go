// Package install finds the ONNX Runtime library, and installs it where there is
// none.
//
// ONNX Runtime is a shared library of 25 to 46 MB that is loaded at run time.
// [Find] looks in the settings, in ONNXRUNTIME_SHARED_LIBRARY_PATH, in Sundae's own
// folder and in the system's, and takes the first. [Ensure] installs version
// [Version] into Sundae's folder if there is none. What it installs is pinned by
// SHA-256, written under a temporary name and renamed, so a broken download never
// leaves a damaged library behind.
package install

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of ONNX Runtime that [Ensure] installs.
const Version = "1.30.0"

// minMinor is the oldest supported version, 1.minMinor: the first with the API
// version that onnxruntime_go asks for (ORT_API_VERSION 24).
const minMinor = 24

// Env is the environment variable with the path of a library. Other Go programs
// that use ONNX Runtime read it too.
const Env = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// ErrNotFound is the error of a machine without the library. [Ensure] can install
// it.
var ErrNotFound = errors.New("ONNX Runtime isn't installed")

// Source says where a library was found.
type Source string

// The sources, in the order of the search.
const (
	FromConfig      Source = "config"      // the onnxruntime setting
	FromEnvironment Source = "environment" // Env
	FromInstall     Source = "installed"   // Sundae's own folder
	FromSystem      Source = "system"      // the loader's folders
)

// Library is a file of the ONNX Runtime library.
type Library struct {
	Path    string
	Version string // such as "1.30.0"; "" if the file doesn't say (macOS)
	Source  Source
}

// Find looks for the library. configured is the user's setting, "" for none. If
// the user gave a path, there or in [Env], and it is not a usable library, that is
// an error and Find does not look further. If nobody gave one and none is found,
// the error wraps [ErrNotFound].
func Find(configured string) (Library, error) {
	for _, given := range []struct {
		path, name string
		source     Source
	}{
		{configured, "the onnxruntime setting", FromConfig},
		{os.Getenv(Env), Env, FromEnvironment},
	} {
		if given.path == "" {
			continue
		}
		lib, err := inspect(given.path, given.source)
		if err != nil {
			return Library{}, fmt.Errorf("%s does not name a usable library: %w", given.name, err)
		}
		return lib, nil
	}
	if path, err := installPath(); err == nil {
		if lib, err := inspect(path, FromInstall); err == nil {
			return lib, nil
		}
	}
	for _, dir := range SystemFolders() {
		for _, name := range systemNames(dir) {
			if lib, err := inspect(filepath.Join(dir, name), FromSystem); err == nil {
				return lib, nil
			}
		}
	}
	return Library{}, ErrNotFound
}

// inspect checks that a file is a usable library, as far as possible without
// loading it.
func inspect(path string, source Source) (Library, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Library{}, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return Library{}, err
	case !info.Mode().IsRegular():
		return Library{}, fmt.Errorf("%s isn't a file; give the path of the library itself", path)
	}
	version, err := versionOf(path)
	if err != nil {
		return Library{}, err
	}
	if version != "" && tooOld(version) {
		return Library{}, fmt.Errorf("%s is ONNX Runtime %s; 1.%d or newer is needed", path, version, minMinor)
	}
	return Library{Path: path, Version: version, Source: source}, nil
}

// versionOf reads the version from the symbols of a Linux library ("VERS_1.30.0").
// On other systems it returns "".
func versionOf(path string) (string, error) {
	if runtime.GOOS != "linux" {
		return "", nil
	}
	f, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s isn't a shared library: %w", path, err)
	}
	defer f.Close()
	versions, err := f.DynamicVersions()
	if err != nil {
		return "", fmt.Errorf("%s isn't ONNX Runtime: %w", path, err)
	}
	for _, v := range versions {
		if number, ok := strings.CutPrefix(v.Name, "VERS_"); ok {
			return number, nil
		}
	}
	return "", fmt.Errorf("%s isn't ONNX Runtime: it has no version", path)
}

// tooOld reports whether a version is older than 1.minMinor. Versions of another
// form pass: loading them will tell.
func tooOld(version string) bool {
	rest, ok := strings.CutPrefix(version, "1.")
	if !ok {
		return false
	}
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return err == nil && n < minMinor
}

// SystemFolders lists the folders where the system's loader looks for libraries.
func SystemFolders() []string {
	var dirs []string
	if runtime.GOOS == "darwin" {
		dirs = filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH"))
		dirs = append(dirs, "/opt/homebrew/lib", "/usr/local/lib")
	} else {
		dirs = filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
		dirs = append(dirs, "/usr/local/lib", "/usr/lib64", "/usr/lib")
		multiarch, _ := filepath.Glob("/usr/lib/*-linux-gnu*")
		dirs = append(dirs, multiarch...)
	}
	return slices.DeleteFunc(dirs, func(d string) bool { return d == "" })
}

// systemNames lists the files in dir that are named like the library, the
// shortest name first.
func systemNames(dir string) []string {
	pattern := "libonnxruntime.so*"
	if runtime.GOOS == "darwin" {
		pattern = "libonnxruntime*.dylib"
	}
	paths, _ := filepath.Glob(filepath.Join(dir, pattern))
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	slices.Sort(names)
	return names
}
