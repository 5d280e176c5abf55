package cli

import (
	"path/filepath"
	"testing"

	"sundae/internal/ort/orttest"
	"sundae/internal/picture"
)

// The built-in model samples, inpaints and reconstructs images of 1024×1024 pixels.
func TestDefaultModel(t *testing.T) {
	orttest.Library(t)
	dir := t.TempDir()
	ok := func(args ...string) {
		t.Helper()
		if code, out, messages := run(t, args...); code != exitOK {
			t.Fatalf("%v: exit code %d: %s%s", args, code, out, messages)
		}
	}
	ok("sample", "-q", "--model", "vistas", "--class", "ocean", "--n", "1", "--steps", "3", "--seed", "2", "--device", "cpu", "--out", dir)
	sample := filepath.Join(dir, "sample-2-0000.png")
	ok("inpaint", "-q", "--model", "vistas", "--class", "ocean", "--image", sample, "--rect", "256,256,256,256",
		"--n", "1", "--steps", "2", "--seed", "3", "--device", "cpu", "--out", filepath.Join(dir, "inpainted"))
	ok("reconstruct", "-q", "--model", "vistas", "--image", sample, "--device", "cpu", "--out", filepath.Join(dir, "decoded.png"))
	before, err := picture.Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join("inpainted", "inpaint-3-0000.png"), "decoded.png"} {
		after, err := picture.Load(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if db, err := picture.PSNR(before, after); err != nil || after.Rect.Dx() != 1024 || db < 15 {
			t.Errorf("%s is %v at %.1f dB of the sample, %v", name, after.Rect, db, err)
		}
	}
}
