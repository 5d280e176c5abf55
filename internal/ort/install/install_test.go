package install

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// tarball makes a gzipped tar with the named member among others, and returns
// both hashes.
func tarball(t *testing.T, name string, content []byte) (file []byte, a archive) {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	files := tar.NewWriter(zip)
	for _, m := range []struct {
		name    string
		content []byte
	}{{"package/README.md", []byte("read me")}, {name, content}, {"package/LICENSE", []byte("MIT")}} {
		if err := files.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.content)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	return out.Bytes(), archive{member: name, memberSHA256: sum(content), archiveSHA256: sum(out.Bytes())}
}

// content is incompressible, so that cutting the archive cuts it.
func content() []byte {
	b := make([]byte, 200_000)
	h := sha256.Sum256(nil)
	for i := range b {
		if i%32 == 0 {
			h = sha256.Sum256(h[:])
		}
		b[i] = h[i%32]
	}
	return b
}

// only checks that a folder holds nothing but the named files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

func TestUnpack(t *testing.T) {
	file, a := tarball(t, "package/lib.so", content())
	dir := t.TempDir()
	path := filepath.Join(dir, "lib.so")
	if err := unpack(t.Context(), bytes.NewReader(file), a, path, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content()) {
		t.Errorf("unpacked %d bytes, %v", len(got), err)
	}
	only(t, dir, "lib.so")
}

func TestUnpackLeavesNoHalfLibrary(t *testing.T) {
	file, good := tarball(t, "package/lib.so", content())
	wrong := strings.Repeat("0", 64)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		file []byte
		a    archive
		want string
	}{
		{"truncated", t.Context(), file[:len(file)/2], good, "unexpected EOF"},
		{"empty", t.Context(), nil, good, "read the archive"},
		{"not an archive", t.Context(), []byte("<html>Sign in to this network</html>"), good, "read the archive"},
		{"wrong library", t.Context(), file, archive{member: good.member, memberSHA256: wrong}, "SHA-256"},
		{"wrong archive", t.Context(), file, archive{member: good.member, archiveSHA256: wrong}, "SHA-256"},
		{"data after the archive", t.Context(), append(bytes.Clone(file), 0), good, "SHA-256"},
		{"no such member", t.Context(), file, archive{member: "package/other.so"}, "no package/other.so"},
		{"cancelled", gone, file, good, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "lib.so")
			err := unpack(c.ctx, bytes.NewReader(c.file), c.a, path, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			only(t, dir)
			// An earlier library stays as it was.
			if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := unpack(c.ctx, bytes.NewReader(c.file), c.a, path, nil); err == nil {
				t.Error("no error the second time")
			}
			if old, _ := os.ReadFile(path); string(old) != "old" {
				t.Errorf("the old library is now %q", old)
			}
			only(t, dir, "lib.so")
		})
	}
}

func TestDownload(t *testing.T) {
	file, a := tarball(t, "lib/lib.so", content())
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		want  string // in the error; "" for none
	}{
		{"whole", func(w http.ResponseWriter, r *http.Request) { w.Write(file) }, ""},
		{"cut off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			w.Write(file[:len(file)/2])
		}, "unexpected EOF"},
		{"missing", http.NotFound, "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			defer server.Close()
			dir := t.TempDir()
			path := filepath.Join(dir, "lib.so")
			err := download(t.Context(), server.URL+"/lib.tgz", a, path, nil)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				only(t, dir, "lib.so")
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			only(t, dir)
		})
	}
}

// withoutLibrary makes this a machine without the library: an empty home and
// nothing in the environment. It can't hide the system's folders.
func withoutLibrary(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("LD_LIBRARY_PATH", "")
	t.Setenv(Env, "")
	return home
}

// installed returns the path of a library, before HOME is changed.
func installed(t *testing.T) string {
	t.Helper()
	lib, err := Ensure(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return lib.Path
}

func TestFindOrder(t *testing.T) {
	real := installed(t)
	withoutLibrary(t)
	link := func(path string) string {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(real, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	expect := func(configured, path string, source Source) {
		t.Helper()
		lib, err := Find(configured)
		if err != nil || lib.Path != path || lib.Source != source {
			t.Errorf("found %+v, %v; want %s from %s", lib, err, path, source)
		}
		if runtime.GOOS == "linux" && lib.Version != Version {
			t.Errorf("version %q", lib.Version)
		}
	}
	dir := t.TempDir()
	system := link(filepath.Join(dir, "system", "libonnxruntime.so.1"))
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(system))
	t.Setenv("DYLD_LIBRARY_PATH", filepath.Dir(system))
	if runtime.GOOS == "linux" {
		expect("", system, FromSystem)
	}
	own, err := installPath()
	if err != nil {
		t.Fatal(err)
	}
	expect("", link(own), FromInstall)
	t.Setenv(Env, link(filepath.Join(dir, "environment.so")))
	expect("", os.Getenv(Env), FromEnvironment)
	expect(link(filepath.Join(dir, "config.so")), filepath.Join(dir, "config.so"), FromConfig)
}

// A wrong path given by the user is an error, and nothing is installed instead.
func TestFindWrongPath(t *testing.T) {
	home := withoutLibrary(t)
	note := filepath.Join(home, "note.txt")
	if err := os.WriteFile(note, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(home, "none.so"): "there is no file",
		home:                           "isn't a file",
	} {
		if _, err := Ensure(t.Context(), path, nil); err == nil || errors.Is(err, ErrNotFound) ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "the onnxruntime setting") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if runtime.GOOS == "linux" {
		t.Setenv(Env, note)
		if _, err := Find(""); err == nil || !strings.Contains(err.Error(), Env) || !strings.Contains(err.Error(), "isn't a shared library") {
			t.Errorf("a text file: %v", err)
		}
	}
	only(t, home, "note.txt")
}

func TestTooOld(t *testing.T) {
	for version, want := range map[string]bool{"1.17.3": true, "1.23.0": true, "1.24.0": false, "1.30.0": false, "2.0.0": false, "": false} {
		if got := tooOld(version); got != want {
			t.Errorf("tooOld(%q) = %v", version, got)
		}
	}
}

// Without npm and without a connection one error says how to install by hand, and
// the folder stays clean.
func TestInstallOffline(t *testing.T) {
	withoutLibrary(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // nothing listens there
	if _, err := Find(""); !errors.Is(err, ErrNotFound) {
		t.Fatalf("this test needs a machine without ONNX Runtime in its system folders: %v", err)
	}
	path, err := installPath()
	if err != nil {
		t.Fatal(err)
	}
	// What a killed installation leaves.
	if err := os.MkdirAll(filepath.Join(filepath.Dir(path), ".npm-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), ".libonnxruntime.so.1234"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Ensure(t.Context(), "", nil)
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{path, "npm pack onnxruntime-node@" + Version, Env, "npm is not on the PATH"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error doesn't say %q: %v", want, err)
		}
	}
	only(t, filepath.Dir(path), ".lock")
}

// An npm that delivers another file, fails, or hangs until it is cancelled leaves
// nothing behind.
func TestInstallWithBadNPM(t *testing.T) {
	b := builds[runtime.GOOS+"/"+runtime.GOARCH]
	file, _ := tarball(t, b.npmMember, []byte("another library"))
	for _, c := range []struct{ name, script, want string }{
		{"fails", "echo; echo 'npm error 403 Forbidden' >&2; exit 1", "npm error 403 Forbidden"},
		{"delivers another library", "cp \"$(dirname \"$0\")/evil.tgz\" \"$4/\"", "SHA-256"},
		{"delivers nothing", "exit 0", "0 archives"},
		{"hangs", "sleep 60", "context deadline exceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bin, dir := t.TempDir(), t.TempDir()
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			for name, text := range map[string]string{"npm": "#!/bin/sh\n" + c.script + "\n", "evil.tgz": string(file)} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ctx := t.Context()
			if c.name == "hangs" {
				short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
				ctx = short
			}
			err := fromNPM(ctx, b, filepath.Join(dir, "lib.so"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			only(t, dir)
		})
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	var mu sync.Mutex
	inside, most := 0, 0
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			unlock, err := lock(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			inside--
			mu.Unlock()
			unlock()
		})
	}
	all.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at the same time", most)
	}
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with a cancelled context: %v", err)
	}
}
