package onnx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"sundae/internal/progress"
)

// Ensure finds the library, or installs [Version] for this user where there is
// none. It says on talk what it fetches, which is 11 to 114 MB.
//
// Processes that install at the same time wait for the first and use what it
// installed. Cancelling ctx stops the download and leaves nothing behind.
func Ensure(ctx context.Context, configured string, talk *progress.Talk) (Library, error) {
	lib, err := Find(configured)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return lib, err
	}
	path, err := installPath()
	if err != nil {
		return Library{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Library{}, fmt.Errorf("making a folder for ONNX Runtime: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), ".lock"))
	if err != nil {
		return Library{}, fmt.Errorf("waiting for another process that installs ONNX Runtime: %w", err)
	}
	defer unlock()
	if lib, err := inspect(path, FromInstall); err == nil {
		return lib, nil
	}
	if err := sweep(filepath.Dir(path)); err != nil {
		return Library{}, fmt.Errorf("clearing away an earlier download: %w", err)
	}
	if err := install(ctx, path, talk); err != nil {
		return Library{}, err
	}
	return inspect(path, FromInstall)
}

// sweep removes what an installation that was killed has left in its folder: all
// names there that begin with a dot, but for the lock. The caller holds the lock.
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

// Folder is where [Ensure] installs: $XDG_DATA_HOME/sundae/onnxruntime/VERSION, or
// the same below ~/.local/share (~/Library/Application Support on macOS).
func Folder() (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding a folder for ONNX Runtime: %w (set XDG_DATA_HOME, or name a library with %s)", err, Env)
		}
		data = filepath.Join(home, ".local", "share")
		if runtime.GOOS == "darwin" {
			data = filepath.Join(home, "Library", "Application Support")
		}
	}
	return filepath.Join(data, "sundae", "onnxruntime", Version), nil
}

// installPath is the library's file in [Folder].
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

// install puts the library at path, from npm or else from the release page.
func install(ctx context.Context, path string, talk *progress.Talk) error {
	b, ok := builds[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return fmt.Errorf("%w, and there is no build of version %s for %s/%s to install: build it and name it with %s",
			ErrNotFound, Version, runtime.GOOS, runtime.GOARCH, Env)
	}
	talk.Printf("ONNX Runtime isn't here yet: installing version %s into %s", Version, filepath.Dir(path))
	npm := fromNPM(ctx, b, path, talk)
	if npm == nil || ctx.Err() != nil {
		return npm
	}
	talk.Printf("npm couldn't bring it (%v): trying the release page", npm)
	release := fromRelease(ctx, b, path, talk)
	if release == nil || ctx.Err() != nil {
		return release
	}
	return fmt.Errorf(`%w, and installing it failed.
  With npm: %w
  From the release page: %w
Connect this machine to the internet and try again, or put the library there yourself:
  on a machine that has a connection, run: npm pack %s
  take %s out of the archive
  and put it at %s
A library that is somewhere else can be named with %s or the onnxruntime setting.`,
		ErrNotFound, npm, release, npmPackage, b.npmMember, path, Env)
}
