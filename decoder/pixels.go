package decoder

import (
	"encoding/binary"
	"errors"
	"image"
)

// ErrNaN says that the decoder's output is NaN.
var ErrNaN = errors.New("the model's image is not a number: decoder.onnx is broken, or its values are too large for this device (try --device cpu)")

// opaque is alpha, as the highest byte of a pixel.
const opaque = 0xff << 24

// fromBytes fills an image with uint8 [H, W, 3].
func fromBytes(img *image.RGBA, rgb []uint8) {
	out := img.Pix
	// Four pixels at once: twelve bytes in three reads, sixteen in two writes.
	for len(rgb) >= 12 {
		a, b, c := binary.LittleEndian.Uint32(rgb), binary.LittleEndian.Uint32(rgb[4:]), binary.LittleEndian.Uint32(rgb[8:])
		first, second := a|opaque, a>>24|b<<8|opaque
		third, fourth := b>>16|c<<16|opaque, c>>8|opaque
		binary.LittleEndian.PutUint64(out, uint64(first)|uint64(second)<<32)
		binary.LittleEndian.PutUint64(out[8:], uint64(third)|uint64(fourth)<<32)
		rgb, out = rgb[12:], out[16:]
	}
	for len(rgb) >= 3 {
		out[0], out[1], out[2], out[3] = rgb[0], rgb[1], rgb[2], 255
		rgb, out = rgb[3:], out[4:]
	}
}

// fromPlanes fills an image with float32 [3, H, W] in [-1, 1], clamping values
// outside that range.
func fromPlanes(img *image.RGBA, planes []float32) error {
	area := len(planes) / 3
	red, green, blue := planes[:area], planes[area:2*area], planes[2*area:]
	green, blue = green[:len(red)], blue[:len(red)]
	out := img.Pix
	valid := true
	for i, r := range red {
		g, b := green[i], blue[i]
		valid = valid && r == r && g == g && b == b
		binary.LittleEndian.PutUint32(out, level(r)|level(g)<<8|level(b)<<16|opaque)
		out = out[4:]
	}
	if !valid {
		return ErrNaN
	}
	return nil
}

// level rounds a value in [-1, 1] to one of 0 to 255.
func level(v float32) uint32 {
	switch {
	case v >= 1:
		return 255
	case v > -1:
		return uint32(v*127.5 + 128) // 127.5 for the range, 0.5 to round
	}
	return 0
}

// toPlanes writes an image as float32 [3, H, W] in [-1, 1].
func toPlanes(planes []float32, img *image.RGBA) {
	area := len(planes) / 3
	red, green, blue := planes[:area], planes[area:2*area], planes[2*area:]
	pix := img.Pix
	for i := range red {
		red[i], green[i], blue[i] = shade[pix[0]], shade[pix[1]], shade[pix[2]]
		pix = pix[4:]
	}
}

// shade is the value in [-1, 1] of each level.
var shade = func() (s [256]float32) {
	for i := range s {
		s[i] = float32(i)/127.5 - 1
	}
	return s
}()
