package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // image.Decode reads it
	_ "image/png"
	"os"

	_ "golang.org/x/image/webp"
)

// ErrFormat is the error of a file that is not an image of a supported format.
var ErrFormat = errors.New("is not a PNG, JPEG, WebP or GIF image")

// maxPixels is the largest image that is read. A file of a few bytes can claim a size
// that does not fit in memory.
const maxPixels = 1 << 28

// Load reads an image file. Transparent parts are drawn over black, and photographs
// are rotated by their EXIF orientation.
func Load(path string) (*image.RGBA, error) {
	img, orientation, err := load(path)
	if err != nil {
		return nil, err
	}
	return upright(opaque(img), orientation), nil
}

// LoadMask reads a mask as grey levels. Transparent parts are black.
func LoadMask(path string) (*image.Gray, error) {
	img, _, err := load(path)
	if err != nil {
		return nil, err
	}
	return grey(img), nil
}

// load reads an image as stored, and its EXIF orientation.
func load(path string) (img image.Image, orientation int, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, 0, fmt.Errorf("read image: %s is a folder", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read image: %w", err)
	}
	if img, err = decode(data, maxPixels); err != nil {
		return nil, 0, fmt.Errorf("read image: %s %w", path, err)
	}
	return img, readOrientation(data), nil
}

// decode reads an image of at most limit pixels. Its errors continue the name of the
// file.
func decode(data []byte, limit int) (image.Image, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, image.ErrFormat):
		return nil, ErrFormat
	case err != nil:
		return nil, fmt.Errorf("is truncated or damaged: %w", err)
	case c.Width < 1 || c.Height < 1:
		return nil, errors.New("has no pixels")
	case c.Width > limit/c.Height:
		return nil, fmt.Errorf("has %d×%d pixels, which is too large: scale it down", c.Width, c.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("is truncated or damaged: %w", err)
	}
	return img, nil
}

// opaque draws an image over black, with its corner at (0, 0).
func opaque(img image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}

// grey returns the grey levels of an image, with its corner at (0, 0).
func grey(img image.Image) *image.Gray {
	out := image.NewGray(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
