package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"sundae/internal/progress"
)

// Ensure finds the library, or installs [Version] for this user if there is none:
// a download of 11 to 114 MB, reported on reporter.
//
// Processes that install at the same time wait for the first and use what it
// installed. If ctx is cancelled the download stops and leaves nothing behind.
func Ensure(ctx context.Context, configured string, reporter *progress.Reporter) (Library, error) {
	lib, err := Find(configured)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return lib, err
	}
	path, err := installPath()
	if err != nil {
		return Library{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Library{}, fmt.Errorf("make a folder for ONNX Runtime: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), ".lock"))
	if err != nil {
		return Library{}, fmt.Errorf("wait for another process that installs ONNX Runtime: %w", err)
	}
	defer unlock()
	if lib, err := inspect(path, FromInstall); err == nil {
		return lib, nil
	}
	if err := sweep(filepath.Dir(path)); err != nil {
		return Library{}, fmt.Errorf("remove an earlier download: %w", err)
	}
	if err := install(ctx, path, reporter); err != nil {
		return Library{}, err
	}
	return inspect(path, FromInstall)
}

// sweep removes what a killed installation has left in its folder: every name
// that begins with a dot, except the lock. The caller holds the lock.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil {
		return err
	}
	for _, path := range left {
		if name := filepath.Base(path); name == ".lock" || name == "." || name == ".." {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// Folder returns where [Ensure] installs: $XDG_DATA_HOME/sundae/onnxruntime/VERSION,
// or the same below ~/.local/share (~/Library/Application Support on macOS).
func Folder() (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find a folder for ONNX Runtime: %w (set XDG_DATA_HOME, or give the path of a library in %s)", err, Env)
		}
		data = filepath.Join(home, ".local", "share")
		if runtime.GOOS == "darwin" {
			data = filepath.Join(home, "Library", "Application Support")
		}
	}
	return filepath.Join(data, "sundae", "onnxruntime", Version), nil
}

// installPath returns the library's file in [Folder].
func installPath() (string, error) {
	dir, err := Folder()
	if err != nil {
		return "", err
	}
	name := "libonnxruntime.so.1"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.1.dylib"
	}
	return filepath.Join(dir, name), nil
}

// install writes the library to path, from npm or else from the release page.
func install(ctx context.Context, path string, reporter *progress.Reporter) error {
	b, ok := builds[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return fmt.Errorf("%w, and there is no build of version %s for %s/%s to install: build it, and give its path in %s",
			ErrNotFound, Version, runtime.GOOS, runtime.GOARCH, Env)
	}
	reporter.Printf("installing ONNX Runtime %s into %s", Version, filepath.Dir(path))
	npm := fromNPM(ctx, b, path, reporter)
	if npm == nil || ctx.Err() != nil {
		return npm
	}
	reporter.Printf("npm failed (%v), trying ONNX Runtime's release page", npm)
	release := fromRelease(ctx, b, path, reporter)
	if release == nil || ctx.Err() != nil {
		return release
	}
	return fmt.Errorf(`%w, and installing it failed.
  With npm: %w
  From the release page: %w
Connect this machine to the internet and try again, or install the library yourself:
  on a machine with a connection, run: npm pack %s
  extract %s from the archive
  and copy it to %s
To use a library in another place, give its path in %s or the onnxruntime setting`,
		ErrNotFound, npm, release, npmPackage, b.npmMember, path, Env)
}
