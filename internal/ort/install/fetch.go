package install

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"sundae/internal/progress"
)

const (
	npmPackage = "onnxruntime-node@" + Version
	releaseURL = "https://github.com/microsoft/onnxruntime/releases/download/v" + Version + "/"
)

// build says where one platform's library is in both archives, and its hashes.
//
// The npm package has every platform's library, with the CPU and WebGPU
// providers; the library's hash is pinned. The release archives are smaller and
// have the CPU provider only (and CoreML on macOS); the archive's hash is pinned.
type build struct {
	npmMember     string
	npmSHA256     string
	bytes         int64 // the npm library's size, for the progress bar
	releaseName   string
	releaseMember string
	releaseSHA256 string
}

// builds by GOOS/GOARCH.
var builds = map[string]build{
	"linux/amd64": {
		npmMember:     "package/bin/napi-v6/linux/x64/libonnxruntime.so.1",
		npmSHA256:     "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23",
		bytes:         45828512,
		releaseName:   "onnxruntime-linux-x64-" + Version + ".tgz",
		releaseMember: "onnxruntime-linux-x64-" + Version + "/lib/libonnxruntime.so." + Version,
		releaseSHA256: "a5ed5a3cac51fbb2e90da632ae43d19212faaa20e76484e62bcb7c23ddb3b3fd",
	},
	"linux/arm64": {
		npmMember:     "package/bin/napi-v6/linux/arm64/libonnxruntime.so.1",
		npmSHA256:     "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76",
		bytes:         25135496,
		releaseName:   "onnxruntime-linux-aarch64-" + Version + ".tgz",
		releaseMember: "onnxruntime-linux-aarch64-" + Version + "/lib/libonnxruntime.so." + Version,
		releaseSHA256: "e16a27a8ed330bbc698df7330b0cf56e722f354e3bcc92118682c74ef3c3e3da",
	},
	"darwin/arm64": {
		npmMember:     "package/bin/napi-v6/darwin/arm64/libonnxruntime.1.dylib",
		npmSHA256:     "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d",
		bytes:         44589928,
		releaseName:   "onnxruntime-osx-arm64-" + Version + ".tgz",
		releaseMember: "onnxruntime-osx-arm64-" + Version + "/lib/libonnxruntime." + Version + ".dylib",
		releaseSHA256: "6ebb5062a934537c352937821f9fe9718e7de1a2db1122a93dd363ffd53a7012",
	},
}

// fromNPM downloads the npm package with the npm client, which knows the user's
// registry and proxy, and extracts the library. It runs nothing of the package.
func fromNPM(ctx context.Context, b build, path string, reporter *progress.Reporter) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return errors.New("npm is not on the PATH")
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".npm-")
	if err != nil {
		return fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(dir)

	bar := reporter.Bar("downloading "+npmPackage+" (114 MB)", 0, "")
	cmd := exec.CommandContext(ctx, npm, "pack", npmPackage, "--pack-destination", dir,
		"--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-audit", "--no-fund")
	cmd.Dir = dir // so that a package.json or .npmrc of the current folder has no effect
	cmd.WaitDelay = time.Second
	output, err := cmd.CombinedOutput()
	bar.Done()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("npm pack: %w: %s", err, firstLine(output))
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack wrote %d archives, not one", len(archives))
	}
	f, err := os.Open(archives[0])
	if err != nil {
		return fmt.Errorf("open npm's archive: %w", err)
	}
	defer f.Close()
	bar = reporter.Bar("unpacking ONNX Runtime", b.bytes, "bytes")
	defer bar.Done()
	return unpack(ctx, f, archive{member: b.npmMember, memberSHA256: b.npmSHA256}, path, bar)
}

// firstLine returns the first line of a program's output that isn't blank.
func firstLine(output []byte) string {
	for line := range strings.Lines(string(output)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return "it printed nothing"
}

// fromRelease downloads the archive of ONNX Runtime's release page.
func fromRelease(ctx context.Context, b build, path string, reporter *progress.Reporter) error {
	return download(ctx, releaseURL+b.releaseName,
		archive{member: b.releaseMember, archiveSHA256: b.releaseSHA256}, path, reporter)
}

// download extracts an archive while it arrives from url.
func download(ctx context.Context, url string, a archive, path string, reporter *progress.Reporter) error {
	// A machine without a connection should fail soon, so there is a time limit up to
	// the first byte; the transfer itself may take as long as it needs.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 30 * time.Second
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returned %s", url, resp.Status)
	}
	bar := reporter.Bar("downloading "+filepath.Base(url), max(resp.ContentLength, 0), "bytes")
	defer bar.Done()
	return unpack(ctx, io.TeeReader(resp.Body, counter{bar}), a, path, nil)
}

// archive says which member of a gzipped tar is wanted, and the SHA-256, in hex,
// of the member, of the whole file, or of both. "" isn't checked.
type archive struct {
	member        string
	memberSHA256  string
	archiveSHA256 string
}

// unpack writes the archive's member to path. It replaces path only after the
// whole member has arrived and the hashes match. bar, which may be nil, counts the
// member's bytes.
func unpack(ctx context.Context, r io.Reader, a archive, path string, bar *progress.Bar) error {
	whole, member := sha256.New(), sha256.New()
	r = io.TeeReader(&cancelReader{ctx, r}, whole)
	unzip, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	files := tar.NewReader(unzip)
	for {
		header, err := files.Next()
		if err == io.EOF {
			return fmt.Errorf("the archive has no %s", a.member)
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if strings.TrimPrefix(header.Name, "./") == a.member && header.Typeflag == tar.TypeReg {
			break
		}
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write the library: %w", err)
	}
	defer pending.Cleanup()
	if _, err := io.Copy(io.MultiWriter(pending, member, counter{bar}), files); err != nil {
		return fmt.Errorf("extract %s: %w", a.member, err)
	}
	if err := matches(member, a.memberSHA256, a.member); err != nil {
		return err
	}
	if a.archiveSHA256 != "" {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return fmt.Errorf("read the archive to its end: %w", err)
		}
		if err := matches(whole, a.archiveSHA256, "the archive"); err != nil {
			return err
		}
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("move the library into place: %w", err)
	}
	return nil
}

// matches compares a hash with its expected value in hex, "" for none.
func matches(h hash.Hash, want, what string) error {
	if got := hex.EncodeToString(h.Sum(nil)); want != "" && got != want {
		return fmt.Errorf("%s is not the expected file: its SHA-256 is %s, not %s", what, got, want)
	}
	return nil
}

// counter adds the bytes written to it to a bar.
type counter struct{ bar *progress.Bar }

func (c counter) Write(p []byte) (int, error) {
	c.bar.Add(int64(len(p)))
	return len(p), nil
}

// cancelReader fails once its context is cancelled.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
