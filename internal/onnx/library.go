// Package onnx finds ONNX Runtime, installs it where there is none, and runs
// models with it.
//
// A program does two things before it opens models:
//
//	lib, err := onnx.Ensure(ctx, "", talk) // a path, found or installed
//	err = onnx.Start(lib)                  // once per process
//
// # The library
//
// ONNX Runtime is a shared library of 25 to 46 MB that is loaded at run time.
// [Find] looks in the settings, in ONNXRUNTIME_SHARED_LIBRARY_PATH, in Sundae's own
// folder and in the system's, and takes the first. [Ensure] installs version
// [Version] into Sundae's folder when there is none. What it installs is pinned
// by SHA-256, written under a temporary name and renamed, so that a broken
// download leaves nothing behind that could be mistaken for a library.
//
// # Devices
//
// [Devices] tries every device with a one-node model: what it lists as there has
// really run something.
package onnx

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

// minimum is the oldest version, 1.x, that has the programming interface
// onnxruntime_go asks for (ORT_API_VERSION 24).
const minimum = 24

// Env names the environment variable that points at a library. Other programs
// that use ONNX Runtime from Go read the same one.
const Env = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// ErrNotFound says that there is no library on this machine. [Ensure] can
// install one.
var ErrNotFound = errors.New("ONNX Runtime isn't installed")

// A Source says how a library was found.
type Source string

// The places where a library can come from, in the order of the search.
const (
	FromConfig      Source = "config"      // the onnxruntime setting
	FromEnvironment Source = "environment" // Env
	FromInstall     Source = "installed"   // Sundae's own folder
	FromSystem      Source = "system"      // the loader's folders
)

// A Library is an ONNX Runtime on disk.
type Library struct {
	Path    string
	Version string // such as "1.30.0"; "" where the file doesn't say (macOS)
	Source  Source
}

// Find looks for the library. configured is the user's setting, "" for none. A
// path that the user gave, there or in [Env], must be right: it is an error, not
// a reason to look further, when nothing usable is there. Where nobody gave one
// and none is found, the error wraps [ErrNotFound].
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
			return Library{}, fmt.Errorf("%s names a library that can't be used: %w", given.name, err)
		}
		return lib, nil
	}
	if path, err := installPath(); err == nil {
		if lib, err := inspect(path, FromInstall); err == nil {
			return lib, nil
		}
	}
	for _, dir := range systemFolders() {
		for _, name := range systemNames(dir) {
			if lib, err := inspect(filepath.Join(dir, name), FromSystem); err == nil {
				return lib, nil
			}
		}
	}
	return Library{}, ErrNotFound
}

// inspect checks that a path holds a library that can be used, as far as that
// shows without loading it.
func inspect(path string, source Source) (Library, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Library{}, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return Library{}, err
	case !info.Mode().IsRegular():
		return Library{}, fmt.Errorf("%s isn't a file (the library's file itself is needed)", path)
	}
	version, err := versionOf(path)
	if err != nil {
		return Library{}, err
	}
	if version != "" && tooOld(version) {
		return Library{}, fmt.Errorf("%s is ONNX Runtime %s; 1.%d or newer is needed", path, version, minimum)
	}
	return Library{Path: path, Version: version, Source: source}, nil
}

// versionOf reads the version that a Linux library carries in its symbols
// ("VERS_1.30.0"). Elsewhere it is "" until the library is loaded.
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
	return "", fmt.Errorf("%s isn't ONNX Runtime: it doesn't name its version", path)
}

// tooOld compares with the minimum. A version that isn't 1.x.y is left to the
// loader to judge.
func tooOld(version string) bool {
	rest, ok := strings.CutPrefix(version, "1.")
	if !ok {
		return false
	}
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	return err == nil && n < minimum
}

// systemFolders is where the system's loader would look.
func systemFolders() []string {
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
// plainest name first.
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
