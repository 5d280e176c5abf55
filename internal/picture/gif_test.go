package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"testing"
	"time"
)

// squares animates a square that crosses a gradient.
func squares(side, frames int) Animation {
	a := Animation{Each: 80 * time.Millisecond, Last: time.Second}
	for i := range frames {
		f := image.NewRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				f.SetRGBA(x, y, color.RGBA{uint8(255 * x / side), uint8(255 * y / side), 120, 255})
			}
		}
		at := i * side / frames
		draw.Draw(f, image.Rect(at, at, at+side/4, at+side/4), image.White, image.Point{}, draw.Src)
		a.Frames = append(a.Frames, f)
	}
	return a
}

func TestGIF(t *testing.T) {
	a := squares(64, 6)
	var b bytes.Buffer
	if err := WriteGIF(&b, a); err != nil {
		t.Fatal(err)
	}
	got, err := gif.DecodeAll(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Image) != 6 || got.Delay[0] != 8 || got.Delay[5] != 100 || got.LoopCount != 0 {
		t.Errorf("%d frames, delays %v, loop %d", len(got.Image), got.Delay, got.LoopCount)
	}
	// Drawn over each other, the frames are close to the originals.
	screen := image.NewRGBA(a.Frames[0].Rect)
	for i, f := range got.Image {
		draw.Draw(screen, f.Rect, f, f.Rect.Min, draw.Over)
		db, err := PSNR(screen, a.Frames[i])
		if err != nil || db < 30 {
			t.Errorf("frame %d: %.1f dB, %v", i, db, err)
		}
	}
}

// Pixels that do not change keep their colour index.
func TestDitheringIsStable(t *testing.T) {
	a := squares(64, 4)
	var counted histogram
	for _, f := range a.Frames {
		counted.add(f, 1)
	}
	q := newQuantiser(counted.palette(255))
	one, two := q.indices(a.Frames[1]), q.indices(a.Frames[2])
	for i := range one {
		if bytes.Equal(a.Frames[1].Pix[4*i:4*i+4], a.Frames[2].Pix[4*i:4*i+4]) && one[i] != two[i] {
			t.Fatalf("pixel %d stays and changes from colour %d to %d", i, one[i], two[i])
		}
	}
}

// Up to 255 colours are all kept.
func TestPaletteOfFewColours(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 4, 1))
	want := []color.RGBA{{0, 0, 0, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {10, 20, 200, 255}}
	for i, c := range want {
		img.SetRGBA(i, 0, c)
	}
	var counted histogram
	counted.add(img, 1)
	p := counted.palette(255)
	if len(p) != len(want) {
		t.Errorf("%d colours of %d", len(p), len(want))
	}
	for _, c := range want {
		if p.Convert(c) != c {
			t.Errorf("%v is missing in %v", c, p)
		}
	}
}

// The frames of an APNG, composed as the specification says, are the originals. A plain
// PNG decoder reads the first frame.
func TestAPNG(t *testing.T) {
	a := squares(40, 5)
	a.Frames = append(a.Frames, a.Frames[4]) // nothing changes
	var b bytes.Buffer
	if err := WriteAPNG(&b, a, Text{"sundae", "{}"}); err != nil {
		t.Fatal(err)
	}
	still, err := png.Decode(bytes.NewReader(b.Bytes()))
	if err != nil || !bytes.Equal(opaque(still).Pix, a.Frames[0].Pix) {
		t.Errorf("the still isn't the first frame: %v", err)
	}
	if text, err := ReadText(bytes.NewReader(b.Bytes()), "sundae"); text != "{}" || err != nil {
		t.Errorf("its text is %q, %v", text, err)
	}
	frames, delays := readAPNG(t, b.Bytes())
	if len(frames) != len(a.Frames) {
		t.Fatalf("%d frames of %d", len(frames), len(a.Frames))
	}
	for i, f := range frames {
		if !bytes.Equal(f.Pix, a.Frames[i].Pix) {
			t.Errorf("frame %d is another", i)
		}
		if delays[i] != a.delay(i) {
			t.Errorf("frame %d is shown for %v, want %v", i, delays[i], a.delay(i))
		}
	}
}

// readAPNG reads the frames of an APNG, and checks its checksums and sequence numbers.
func readAPNG(t *testing.T, data []byte) (frames []*image.RGBA, delays []time.Duration) {
	t.Helper()
	header := data[:headerEnd]
	var screen *image.RGBA
	var at image.Rectangle
	var pixels []byte
	var sequence, count uint32
	show := func() {
		if pixels == nil {
			return
		}
		var one bytes.Buffer
		one.Write(header[:16])
		size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(at.Dx())), uint32(at.Dy()))
		one.Write(size)
		one.Write(header[24:29])
		sum := crc32.ChecksumIEEE(one.Bytes()[12:])
		one.Write(binary.BigEndian.AppendUint32(nil, sum))
		if err := writeChunk(&one, "IDAT", pixels); err != nil {
			t.Fatal(err)
		}
		if err := writeChunk(&one, "IEND", nil); err != nil {
			t.Fatal(err)
		}
		part, err := png.Decode(&one)
		if err != nil {
			t.Fatalf("frame %d: %v", len(frames), err)
		}
		if screen == nil {
			screen = image.NewRGBA(at)
		}
		draw.Draw(screen, at, part, image.Point{}, draw.Src)
		frames = append(frames, opaque(screen))
		pixels = nil
	}
	r := bytes.NewReader(data[headerEnd:])
	for {
		c, err := readChunk(r, func(string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		if c.kind == "fcTL" || c.kind == "fdAT" {
			if got := binary.BigEndian.Uint32(c.data); got != sequence {
				t.Fatalf("chunk %d comes as number %d", sequence, got)
			}
			sequence++
		}
		word := func(i int) int { return int(binary.BigEndian.Uint32(c.data[4*i:])) }
		switch c.kind {
		case "acTL":
			count = uint32(word(0))
		case "fcTL":
			show()
			at = image.Rect(word(3), word(4), word(3)+word(1), word(4)+word(2))
			delays = append(delays, time.Duration(binary.BigEndian.Uint16(c.data[20:]))*time.Second/time.Duration(binary.BigEndian.Uint16(c.data[22:])))
		case "IDAT":
			pixels = append(pixels, c.data...)
		case "fdAT":
			pixels = append(pixels, c.data[4:]...)
		case "IEND":
			show()
			if int(count) != len(frames) {
				t.Errorf("%d frames announced, %d there", count, len(frames))
			}
			return frames, delays
		}
	}
}

func TestAnimationErrors(t *testing.T) {
	for _, a := range []Animation{{}, {Frames: []*image.RGBA{noise(2, 2, 1), noise(2, 3, 1)}}} {
		if WriteGIF(&bytes.Buffer{}, a) == nil || WriteAPNG(&bytes.Buffer{}, a) == nil {
			t.Errorf("%d frames were written", len(a.Frames))
		}
	}
}

func BenchmarkGIF(b *testing.B) {
	a := squares(768, 8)
	for b.Loop() {
		if err := WriteGIF(&bytes.Buffer{}, a); err != nil {
			b.Fatal(err)
		}
	}
}
