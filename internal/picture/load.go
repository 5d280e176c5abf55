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

// ErrFormat says that a file holds no picture that can be read.
var ErrFormat = errors.New("is no PNG, JPEG, WebP or GIF picture")

// maxPixels is the largest picture read, in pixels: a file of a few bytes can
// claim to be one that fills the memory.
const maxPixels = 1 << 28

// Load reads a picture file. What is transparent comes out over black, and a
// photograph as the camera was held.
func Load(path string) (*image.RGBA, error) {
	img, turned, err := load(path)
	if err != nil {
		return nil, err
	}
	return upright(opaque(img), turned), nil
}

// LoadMask reads a mask: a picture in grey levels, of which transparent parts
// are black.
func LoadMask(path string) (*image.Gray, error) {
	img, _, err := load(path)
	if err != nil {
		return nil, err
	}
	return grey(img), nil
}

// load reads a picture as it is stored, and its orientation.
func load(path string) (img image.Image, turned int, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, 0, fmt.Errorf("read picture: %s is a folder", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("read picture: %w", err)
	}
	if img, err = decode(data, maxPixels); err != nil {
		return nil, 0, fmt.Errorf("read picture: %s %w", path, err)
	}
	return img, orientation(data), nil
}

// decode reads a picture of at most limit pixels. Its errors go on from the
// picture's name.
func decode(data []byte, limit int) (image.Image, error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, image.ErrFormat):
		return nil, ErrFormat
	case err != nil:
		return nil, fmt.Errorf("is cut short or damaged: %w", err)
	case c.Width < 1 || c.Height < 1:
		return nil, errors.New("holds no pixels")
	case c.Width > limit/c.Height:
		return nil, fmt.Errorf("has %d×%d pixels, more than can be read: scale it down", c.Width, c.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("is cut short or damaged: %w", err)
	}
	return img, nil
}

// opaque copies a picture onto black, its corner at (0, 0).
func opaque(img image.Image) *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Over)
	return out
}

// grey copies a picture's brightness, its corner at (0, 0).
func grey(img image.Image) *image.Gray {
	out := image.NewGray(image.Rectangle{Max: img.Bounds().Size()})
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}
