package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noise is an image of random opaque pixels.
func noise(w, h int, seed uint64) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func pngOf(t testing.TB, img image.Image, texts ...Text) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, img, texts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.png")
	img := noise(20, 9, 1)
	if err := Save(path, img); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil || got.Rect != img.Rect || !bytes.Equal(got.Pix, img.Pix) {
		t.Errorf("a saved picture comes back as another: %v", err)
	}
	// Transparent parts are black, in pictures and in masks.
	glass := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	glass.SetNRGBA(0, 0, color.NRGBA{255, 255, 255, 0})
	glass.SetNRGBA(1, 0, color.NRGBA{255, 255, 255, 255})
	if err := Save(path, glass); err != nil {
		t.Fatal(err)
	}
	if got, err = Load(path); err != nil || !bytes.Equal(got.Pix, []byte{0, 0, 0, 255, 255, 255, 255, 255}) {
		t.Errorf("transparency became %v, %v", got, err)
	}
	if mask, err := LoadMask(path); err != nil || !bytes.Equal(mask.Pix, []byte{0, 255}) {
		t.Errorf("the mask is %v, %v", mask, err)
	}
}

// Errors are one sentence that names the file.
func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	whole := pngOf(t, noise(40, 40, 2))
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"text.png":  {[]byte("not a picture at all"), "is not a PNG, JPEG, WebP or GIF image"},
		"empty.png": {nil, "is not a PNG, JPEG, WebP or GIF image"},
		"cut.png":   {whole[:len(whole)/2], "is truncated or damaged: png"},
		"head.png":  {whole[:20], "is truncated or damaged"},
		"huge.png":  {huge(t), "has 100000×100000 pixels, which is too large"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), name+" "+c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "none.png")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

// huge is a PNG file that claims to have 100,000×100,000 pixels.
func huge(t testing.TB) []byte {
	data := pngOf(t, noise(1, 1, 3))
	var out bytes.Buffer
	out.WriteString(signature)
	header := bytes.Clone(data[len(signature)+8:][:13])
	copy(header, []byte{0, 1, 134, 160, 0, 1, 134, 160})
	if err := writeChunk(&out, "IHDR", header); err != nil {
		t.Fatal(err)
	}
	out.Write(data[headerEnd:])
	return out.Bytes()
}

// Any bytes give an image within the limit or an error with a message.
func FuzzDecode(f *testing.F) {
	img := noise(9, 7, 4)
	f.Add(pngOf(f, img))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(b.Bytes()))
	b.Reset()
	if err := gif.Encode(&b, img, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Clone(b.Bytes()))
	f.Add(huge(f))
	f.Add([]byte("RIFF\x1a\x00\x00\x00WEBPVP8L"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 14
		img, err := decode(data, limit)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		mask := grey(img)
		if n := mask.Rect.Dx() * mask.Rect.Dy(); n < 1 || n > limit || n != len(mask.Pix) {
			t.Errorf("%d pixels in %v", len(mask.Pix), mask.Rect)
		}
		FitMask(mask, 8, Letterbox)
		Fit(opaque(img), 8, Crop)
	})
}

func TestSaveIsWholeOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.png")
	if err := Save(path, image.NewRGBA(image.Rectangle{})); err == nil {
		t.Error("a picture without pixels was saved")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("a failed save left %v", left)
	}
	nowhere := filepath.Join(dir, "none", "a.png")
	if err := Save(nowhere, noise(1, 1, 1)); err == nil || err.Error() != "save image "+nowhere+": no such file or directory" {
		t.Errorf("saving in a folder that isn't there: %v", err)
	}
	if _, err := png.Decode(bytes.NewReader(pngOf(t, noise(3, 3, 1), Text{"sundae", "{}"}))); err != nil {
		t.Errorf("with a text the PNG can't be read: %v", err)
	}
}

func TestLoadWebP(t *testing.T) {
	img, err := Load(filepath.Join("testdata", "red.webp"))
	if err != nil {
		t.Fatal(err)
	}
	if img.Rect.Size() != image.Pt(6, 4) || img.RGBAAt(5, 3) != (color.RGBA{200, 30, 40, 255}) {
		t.Errorf("%v pixels of %v", img.Rect.Size(), img.RGBAAt(5, 3))
	}
}
