package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// photograph is a JPEG of an orientation. It is blue with a red corner, the upper left
// one as stored.
func photograph(t testing.TB, orientation uint16, order binary.AppendByteOrder) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			c := color.RGBA{20, 20, 200, 255}
			if x < 16 && y < 16 {
				c = color.RGBA{250, 20, 20, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var plain bytes.Buffer
	if err := jpeg.Encode(&plain, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	mark := "II*\x00"
	if order.String() == "BigEndian" {
		mark = "MM\x00*"
	}
	tiff := order.AppendUint32([]byte(mark), 8)
	tiff = order.AppendUint16(tiff, 1) // one entry: orientation, of one short
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, orientation)
	tiff = append(tiff, make([]byte, 6)...)
	exif := append([]byte("Exif\x00\x00"), tiff...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(exif)+2))
	return append(append(head, exif...), plain.Bytes()[2:]...)
}

// The red corner ends up where the specification says: the orientation names the sides
// of the first row and the first column.
func TestOrientation(t *testing.T) {
	for n, corner := range map[uint16]image.Point{ // as a share of the width and height
		1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1},
		0: {0, 0}, 9: {0, 0},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.jpg", n))
			if err := os.WriteFile(path, photograph(t, n, order), 0o644); err != nil {
				t.Fatal(err)
			}
			img, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			size := image.Pt(48, 32)
			if n >= 5 && n <= 8 {
				size = image.Pt(32, 48)
			}
			if img.Rect.Size() != size {
				t.Errorf("orientation %d, %s: %v pixels", n, order, img.Rect.Size())
			}
			for x := range 2 {
				for y := range 2 {
					red := img.RGBAAt(4+x*(size.X-8), 4+y*(size.Y-8)).R > 128
					if red != (image.Pt(x, y) == corner) {
						t.Errorf("orientation %d, %s: red at the corner %d,%d is %t", n, order, x, y, red)
					}
				}
			}
		}
	}
}

// Every pixel is where the specification draws it, for all eight orientations.
func TestUpright(t *testing.T) {
	stored := noise(5, 3, 1)
	for n, seen := range map[int]func(x, y int) (u, v int){ // of a pixel seen, where it is stored
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return 4 - x, y },
		3: func(x, y int) (int, int) { return 4 - x, 2 - y },
		4: func(x, y int) (int, int) { return x, 2 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, 2 - x },
		7: func(x, y int) (int, int) { return 4 - y, 2 - x },
		8: func(x, y int) (int, int) { return 4 - y, x },
	} {
		out := upright(stored, n)
		for y := range out.Rect.Dy() {
			for x := range out.Rect.Dx() {
				if u, v := seen(x, y); out.RGBAAt(x, y) != stored.RGBAAt(u, v) {
					t.Fatalf("orientation %d: %d,%d isn't the stored %d,%d", n, x, y, u, v)
				}
			}
		}
	}
}

// Any bytes give one of the eight orientations.
func FuzzOrientation(f *testing.F) {
	whole := photograph(f, 6, binary.BigEndian)
	f.Add(whole[:60])
	f.Add(photograph(f, 8, binary.LittleEndian)[:60])
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if n := readOrientation(data); n < 1 || n > 8 {
			t.Errorf("orientation %d", n)
		}
	})
}
