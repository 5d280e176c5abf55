package install

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fakeNPM puts an npm client on the PATH that copies an archive for each package.
// Packages without one fail.
func fakeNPM(t *testing.T, archives map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nset -e\ncase \"$2\" in\n"
	for name, data := range archives {
		file := filepath.Join(dir, strings.NewReplacer("@", "_", "/", "_").Replace(name)+".archive")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		script += "'" + name + "') cp '" + file + "' \"$4/package.tgz\" ;;\n"
	}
	script += "*) echo \"npm error 404 $2\" >&2; exit 1 ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func tarballOf(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for name, data := range members {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The installation of the CUDA build is all or nothing: a package that is missing, cut
// or another file leaves nothing behind, whatever has arrived before it.
func TestCUDAInstallFails(t *testing.T) {
	if runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		if _, err := CUDA(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "for linux/amd64 only") {
			t.Errorf("on this platform: %v", err)
		}
		return
	}
	whole := tarballOf(t, map[string][]byte{cudaParts[0].member: []byte("not the library")})
	for name, c := range map[string]struct {
		archives map[string][]byte
		want     string
	}{
		"no package":        {nil, "npm pack"},
		"another file":      {map[string][]byte{cudaLibraryPackage: whole}, "is not the expected file"},
		"a web page":        {map[string][]byte{cudaLibraryPackage: []byte("<html>sign in</html>")}, "read the archive"},
		"a cut archive":     {map[string][]byte{cudaLibraryPackage: whole[:len(whole)-9]}, ""},
		"without the files": {map[string][]byte{cudaLibraryPackage: tarballOf(t, map[string][]byte{"package/README": nil})}, "has no package/bin"},
	} {
		t.Run(name, func(t *testing.T) {
			withoutLibrary(t)
			fakeNPM(t, c.archives)
			_, err := CUDA(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			dir, err := CUDAFolder()
			if err != nil {
				t.Fatal(err)
			}
			only(t, filepath.Dir(dir), ".lock")
			if _, err := FindCUDA(); !errors.Is(err, ErrNoCUDA) {
				t.Errorf("found after a failure: %v", err)
			}
		})
	}
}

// A damaged installation is not used, and says so; removing it works, twice as well.
func TestRemoveCUDA(t *testing.T) {
	withoutLibrary(t)
	dir, err := CUDAFolder()
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := RemoveCUDA(t.Context()); removed || err != nil {
		t.Errorf("removed nothing: %t, %v", removed, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range cudaParts {
		if err := os.WriteFile(filepath.Join(dir, p.name), []byte("short"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := FindCUDA(); !errors.Is(err, ErrNoCUDA) || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged installation: %v", err)
	}
	if removed, err := RemoveCUDA(t.Context()); !removed || err != nil {
		t.Errorf("removed: %t, %v", removed, err)
	}
	only(t, filepath.Dir(dir), ".lock")
	if CUDADeclined() {
		t.Error("declined before anybody was asked")
	}
	if err := DeclineCUDA(); err != nil || !CUDADeclined() {
		t.Errorf("the refusal is not remembered: %v", err)
	}
}
