package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"io"
	"time"
)

// WriteAPNG writes an animated PNG (PNG specification, third edition, section 11.3.6)
// with texts. It keeps all colours. Programs without support for animations show the
// first frame. Each frame holds only the part that changed.
func WriteAPNG(w io.Writer, a Animation, texts ...Text) error {
	if err := a.check(); err != nil {
		return err
	}
	p := apng{w: w}
	for i, f := range a.Frames {
		part := f.Rect
		if i > 0 {
			part = changed(a.Frames[i-1], f)
		}
		var still bytes.Buffer
		if err := encode(&still, opaquePart(f, part), texts); err != nil {
			return fmt.Errorf("write APNG: %w", err)
		}
		texts = nil // they are written with the first frame
		if err := p.frame(&still, part, len(a.Frames), a.delay(i)); err != nil {
			return fmt.Errorf("write APNG: %w", err)
		}
	}
	return writeChunk(w, "IEND", nil)
}

// opaquePart returns a part of a frame with alpha 255, so that png.Encode writes 8-bit
// RGB: all frames must have the same colour type.
func opaquePart(f *image.RGBA, part image.Rectangle) image.Image {
	out := image.NewRGBA(image.Rectangle{Max: part.Size()})
	draw.Draw(out, out.Rect, f, part.Min, draw.Src)
	for i := 3; i < len(out.Pix); i += 4 {
		out.Pix[i] = 255
	}
	return out
}

// changed returns the smallest rectangle with all pixels that differ, of at least one
// pixel.
func changed(a, b *image.RGBA) image.Rectangle {
	r := image.Rectangle{}
	for y := range b.Rect.Dy() {
		one, two := a.Pix[y*a.Stride:][:4*b.Rect.Dx()], b.Pix[y*b.Stride:][:4*b.Rect.Dx()]
		if bytes.Equal(one, two) {
			continue
		}
		left, right := 0, len(two)
		for one[left] == two[left] {
			left++
		}
		for one[right-1] == two[right-1] {
			right--
		}
		r = r.Union(image.Rect(left/4, y, (right+3)/4, y+1))
	}
	if r.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return r
}

// apng writes frames, each from a PNG file of its own.
type apng struct {
	w        io.Writer
	begun    bool
	sequence uint32 // number of the next animation chunk
}

// frame writes one of a number of frames, at its place in the image. The first one is
// also the still image.
func (p *apng) frame(still io.Reader, at image.Rectangle, frames int, shown time.Duration) error {
	first := !p.begun
	p.begun = true
	if first {
		if _, err := io.CopyN(p.w, still, int64(headerEnd)); err != nil {
			return err
		}
		control := binary.BigEndian.AppendUint32(nil, uint32(frames))
		if err := writeChunk(p.w, "acTL", append(control, 0, 0, 0, 0)); err != nil { // repeats for ever
			return err
		}
	} else if _, err := io.CopyN(io.Discard, still, int64(headerEnd)); err != nil {
		return err
	}
	control := p.next()
	for _, v := range []int{at.Dx(), at.Dy(), at.Min.X, at.Min.Y} {
		control = binary.BigEndian.AppendUint32(control, uint32(v))
	}
	control = binary.BigEndian.AppendUint16(control, uint16(shown.Milliseconds()))
	control = binary.BigEndian.AppendUint16(control, 1000)
	if err := writeChunk(p.w, "fcTL", append(control, 0, 0)); err != nil { // no disposal, no blending
		return err
	}
	for {
		c, err := readChunk(still, func(string) bool { return true })
		switch {
		case err != nil:
			return err
		case c.kind == "IEND":
			return nil
		case c.kind == "IDAT" && !first:
			c = chunk{"fdAT", append(p.next(), c.data...)}
		}
		if err := writeChunk(p.w, c.kind, c.data); err != nil {
			return err
		}
	}
}

func (p *apng) next() []byte {
	number := binary.BigEndian.AppendUint32(nil, p.sequence)
	p.sequence++
	return number
}
