package picture

import (
	"bytes"
	"encoding/binary"
	"image"
)

// Cameras store an image as the sensor read it, with the orientation of the camera in
// EXIF tag 0x0112 (EXIF 2.3). The orientations are 1 to 8, and 1 is upright. From 5 on
// rows and columns are exchanged.

// readOrientation returns the orientation of a JPEG file, 1 where none is stored.
func readOrientation(data []byte) int {
	if !bytes.HasPrefix(data, []byte{0xff, 0xd8}) {
		return 1
	}
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff; {
		kind, size := data[1], 2+int(binary.BigEndian.Uint16(data[2:]))
		if size > len(data) || kind == 0xda { // the pixels; no metadata follows
			break
		}
		if tiff, ok := bytes.CutPrefix(data[4:max(4, size)], []byte("Exif\x00\x00")); ok && kind == 0xe1 {
			return orientationTag(tiff)
		}
		data = data[size:]
	}
	return 1
}

// orientationTag reads the tag in the first directory of a TIFF header.
func orientationTag(tiff []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	if bytes.HasPrefix(tiff, []byte("MM")) {
		order = binary.BigEndian
	}
	if len(tiff) < 8 {
		return 1
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 0x0112 {
			if n := int(order.Uint16(entries[8:])); n >= 1 && n <= 8 {
				return n
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}

// upright rotates and mirrors an image of an orientation.
func upright(img *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	size := image.Pt(w, h)
	if orientation >= 5 {
		size = image.Pt(h, w)
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			u, v := x, y // in img
			if orientation >= 5 {
				u, v = y, x
			}
			switch orientation {
			case 2, 3, 7, 8:
				u = w - 1 - u
			}
			switch orientation {
			case 3, 4, 6, 7:
				v = h - 1 - v
			}
			copy(out.Pix[out.PixOffset(x, y):][:4], img.Pix[img.PixOffset(u, v):])
		}
	}
	return out
}
