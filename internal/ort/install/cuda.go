package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"sundae/internal/progress"
)

// CUDAVersion is the version of ONNX Runtime that [CUDA] installs. The library and
// its providers must have the same version, and this is the newest one whose CUDA
// provider is in a package registry.
const CUDAVersion = "1.29.0"

// A part is one file of the CUDA build: the package and the member of its archive
// that it comes from.
type part struct {
	npmPackage string
	member     string
	name       string // of the installed file
	sha256     string
	bytes      int64
}

const (
	cudaLibraryPackage  = "onnxruntime-node@" + CUDAVersion
	cudaProviderPackage = "com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9"
	cudaProviderFolder  = "package/Plugins/Linux/x64/"
)

// cudaParts are the files of the CUDA build. The hashes are of the files in the npm
// packages, downloaded on 2026-11-28.
var cudaParts = []part{
	{cudaLibraryPackage, "package/bin/napi-v6/linux/x64/libonnxruntime.so.1", libraryName,
		"89688f5cf51c7e31befbb7b9101bc027799009b18d1baa9a5b1146a72e69538d", 44726808},
	{cudaProviderPackage, cudaProviderFolder + "libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.so",
		"c6a12593396095f5670160e284c35d1700b7708cf3037b7042e2a5200ccae772", 14632},
	{cudaProviderPackage, cudaProviderFolder + "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_cuda.so",
		"56cf3254b118ad837ccc4ed8f6d1b23504bbf7ef91b34cbc0b289cb7f10b3037", 229780440},
	{cudaProviderPackage, cudaProviderFolder + "libonnxruntime_providers_tensorrt.so", "libonnxruntime_providers_tensorrt.so",
		"ef6071798a339038ad66c428fb1a809cf8e499bffc3b6870e4e8bc4f4c6a6320", 859144},
}

// ErrNoCUDA is the error of a machine without the CUDA build. [CUDA] can install it.
var ErrNoCUDA = errors.New("the CUDA build of ONNX Runtime is not installed (sundae install cuda)")

// CUDAFolder returns where [CUDA] installs: a folder beside [Folder].
func CUDAFolder() (string, error) {
	dir, err := Folder()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(dir), CUDAVersion+"-cuda"), nil
}

// FindCUDA returns the library of the installed CUDA build, whose providers are
// beside it, or an error that wraps [ErrNoCUDA].
func FindCUDA() (Library, error) {
	dir, err := CUDAFolder()
	if err != nil {
		return Library{}, err
	}
	for _, p := range cudaParts {
		info, err := os.Stat(filepath.Join(dir, p.name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return Library{}, ErrNoCUDA
		case err != nil:
			return Library{}, err
		case info.Size() != p.bytes:
			return Library{}, fmt.Errorf("%s is damaged, it has %d bytes and not %d: %w", filepath.Join(dir, p.name), info.Size(), p.bytes, ErrNoCUDA)
		}
	}
	return inspect(filepath.Join(dir, libraryName), FromInstall)
}

// CUDA installs the build of ONNX Runtime for NVIDIA GPUs for this user, unless it is
// there: a download of 291 MB with the npm client, reported on reporter. From then on
// [Find] prefers it. The files appear all together or not at all.
func CUDA(ctx context.Context, reporter *progress.Reporter) (Library, error) {
	if platform := runtime.GOOS + "/" + runtime.GOARCH; platform != "linux/amd64" {
		return Library{}, fmt.Errorf("install the CUDA build: there is one for linux/amd64 only, not for %s", platform)
	}
	dir, err := CUDAFolder()
	if err != nil {
		return Library{}, err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return Library{}, fmt.Errorf("make a folder for ONNX Runtime: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(parent, ".lock"))
	if err != nil {
		return Library{}, fmt.Errorf("wait for another process that installs ONNX Runtime: %w", err)
	}
	defer unlock()
	if lib, err := FindCUDA(); err == nil {
		return lib, nil
	}
	if err := sweep(parent); err != nil {
		return Library{}, fmt.Errorf("remove an earlier download: %w", err)
	}
	reporter.Printf("installing ONNX Runtime %s with CUDA into %s", CUDAVersion, dir)
	if err := installCUDA(ctx, dir, reporter); err != nil {
		return Library{}, fmt.Errorf("install the CUDA build: %w", err)
	}
	return FindCUDA()
}

// installCUDA downloads every part into a temporary folder, which then becomes dir.
func installCUDA(ctx context.Context, dir string, reporter *progress.Reporter) error {
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".cuda-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	complete := filepath.Join(temporary, "complete")
	if err := os.Mkdir(complete, 0o755); err != nil {
		return err
	}
	archives := map[string]string{} // by package
	for i, p := range cudaParts {
		if archives[p.npmPackage] == "" {
			downloads := filepath.Join(temporary, fmt.Sprint("download", i))
			if err := os.Mkdir(downloads, 0o755); err != nil {
				return err
			}
			size := map[string]string{cudaLibraryPackage: "112 MB", cudaProviderPackage: "179 MB"}[p.npmPackage]
			if archives[p.npmPackage], err = pack(ctx, p.npmPackage, size, downloads, reporter); err != nil {
				return err
			}
		}
		bar := reporter.Bar("unpacking "+p.name, p.bytes, "bytes")
		err := unpackFile(ctx, archives[p.npmPackage], archive{member: p.member, memberSHA256: p.sha256}, filepath.Join(complete, p.name), bar)
		bar.Done()
		if err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil { // damaged, or FindCUDA would have found it
		return err
	}
	return os.Rename(complete, dir)
}

// RemoveCUDA removes the CUDA build, and reports whether there was one.
func RemoveCUDA(ctx context.Context) (bool, error) {
	dir, err := CUDAFolder()
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(dir), ".lock"))
	if err != nil {
		return false, fmt.Errorf("wait for another process that installs ONNX Runtime: %w", err)
	}
	defer unlock()
	// Renamed first, so that no half of it is ever found.
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".cuda-")
	if err != nil {
		return false, fmt.Errorf("remove the CUDA build: %w", err)
	}
	if err := os.Rename(dir, filepath.Join(temporary, "removed")); err != nil {
		os.Remove(temporary)
		return false, fmt.Errorf("remove the CUDA build: %w", err)
	}
	if err := os.RemoveAll(temporary); err != nil {
		return true, fmt.Errorf("remove the CUDA build: %w", err)
	}
	return true, nil
}

// declinedName is the file that remembers that the user does not want the CUDA build.
const declinedName = "cuda-declined"

// CUDADeclined reports whether the user has declined to install the CUDA build.
func CUDADeclined() bool {
	dir, err := CUDAFolder()
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(filepath.Dir(dir), declinedName))
	return err == nil
}

// DeclineCUDA remembers that the user does not want the CUDA build.
func DeclineCUDA() error {
	dir, err := CUDAFolder()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("remember the answer: %w", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), declinedName), nil, 0o644); err != nil {
		return fmt.Errorf("remember the answer: %w", err)
	}
	return nil
}
