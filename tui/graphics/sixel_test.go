package graphics

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

// readSixel draws sixels as a terminal does. Every fault is an error.
func readSixel(s string) (*image.RGBA, error) {
	s, ok := strings.CutPrefix(s, "\x1bP0;1;0q")
	if !ok {
		return nil, fmt.Errorf("no sixel introducer")
	}
	s, ok = strings.CutSuffix(s, "\x1b\\")
	if !ok {
		return nil, fmt.Errorf("no terminator")
	}
	var w, h int
	if n, err := fmt.Sscanf(s, "\"1;1;%d;%d", &w, &h); n != 2 {
		return nil, fmt.Errorf("no raster attributes: %v", err)
	}
	s = s[strings.IndexByte(s, '#'):]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	colours := map[int]color.RGBA{}
	number := func() int { // reads digits
		n := 0
		for s != "" && s[0] >= '0' && s[0] <= '9' {
			n = n*10 + int(s[0]-'0')
			s = s[1:]
		}
		return n
	}
	x, y, colour, times := 0, 0, -1, 1
	for s != "" {
		c := s[0]
		s = s[1:]
		switch {
		case c == '#':
			colour = number()
			if colour > 255 {
				return nil, fmt.Errorf("colour %d", colour)
			}
			if s != "" && s[0] == ';' {
				var v [4]int
				for i := range v {
					s = s[1:] // the semicolon
					v[i] = number()
				}
				if v[0] != 2 || max(v[1], v[2], v[3]) > 100 {
					return nil, fmt.Errorf("colour %d: %v", colour, v)
				}
				colours[colour] = color.RGBA{level(v[1]), level(v[2]), level(v[3]), 255}
			}
		case c == '!':
			times = number()
		case c == '$':
			x = 0
		case c == '-':
			x, y = 0, y+6
		case c >= '?' && c <= '~':
			use, known := colours[colour]
			if !known && c != '?' {
				return nil, fmt.Errorf("colour %d is not defined", colour)
			}
			for ; times > 0; times-- {
				for bit := range 6 {
					if (c-'?')>>bit&1 == 0 {
						continue
					}
					if x >= w || y+bit >= h {
						return nil, fmt.Errorf("pixel %d,%d is outside %dx%d", x, y+bit, w, h)
					}
					if img.RGBAAt(x, y+bit).A != 0 {
						return nil, fmt.Errorf("pixel %d,%d is drawn twice", x, y+bit)
					}
					img.SetRGBA(x, y+bit, use)
				}
				x++
			}
			times = 1
		default:
			return nil, fmt.Errorf("byte %q", c)
		}
	}
	return img, nil
}

func level(percent int) byte { return byte((percent*255 + 50) / 100) }

// psnr compares pictures of one size, in dB.
func psnr(t testing.TB, p pixels, img *image.RGBA) float64 {
	t.Helper()
	if img.Rect.Dx() != p.w || img.Rect.Dy() != p.h {
		t.Fatalf("%v, want %dx%d", img.Rect, p.w, p.h)
	}
	sum := 0.0
	for i := range p.w * p.h {
		for k := range 3 {
			d := float64(p.rgb[i*3+k]) - float64(img.Pix[i*4+k])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255/(sum/float64(p.w*p.h*3)))
}

// smooth is a picture of soft gradients; shift moves it on, as the next step of a run does.
func smooth(w, h int, shift float64) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			img.SetRGBA(x, y, color.RGBA{
				byte(127 + 120*math.Sin(3*u+2*v+shift)), byte(127 + 120*math.Cos(2*u-3*v)), byte(255 * v), 255,
			})
		}
	}
	return img
}

// sixels are the overlay's sixels, without what places them.
func sixels(t testing.TB, f Frame) string {
	t.Helper()
	s := string(f.Overlay)
	from, to := strings.Index(s, "\x1bP"), strings.LastIndex(s, "\x1b8")
	if from < 0 || to < from {
		t.Fatalf("no sixels in %.40q", s)
	}
	return s[from:to]
}

func TestSixelShowsThePicture(t *testing.T) {
	for _, c := range []struct {
		name      string
		img       image.Image
		registers int
		least     float64 // dB
	}{
		{"gradients", smooth(700, 500, 0), 256, 33},
		{"landscape", scene(0, 512), 256, 40},
		{"night", scene(7, 512), 1024, 40},
		{"16 registers", scene(0, 512), 16, 22},
		{"1 colour", image.NewUniform(color.RGBA{200, 30, 90, 255}), 256, 45},
		{"1 pixel", smooth(1, 1, 0), 256, 40},
		{"2 colours", checker(64), 256, 38},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := c.img
			if u, ok := img.(*image.Uniform); ok {
				small := image.NewRGBA(image.Rect(0, 0, 40, 40))
				for i := range small.Pix {
					r, g, b, a := u.RGBA()
					small.Pix[i] = byte([]uint32{r, g, b, a}[i%4] >> 8)
				}
				img = small
			}
			d := NewDriver(Terminal{Protocol: Sixel, CellWidth: 9, CellHeight: 18, Registers: c.registers})
			r := Rect{X: 3, Y: 4, Cols: 50, Rows: 20}
			f, err := d.Encode(img, 1, r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readSixel(sixels(t, f))
			if err != nil {
				t.Fatal(err)
			}
			want, _, _ := place(img, r, 9, 18)
			if f.Height < want.h {
				want.h, want.rgb = f.Height, want.rgb[:f.Height*want.w*3]
			}
			if db := psnr(t, want, got); db < c.least {
				t.Errorf("%.1f dB, want %.0f", db, c.least)
			}
		})
	}
}

func checker(side int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		v := byte((i%side/8+i/side/8)%2) * 255
		img.SetRGBA(i%side, i/side, color.RGBA{v, v, v, 255})
	}
	return img
}

// What stays in the picture has to stay on screen: colours and dots.
func TestSixelDoesNotShimmer(t *testing.T) {
	d := NewDriver(Terminal{Protocol: Sixel, CellWidth: 8, CellHeight: 16})
	show := func(img image.Image) *image.RGBA {
		f, err := d.Encode(img, 1, Rect{Cols: 60, Rows: 30})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSixel(sixels(t, f))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := scene(0, 480)
	second := image.NewRGBA(first.Rect)
	copy(second.Pix, first.Pix)
	for y := 200; y < 280; y++ { // one token's worth of pixels changes
		for x := 200; x < 280; x++ {
			second.SetRGBA(x, y, first.RGBAAt(x+40, y+100))
		}
	}
	a, b := show(first), show(second)
	differ, changed := 0, 0
	for y := range 480 {
		for x := range 480 {
			same := a.RGBAAt(x, y) == b.RGBAAt(x, y)
			if x >= 200 && x < 280 && y >= 200 && y < 280 {
				if !same {
					changed++
				}
			} else if !same {
				differ++
			}
		}
	}
	if differ > 0 || changed == 0 {
		t.Errorf("%d pixels of what stayed differ, %d of what changed", differ, changed)
	}
	// Quite another picture gets colours of its own.
	other := scene(3, 480)
	if db := psnr(t, resize(other, 480, 480), show(other)); db < 38 {
		t.Errorf("another picture after it: %.1f dB", db)
	}
}

func TestSixelStaysInsideTheTerminal(t *testing.T) {
	terminal := Terminal{Protocol: Sixel, CellWidth: 8, CellHeight: 17, MaxWidth: 300, MaxHeight: 200}
	f, err := NewDriver(terminal).Encode(smooth(640, 480, 0), 1, Rect{Cols: 100, Rows: 30})
	if err != nil {
		t.Fatal(err)
	}
	if f.Width > 300 || f.Height > 200 || f.Width < 240 {
		t.Errorf("%dx%d pixels in a terminal that takes 300x200", f.Width, f.Height)
	}
	// A whole number of bands: else the last one could scroll the screen.
	terminal.MaxWidth, terminal.MaxHeight = 0, 0
	f, err = NewDriver(terminal).Encode(smooth(480, 480, 0), 1, Rect{Cols: 100, Rows: 7})
	if err != nil {
		t.Fatal(err)
	}
	if f.Height%6 != 0 || f.Height > 7*17 || f.Rows != 7 {
		t.Errorf("%d pixels high in %d rows of 17", f.Height, f.Rows)
	}
}

func TestDitherIsBlue(t *testing.T) {
	noise := blueNoise()
	sum, neighbours := 0, 0
	for i, v := range noise {
		sum += int(v) - 128
		right := noise[i/noiseSide*noiseSide+(i+1)%noiseSide]
		neighbours += (int(v) - 128) * (int(right) - 128)
	}
	if mean := float64(sum) / float64(len(noise)); math.Abs(mean+0.5) > 0.5 {
		t.Errorf("mean %.2f: pictures would change brightness", mean)
	}
	// White noise has no correlation between neighbours; blue noise a strongly negative one.
	if r := float64(neighbours) / float64(len(noise)) / (256 * 256 / 12.0); r > -0.2 {
		t.Errorf("neighbours correlate by %.2f", r)
	}
}
